"""Just enough Protocol Buffers to write the messages that a stage of another version would send."""

import uuid


def varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def field(number, value):
    """One field: an int as varint, bytes or str as length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def frame_header(version, stream="alien", sequence=0):
    """A FrameHeader of the schema in Sources/Messages/Protos."""
    return (
        field(1, version) + field(2, stream) + field(3, uuid.uuid4().bytes) + field(4, sequence) + field(9, 64)
        + field(10, 48) + field(11, 1) + field(12, 2)
    )


def outcome(version, stream="alien", sequence=0):
    """An Outcome of the schema, for an engine that found nobody."""
    return field(1, frame_header(version, stream, sequence)) + field(2, "none")
