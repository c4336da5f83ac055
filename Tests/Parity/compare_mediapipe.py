#!/usr/bin/env python3
"""Compares exported poses with MediaPipe's own Python on the same frames, and with boxes of the person.

    posebus export --store FILE --format json > poses.jsonl
    python3 compare_mediapipe.py poses.jsonl clip.mp4 [--boxes clip.boxes.json] [--at-least N]

Needs mediapipe==0.10.21, numpy and ffmpeg. Exit status 1 when a limit does not hold: the median distance between the
33 landmarks is at most 2 % of the person's height, and boxes overlap (IoU >= 0.4) in 98 % of the frames that have one.
"""
import argparse
import json
import subprocess
import sys
import time

import numpy as np


def decode(clip):
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "json", clip],
        check=True, capture_output=True).stdout
    stream = json.loads(probe)["streams"][0]
    width, height = stream["width"], stream["height"]
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clip, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def mediapipe_poses(frames, smooth):
    import mediapipe
    pose = mediapipe.solutions.pose.Pose(static_image_mode=False, model_complexity=1, smooth_landmarks=smooth)
    height, width = frames.shape[1:3]
    started, result = time.perf_counter(), []
    for frame in frames:
        found = pose.process(frame).pose_landmarks
        result.append(found and np.array([[p.x * width, p.y * height] for p in found.landmark]))
    return result, (time.perf_counter() - started) / len(frames) * 1000


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("poses")
    parser.add_argument("clip")
    parser.add_argument("--boxes", help='JSON: {"mesh": {"<frame>": {"box": [x, y, w, h]}}}')
    parser.add_argument("--at-least", type=int, default=0, help="least number of frames with a pose")
    arguments = parser.parse_args()

    frames = decode(arguments.clip)
    with open(arguments.poses) as lines:
        ours = sorted((json.loads(line) for line in lines if line.strip()), key=lambda outcome: outcome["sequence"])
    if len(ours) != len(frames):
        sys.exit(f"{arguments.poses} has {len(ours)} outcomes, {arguments.clip} has {len(frames)} frames")
    persons = [outcome["persons"] for outcome in ours]
    boxes = {}
    if arguments.boxes:
        with open(arguments.boxes) as file:
            boxes = {int(number): entry["box"] for number, entry in json.load(file)["mesh"].items()}

    failures = []
    found = sum(bool(people) for people in persons)
    numbers = sorted({person["track_id"] for people in persons for person in people})
    print(f"{len(frames)} frames, a pose in {found}, more than one in {sum(len(p) > 1 for p in persons)}, "
          f"identities {numbers}")
    if found < arguments.at_least:
        failures.append(f"a pose in {found} frames, wanted {arguments.at_least}")

    for smooth in (False, True):
        theirs, milliseconds = mediapipe_poses(frames, smooth)
        distances = []
        for index, (people, reference) in enumerate(zip(persons, theirs)):
            if reference is None or not people:
                continue
            height = boxes[index][3] if index in boxes else np.ptp(reference[:, 1])
            keypoints = [np.array(person["keypoints_2d"])[:, :2] for person in people]
            nearest = min(keypoints, key=lambda points: np.linalg.norm(points - reference, axis=1).mean())
            distances.append(np.linalg.norm(nearest - reference, axis=1) / height)
        median = float(np.median(distances)) if distances else float("inf")
        print(f"MediaPipe, smooth_landmarks={smooth}: a pose in {sum(r is not None for r in theirs)} frames, "
              f"{milliseconds:.1f} ms a frame; median distance {median:.2%} of the height over {len(distances)} frames")
        if median > 0.02:
            failures.append(f"median distance {median:.2%} with smooth_landmarks={smooth}")

    if boxes:
        overlaps = [max((overlap(p["bbox"], box) for p in persons[i]), default=0) for i, box in boxes.items()]
        share = float(np.mean(np.array(overlaps) >= 0.4))
        print(f"boxes: IoU >= 0.4 in {share:.1%} of {len(boxes)} frames, median {np.median(overlaps):.2f}")
        if share < 0.98:
            failures.append(f"IoU >= 0.4 in {share:.1%} of the frames")
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
