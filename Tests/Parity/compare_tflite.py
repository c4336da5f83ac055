#!/usr/bin/env python3
"""Compares the graph executor with Google's interpreter on the crops that the pipeline makes of a clip.

    swift build -c release
    pip install ai-edge-litert numpy
    python3 compare_tflite.py clip.mp4 [--every N] [--models FOLDER] [--runner .build/release/parity-runner]

Prints, for each output of both networks, the greatest difference as a part of that output's range on that crop. Exit
status 1 when one exceeds a thousandth.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from clips import decoder, probe

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--every", type=int, default=5, help="compare every so many of the crops")
    parser.add_argument("--models", default=pathlib.Path.home() / ".local/share/posebus/models", type=pathlib.Path)
    parser.add_argument("--runner", default=HERE.parents[1] / ".build/release/parity-runner", type=pathlib.Path)
    arguments = parser.parse_args()

    worst = {}
    for clip in arguments.clips:
        with tempfile.TemporaryDirectory() as folder:
            record(clip, arguments, folder)
            for name in ("pose_detection", "pose_landmark_full"):
                compare(name, arguments.models / f"{name}.tflite", pathlib.Path(folder), worst)
    for (model, output), (differences, crops) in worst.items():
        values = np.array(differences)
        print(f"{model:20} {output:12} {crops:5} crops  max {values.max():.2e}  median {np.median(values):.2e}  "
              f"over {LIMIT:g}: {(values > LIMIT).sum()}")
    sys.exit(any(max(differences) > LIMIT for differences, _ in worst.values()))


def record(clip, arguments, folder):
    width, height, rate = probe(clip)
    with decoder(clip) as frames:
        subprocess.run(
            [arguments.runner, "--width", str(width), "--height", str(height), "--rate", str(rate), "--models",
             arguments.models, "--record", folder, "--record-every", str(arguments.every)],
            stdin=frames.stdout, stdout=subprocess.DEVNULL, check=True)


def compare(name, model, folder, worst):
    interpreter = Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()
    for file in sorted(folder.glob(f"{name}-*.f32")):
        values = np.fromfile(file, "<f4")
        size = int(np.prod(given["shape"]))
        interpreter.set_tensor(given["index"], values[:size].reshape(given["shape"]))
        interpreter.invoke()
        for output in wanted:
            expected = interpreter.get_tensor(output["index"]).ravel()
            found = values[size:size + expected.size]
            size += expected.size
            # A single number has no range of its own; the outputs that are one are probabilities.
            span = np.ptp(expected) if expected.size > 1 else 1.0
            difference = float(np.abs(found - expected).max() / span) if np.isfinite(found).all() else float("inf")
            differences, crops = worst.get((name, output["name"]), ([], 0))
            worst[name, output["name"]] = (differences + [difference], crops + 1)
        assert size == values.size, f"{file.name} holds {values.size} values, expected {size}"


if __name__ == "__main__":
    main()
