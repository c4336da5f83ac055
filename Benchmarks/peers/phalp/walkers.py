"""Writes detections of people who walk to and fro and past one another, always all in view: the same file each time.

    walkers.py OUT.npz [--people 8] [--frames 300]

One row a detection, frame after frame, in no order within a frame: `frame`, `truth` int32 (N); `xy` (N, 2), the hips in the square
around the picture, 0 to 1; `camera` (N, 3), where that is in front of the camera, in PHALP's units; `confidence` (N);
`appearance` (N, 4096) and `pose` (N, 2048), of the sizes of PHALP's embeddings, with the noise of a good detector.
"""

import argparse
from pathlib import Path

import numpy as np

APPEARANCE, POSE = 4096, 2048
# A focal length of 5000 for a picture of 256.
FOCAL = 5000 / 256


def detections(people, frames):
    rng = np.random.default_rng(8)
    # Squared distances, which add up over all numbers: near 1 between two people, 0.05 between two looks at one.
    looks = rng.normal(0, 0.7 / APPEARANCE**0.5, (people, APPEARANCE))
    stance = rng.normal(0, 0.5 / POSE**0.5, (people, POSE))
    stride = rng.normal(0, 0.3 / POSE**0.5, (people, POSE))
    pace, phase = rng.uniform(0.01, 0.03, people), rng.uniform(0, 2 * np.pi, people)
    depth = np.linspace(60, 160, people)
    rows = {name: [] for name in ("frame", "truth", "xy", "camera", "confidence", "appearance", "pose")}
    for frame in range(frames):
        for person in rng.permutation(people):
            turn = phase[person] + frame * pace[person]
            x = 0.5 + 0.35 * np.sin(turn) + rng.normal(0, 0.002)
            y = 0.45 + 0.15 * (1 - person / people) + rng.normal(0, 0.002)
            z = depth[person] * np.exp(rng.normal(0, 0.02))
            rows["frame"].append(frame)
            rows["truth"].append(person)
            rows["xy"].append((x, y))
            rows["camera"].append(((x - 0.5) * z / FOCAL, (y - 0.5) * z / FOCAL, z))
            rows["confidence"].append(rng.uniform(0.9, 1))
            rows["appearance"].append(1000 * (looks[person] + rng.normal(0, 0.15 / APPEARANCE**0.5, APPEARANCE)))
            rows["pose"].append(
                stance[person] + stride[person] * np.sin(8 * turn) + rng.normal(0, 0.1 / POSE**0.5, POSE))
    return {
        name: np.array(values, dtype=np.int32 if name in ("frame", "truth") else np.float32) for name, values in rows.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--frames", type=int, default=300)
    arguments = parser.parse_args()
    np.savez(arguments.output, **detections(arguments.people, arguments.frames))
