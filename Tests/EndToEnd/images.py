"""Images for the tests, good and bad, made without any image library."""

import struct
import subprocess
from functools import lru_cache


@lru_cache
def jpegs(count, size="320x240"):
    """Frames of ffmpeg's test picture: every one is different."""
    stream = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-frames:v", str(count),
         "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "5", "-"],
        check=True, capture_output=True, timeout=120).stdout
    # Within the data of an image the two markers cannot follow each other.
    frames = [part + b"\xff\xd9" for part in stream.removesuffix(b"\xff\xd9").split(b"\xff\xd9\xff\xd8")]
    frames[1:] = [b"\xff\xd8" + part for part in frames[1:]]
    assert len(frames) == count
    return tuple(frames)


def tiny_jpeg():
    """One small frame."""
    return jpegs(1, "64x48")[0]


def jpegs_of(pictures):
    """JPEGs of RGB arrays of one size."""
    pictures = list(pictures)
    height, width, _ = pictures[0].shape
    stream = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", "-",
         "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "2", "-"],
        check=True, capture_output=True, timeout=120, input=b"".join(p.tobytes() for p in pictures)).stdout
    frames = [part + b"\xff\xd9" for part in stream.removesuffix(b"\xff\xd9").split(b"\xff\xd9\xff\xd8")]
    frames[1:] = [b"\xff\xd8" + part for part in frames[1:]]
    assert len(frames) == len(pictures)
    return frames


def turned(jpeg, orientation):
    """The same JPEG with an EXIF orientation."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + b"\0\0\0\0"
    return jpeg[:2] + _segment(0xE1, exif) + jpeg[2:]


def video(path, frames=25, size="320x240"):
    """A short video file."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-frames:v", str(frames),
         "-pix_fmt", "yuv420p", str(path)],
        check=True, timeout=120)
    return path


def sound(path):
    """A file that ffmpeg can read and that has no video stream."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=1", str(path)], check=True, timeout=120)
    return path


def _segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def huge_jpeg():
    """400 bytes that declare 65500 x 65500 pixels."""
    table = bytes([0, 1] + [0] * 15 + [0])
    file = (
        b"\xff\xd8"
        + _segment(0xDB, bytes([0]) + bytes([1] * 64))
        + _segment(0xC0, struct.pack(">BHHBBBB", 8, 65500, 65500, 1, 1, 0x11, 0))
        + _segment(0xC4, table)
        + _segment(0xC4, bytes([0x10]) + table[1:])
    )
    scan = _segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\x00" * 16 + b"\xff\xd9"
    comment = _segment(0xFE, b"x" * (400 - len(file) - len(scan) - 4))
    assert len(file + comment + scan) == 400
    return file + comment + scan


def cmyk_jpeg():
    """A JPEG of four components: an Adobe marker says that they are CMYK."""
    table = bytes([0, 1] + [0] * 15 + [0])
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3, 4))
    scan = b"".join(bytes([number, 0]) for number in (1, 2, 3, 4))
    return (
        b"\xff\xd8"
        + _segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0))
        + _segment(0xDB, bytes([0]) + bytes([1] * 64))
        + _segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 4) + components)
        + _segment(0xC4, table)
        + _segment(0xC4, bytes([0x10]) + table[1:])
        # One bit a symbol: for each component "no difference" and "end of block", eight bits in all.
        + _segment(0xDA, bytes([4]) + scan + bytes([0, 63, 0]))
        + b"\x00\xff\xd9"
    )


def large_jpeg(size=30_000_000):
    """A JPEG that is valid but for its size: a small image with comments."""
    image = tiny_jpeg()
    comments = _segment(0xFE, b"x" * 65_000) * -(-size // 65_004)
    return image[:2] + comments + image[2:]
