"""Knocks at ports of other machines: says for each how connecting ended.

Reads a list of [endpoint, kind of socket, server's public key or null, own certificate or null] from standard input, as
JSON, and prints the list of answers: "ready", "refused" or "cut off".
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))

import zmq  # noqa: E402
import zmq.auth  # noqa: E402

from test_security import handshake  # noqa: E402

answers = []
with zmq.Context() as context:
    for endpoint, kind, server, own in json.load(sys.stdin):
        with context.socket(kind) as socket:
            socket.linger = 0
            if server:
                socket.curve_serverkey = server.encode()
                socket.curve_publickey, socket.curve_secretkey = (
                    zmq.auth.load_certificate(own) if own else zmq.curve_keypair())
            answers.append(handshake(socket, endpoint))
print(json.dumps(answers))
