"""Writes the seeds from which fuzzing starts: one small valid input of each kind, and the words of each language.

    make_seeds.py FOLDER
"""

import json
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SESSION = bytes(range(16))


def checkpoints(*patterns):
    """The fixtures of the checkpoint readers."""
    folder = ROOT / "Tests/Fixtures/checkpoints"
    return [path.read_bytes() for pattern in patterns for path in sorted(folder.glob(pattern))]


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A protobuf field: whole numbers as varints, floats as fixed32, everything else with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(**fields):
    return b"".join(field(int(name[1:]), value) for name, value in fields.items())


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def numbers_of(message_name):
    """The field numbers of a message, from the schema."""
    schema = (ROOT / "Sources/Messages/Protos/posebus.proto").read_text()
    body = schema.split(f"message {message_name} {{", 1)[1].split("\n}", 1)[0]
    found = {}
    for line in body.splitlines():
        words = line.split("//")[0].strip().rstrip(";").split()
        if "=" in words:
            found[words[words.index("=") - 1]] = int(words[words.index("=") + 1].rstrip(";"))
    return found


def saved_track(number, observations):
    """A track as PersonTracker+Saving.swift writes it: the first observation, and what is no copy of the one before."""
    out = struct.pack("<qqBI", number, observations, observations > 4, 24) + bytes(range(24)) + struct.pack("<I", 7)
    for place in range(7):
        if 0 < place < 7 - observations:
            out += b"\x01"
        else:
            out += b"\x00" + struct.pack("<q5dI", place, 0.5, 0.4, 0.1, 0.2, 30.0, 3) + floats(1, 2, 3)
    return out


def build(message_name, **values):
    numbers = numbers_of(message_name)
    return b"".join(field(numbers[name], value) for name, value in values.items())


def main(folder):
    frame = build("FrameHeader", version=1, stream=b"cam1", session=SESSION, sequence=42, width=1280, height=720,
                  capture_time_ns=10**18)
    drop = frame + build("FrameHeader", drop=build("Drop", stage=1, reason=1))
    person = build("Person", track_id=1, score=0.5, bbox=floats(1, 2, 3, 4))
    outcome = build("Outcome", frame=frame, engine=b"blazepose", persons=person)
    acknowledgement = build("Acknowledgement", version=1, session=SESSION, next_sequence=43)
    seeds = {
        "wire": [b"\0" + frame, b"\0" + drop, b"\1" + outcome, b"\2" + acknowledgement],
        "feeder": [json.dumps(header).encode() for header in (
            {"stream": "cam1"}, {"msg": "pi", "frame": 3, "capture_time_ns": 10**18, "delivery": "live"},
            {"stream": "cam1", "end": True}, {"msg": "pi", "shape": [2, 2, 3], "dtype": "uint8"},
            {"stream": "T\u00fcr \"1\"", "frame": 2**63})] + [b"OK 12", b"ERR corrupt_jpeg: no"],
        "jpeg": [path.read_bytes() for path in sorted((ROOT / "Tests/Fixtures/jpeg").glob("*.jpg"))],
        "tracking": [struct.pack("<qqI", 9, 7, 2) + saved_track(3, 2) + saved_track(8, 7), struct.pack("<qqI", 1, -1, 0)],
        "certificate": [b'#  comment\nmetadata\n    streams = "cam1,cam2"\n    name = x # y\ncurve\n'
                        b'    public-key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"\n'
                        b'    secret-key = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"\n'],
        "pickle": checkpoints("*.pkl"), "torch": checkpoints("*.pt", "*.ckpt"),
        "numpy": checkpoints("*.npy", "*.npz"), "safetensors": checkpoints("*.safetensors"),
    }
    words = {
        "feeder": ['"stream"', '"msg"', '"frame"', '"capture_time_ns"', '"delivery"', '"end"', '"shape"', '"dtype"',
                   '"live"', '"lossless"', '"uint8"', "true", "false", "null", "18446744073709551615", "\\\\u0000"],
        "jpeg": ["\\xff\\xd8", "\\xff\\xd9", "\\xff\\xda", "\\xff\\xc0", "\\xff\\xc2", "\\xff\\xc4", "\\xff\\xdb",
                 "\\xff\\xdd", "\\xff\\xe1", "\\xff\\xee", "Exif\\x00\\x00", "II*\\x00", "MM\\x00*", "Adobe"],
        "certificate": ["metadata", "curve", "public-key", "secret-key", "streams", "    ", "\\x0a"],
        "wire": ["cam1"],
        "tracking": ["\\x18\\x00\\x00\\x00", "\\x07\\x00\\x00\\x00"],
        "pickle": ["cnumpy\\x0adtype\\x0a", "cnumpy.core.multiarray\\x0a_reconstruct\\x0a", "ccollections\\x0aOrderedDict\\x0a",
                   "\\x80\\x02", "\\x93", "\\x94", "\\x85", "\\x86", "\\x87", "b.", "R", "K\\x03"],
        "torch": ["PK\\x01\\x02", "PK\\x03\\x04", "PK\\x05\\x06", "PK\\x06\\x06", "PK\\x06\\x07", "data.pkl", "byteorder",
                  "ctorch._utils\\x0a_rebuild_tensor_v2\\x0a", "ctorch\\x0aFloatStorage\\x0a", "storage"],
        "numpy": ["\\x93NUMPY\\x01\\x00", "'descr': '<f4'", "'shape': ()", "'fortran_order': True", "PK\\x01\\x02",
                  "PK\\x05\\x06", ".npy"],
        "safetensors": ['"dtype":"F32"', '"shape":[]', '"data_offsets":[0,4]', '"__metadata__":{}'],
    }
    for target, inputs in seeds.items():
        into = Path(folder) / target
        into.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(inputs):
            (into / f"seed{number}").write_bytes(content)
        dictionary = "".join('"' + word.replace('"', '\\"') + '"\n' for word in words[target])
        (Path(folder) / f"{target}.dict").write_text(dictionary)


main(sys.argv[1])
