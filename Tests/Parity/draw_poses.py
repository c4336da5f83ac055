#!/usr/bin/env python3
"""Draws exported poses onto the frames they belong to, as contact sheets for looking at.

    posebus export --store FILE --format json > poses.jsonl
    python3 draw_poses.py poses.jsonl clip.mp4 OUT.png [--frames 0-239/10] [--columns 4]

Needs numpy, Pillow and ffmpeg.
"""
import argparse
import json

import numpy as np
from PIL import Image, ImageDraw

from clips import decoder, probe

BONES = [(11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (24, 26),
         (26, 28), (27, 31), (28, 32), (7, 8), (0, 7), (0, 8)]
COLOURS = ["#00ff66", "#ff4444", "#44aaff", "#ffcc00", "#ff66ff", "#00ffff"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("poses")
    parser.add_argument("clip")
    parser.add_argument("out")
    parser.add_argument("--frames", default="0-1000000/10", help="FIRST-LAST/STEP")
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--scale", type=float, default=0.6)
    arguments = parser.parse_args()
    interval, step = arguments.frames.split("/")
    first, last = map(int, interval.split("-"))
    with open(arguments.poses) as lines:
        outcomes = {outcome["sequence"]: outcome for outcome in map(json.loads, lines)}
    width, height, _ = probe(arguments.clip)
    drawn = []
    with decoder(arguments.clip) as frames:
        index = 0
        while len(pixels := frames.stdout.read(3 * width * height)) == 3 * width * height:
            if first <= index <= last and (index - first) % int(step) == 0:
                image = Image.fromarray(np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
                drawn.append(draw(image, index, outcomes.get(index, {"persons": []}), arguments.scale))
            index += 1
    columns = min(arguments.columns, len(drawn))
    rows = -(-len(drawn) // columns)
    sheet = Image.new("RGB", (columns * drawn[0].width, rows * drawn[0].height))
    for place, image in enumerate(drawn):
        sheet.paste(image, (place % columns * image.width, place // columns * image.height))
    sheet.save(arguments.out)


def draw(image, index, outcome, scale):
    pen = ImageDraw.Draw(image)
    for person in outcome["persons"]:
        colour = COLOURS[person["track_id"] % len(COLOURS) - 1]
        points = [tuple(point[:2]) for point in person["keypoints_2d"]]
        for a, b in BONES:
            pen.line([points[a], points[b]], fill=colour, width=2)
        x, y, width, height = person["bbox"]
        pen.rectangle([x, y, x + width, y + height], outline=colour)
        pen.text((x, y - 12), f"{person['track_id']} {person['score']:.2f}", fill=colour)
    pen.text((4, 4), str(index), fill="white")
    return image.resize((int(image.width * scale), int(image.height * scale)))


if __name__ == "__main__":
    main()
