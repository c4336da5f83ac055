"""Sockets that read from a sink, and what happens to their connections."""

from __future__ import annotations

import uuid

import zmq

from .security import Curve


def bounded_socket(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, max_queued: int, max_message_bytes: int, curve: Curve | None
) -> zmq.Socket[bytes]:
    """A socket that holds at most so many messages; it is not connected yet."""
    socket: zmq.Socket[bytes] = context.socket(kind)
    socket.linger = 0
    socket.rcvhwm = socket.sndhwm = max_queued
    socket.setsockopt(zmq.MAXMSGSIZE, max_message_bytes)
    # No ZMTP heartbeats: while a slow reader's queue is full, libzmq takes the connection for dead, and aborts the
    # process when it is read again (libzmq issue 3937). A dead connection is noticed by asking.
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, 10)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 5)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    if curve is not None:
        curve.apply(socket)
    return socket


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
