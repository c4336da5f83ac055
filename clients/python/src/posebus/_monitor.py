"""What happens to a socket's connections."""

from __future__ import annotations

import uuid

import zmq


def monitor(socket: zmq.Socket[bytes], events: int) -> zmq.Socket[bytes]:
    """A socket that receives the named events of another.

    pyzmq's ``get_monitor_socket`` names its endpoint after the socket's descriptor. A new socket can have the one
    of a socket that was dropped before libzmq has freed its endpoint: then it fails with "Address already in use".
    """
    endpoint = f"inproc://posebus-monitor-{uuid.uuid4().hex}"
    socket.monitor(endpoint, events)
    pair: zmq.Socket[bytes] = socket.context.socket(zmq.PAIR)
    pair.linger = 0
    pair.connect(endpoint)
    return pair
