"""Just enough Protocol Buffers to read and write the messages that a stage of another version would send."""

import struct
import uuid


def varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def field(number, value):
    """One field: an int as varint, a float as 32 bits, bytes or str as length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """The fields of a message in their order: number, the whole field's bytes, and its value (an int, or bytes)."""
    at = 0

    def take():
        nonlocal at
        number = shift = 0
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(message):
        begin = at
        tag = take()
        match tag & 7:
            case 0:
                value = take()
            case 1 | 5 as kind:
                length = 8 if kind == 1 else 4
                value, at = message[at:at + length], at + length
            case 2:
                length = take()
                value, at = message[at:at + length], at + length
            case kind:
                raise ValueError(f"wire type {kind}")
        yield tag >> 3, message[begin:at], value


def value_of(message, number):
    """The last value of a field, or None."""
    return next((value for found, _, value in reversed(list(fields(message))) if found == number), None)


def frame_header(version, stream="alien", sequence=0):
    """A FrameHeader of the schema in Sources/Messages/Protos."""
    return (
        field(1, version) + field(2, stream) + field(3, uuid.uuid4().bytes) + field(4, sequence) + field(9, 64)
        + field(10, 48) + field(11, 1) + field(12, 2)
    )


def outcome(version, stream="alien", sequence=0):
    """An Outcome of the schema, for an engine that found nobody."""
    return field(1, frame_header(version, stream, sequence)) + field(2, "none")
