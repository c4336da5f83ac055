#!/usr/bin/env python3
"""Draws exported poses onto the frames they belong to, for looking at: as contact sheets or as a video.

    posebus export --store FILE --format json > poses.jsonl
    python3 draw_poses.py poses.jsonl clip.mp4 OUT.png [--frames 0-239/10] [--columns 4]
    python3 draw_poses.py poses.jsonl clip.mp4 OUT.mp4 [--scale 2]

Each track has a colour; a person that is predicted and not observed is grey and dashed. The picture's corner has the frame's
number and, where nobody is found, says so. Prints the frames without an observed person. Needs numpy, Pillow and ffmpeg.
"""
import argparse
import json
import math
import subprocess

import numpy as np
from PIL import Image, ImageDraw

from clips import decoder, probe

BONES = [(11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (24, 26),
         (26, 28), (27, 31), (28, 32), (7, 8), (0, 7), (0, 8)]
COLOURS = ["#00ff66", "#ff4444", "#44aaff", "#ffcc00", "#ff66ff", "#00ffff"]
PREDICTED = "#b0b0b0"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("poses")
    parser.add_argument("clip")
    parser.add_argument("out", help="a picture, or a .mp4")
    parser.add_argument("--frames", help="FIRST-LAST/STEP; by default every tenth for a picture, all for a video")
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--scale", type=float, help="by default 0.6 for a picture, 1 for a video")
    arguments = parser.parse_args()
    moving = arguments.out.endswith(".mp4")
    scale = arguments.scale or (1 if moving else 0.6)
    interval, step = (arguments.frames or f"0-1000000/{1 if moving else 10}").split("/")
    first, last = map(int, interval.split("-"))
    with open(arguments.poses) as lines:
        outcomes = {outcome["sequence"]: outcome for outcome in map(json.loads, lines)}
    empty = [number for number, outcome in sorted(outcomes.items())
             if not any(person.get("observed", True) for person in outcome["persons"])]
    print(f"{len(outcomes)} frames, an observed person in {len(outcomes) - len(empty)}; nobody in {ranges(empty)}")
    width, height, rate = probe(arguments.clip)
    sheet = Video(arguments.out, rate) if moving else Sheet(arguments.out, arguments.columns)
    with decoder(arguments.clip) as frames:
        index = 0
        while len(pixels := frames.stdout.read(3 * width * height)) == 3 * width * height:
            if first <= index <= last and (index - first) % int(step) == 0:
                image = Image.fromarray(np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
                sheet.add(draw(image, index, outcomes.get(index, {"persons": []}), scale))
            index += 1
    sheet.end()


class Sheet:
    def __init__(self, path, columns):
        self.path, self.columns, self.images = path, columns, []

    def add(self, image):
        self.images.append(image)

    def end(self):
        columns = min(self.columns, len(self.images))
        rows = -(-len(self.images) // columns)
        width, height = self.images[0].size
        sheet = Image.new("RGB", (columns * width, rows * height))
        for place, image in enumerate(self.images):
            sheet.paste(image, (place % columns * width, place // columns * height))
        sheet.save(self.path)


class Video:
    def __init__(self, path, rate):
        self.path, self.rate, self.encoder = path, rate, None

    def add(self, image):
        if not self.encoder:
            self.encoder = subprocess.Popen(
                ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                 f"{image.width}x{image.height}", "-r", str(self.rate), "-i", "-", "-c:v", "libx264", "-crf", "18", "-pix_fmt",
                 "yuv420p", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", self.path], stdin=subprocess.PIPE)
        self.encoder.stdin.write(image.tobytes())

    def end(self):
        self.encoder.communicate()
        if self.encoder.returncode:
            raise SystemExit("ffmpeg could not write the video")


def ranges(numbers):
    """[1, 2, 3, 7] as "1-3, 7"."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs) or "none"


def draw(image, index, outcome, scale):
    # Enlarged first: lines and letters stay thin.
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(image)
    for person in outcome["persons"]:
        observed = person.get("observed", True)
        colour = COLOURS[(person["track_id"] - 1) % len(COLOURS)] if observed else PREDICTED
        points = [(point[0] * scale, point[1] * scale) for point in person.get("keypoints_2d") or []]
        # Other skeletons have other numbers.
        for a, b in BONES if len(points) == 33 else []:
            line(pen, points[a], points[b], colour, not observed, width=max(1, round(2 * scale)))
        for x, y in points if len(points) != 33 else []:
            pen.ellipse([x - 2, y - 2, x + 2, y + 2], fill=colour)
        x, y, width, height = (value * scale for value in person["bbox"])
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        for a, b in zip(corners, corners[1:] + corners[:1]):
            line(pen, a, b, colour, not observed)
        pen.text((x, y - 12), f"{person['track_id']} {person['score']:.2f} {person.get('state', '')[:4]}", fill=colour)
    pen.text((4, 4), str(index), fill="white", stroke_width=1, stroke_fill="black")
    if not outcome["persons"]:
        reason = (outcome.get("drop") or {}).get("reason", "nobody")
        pen.text((4, 18), reason, fill="#ff4444", stroke_width=1, stroke_fill="black")
    return image


def line(pen, start, end, colour, dashed, width=1):
    parts = max(1, int(math.dist(start, end) / 4)) if dashed else 1
    between = [tuple(a + (b - a) * part / parts for a, b in zip(start, end)) for part in range(parts + 1)]
    for part in range(0, parts, 2):
        pen.line([between[part], between[part + 1]], fill=colour, width=width)


if __name__ == "__main__":
    main()
