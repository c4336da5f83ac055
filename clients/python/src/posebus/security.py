"""Encrypted and authenticated connections (CURVE), with key files in CZMQ's certificate format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import zmq
import zmq.auth

from .errors import CurveError

__all__ = ["Curve"]


@dataclass(frozen=True)
class Curve:
    """The keys of one connection: the server's public key and one's own pair, as Z85 text (40 characters each)."""

    server_key: bytes
    public_key: bytes
    secret_key: bytes

    @classmethod
    def load(cls, server: str | Path, own: str | Path) -> Curve:
        """Reads the keys.

        Args:
            server: the certificate file of the stage, or its public key itself (40 characters of Z85).
            own: one's own secret certificate file, as ``posebus keys new`` or ``zmq.auth.create_certificates`` make it.

        Raises:
            CurveError: a file cannot be read or holds no such key.
        """
        server_key = _server_key(server)
        public_key, secret_key = _certificate(own)
        if secret_key is None:
            raise CurveError(f"{own} holds no secret key; give the file that ends with .key_secret or holds both keys")
        return cls(server_key, public_key, secret_key)

    def apply(self, socket: zmq.Socket[bytes]) -> None:
        """Makes a socket a client of the server; call it before connecting."""
        if not zmq.has("curve"):
            raise CurveError("this libzmq was built without CURVE")
        socket.curve_serverkey = self.server_key
        socket.curve_publickey = self.public_key
        socket.curve_secretkey = self.secret_key


def _server_key(server: str | Path) -> bytes:
    text = str(server)
    if len(text) == 40 and not Path(text).exists():
        return text.encode()
    return _certificate(server)[0]


def _certificate(path: str | Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise CurveError(f"cannot read a certificate from {path}: {error}") from error
    return public, secret
