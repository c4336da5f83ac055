"""Frames of a clip, decoded by ffmpeg."""
import fractions
import json
import subprocess


def probe(clip):
    """(width, height, frames a second)"""
    answer = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,avg_frame_rate", "-of",
         "json", clip], check=True, capture_output=True).stdout
    stream = json.loads(answer)["streams"][0]
    return stream["width"], stream["height"], float(fractions.Fraction(stream["avg_frame_rate"]))


def decoder(clip):
    """A process that writes every frame as RGB to its standard output."""
    return subprocess.Popen(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", clip, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24",
         "-"], stdout=subprocess.PIPE)
