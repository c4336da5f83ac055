"""Reads the four fields of an outcome that a subscriber needs, without a protobuf library."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def frame_identity(outcome: bytes) -> tuple[int, str, str, int]:
    """Version, stream, session and sequence out of a ``posebus.v1.Outcome``.

    Raises:
        ValueError: the bytes are no such message.
    """
    version, stream, session, sequence = 0, b"", b"", 0
    # A field that occurs twice is merged: the last value of each scalar wins.
    for number, value in _fields(outcome):
        if number != 1 or not isinstance(value, bytes):
            continue
        for key, inner in _fields(value):
            if key == 1 and isinstance(inner, int):
                version = inner
            elif key == 2 and isinstance(inner, bytes):
                stream = inner
            elif key == 3 and isinstance(inner, bytes):
                session = inner
            elif key == 4 and isinstance(inner, int):
                sequence = inner
    if not stream or len(session) != 16:
        raise ValueError("not an outcome: it names no stream or no session")
    return version, stream.decode(), str(uuid.UUID(bytes=session)), sequence


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("not protobuf: unknown wire type")
        if at + size > len(data):
            raise ValueError("not protobuf: it ends within a field")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise ValueError("not protobuf: it ends within a number")
