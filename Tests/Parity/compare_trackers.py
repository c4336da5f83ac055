"""Compares our tracker with the public one, PHALP, over crowds (crowds.py): who is who, and how long it takes.

    git clone https://github.com/brjathu/PHALP
    python -m venv venv && venv/bin/pip install torch numpy scipy scikit-learn motmetrics
    venv/bin/python compare_trackers.py --code PHALP --runner ../../.build/release/parity-runner [--distance EQ_010]
    venv/bin/python compare_trackers.py --code PHALP --golden      # writes ../Fixtures/tracking/crowd_scores.json again

Exit status 1 if ours is worse on any crowd, in MOTA, IDF1 or identity switches. "same" is the share of detections that got the
very number the public tracker gave them, "alike" the share when numbers may be exchanged for others throughout a crowd.
Times are those of the trackers alone: processor time in one run of the public one, the fastest of some runs of ours.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import crowd_scores
import crowds
import tracking_reference

SCORES = Path(__file__).parent.parent / "Fixtures/tracking/crowd_scores.json"


def track(runner: Path, data: dict, distance: str) -> tuple:
    """Our track of each detection, and the milliseconds a frame of each crowd."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "in.npz", Path(folder) / "out.npy"
        np.savez(source, **data)
        said = subprocess.run([runner, "track", source, result, "--distance", distance, "--times"],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        tracks = np.load(result)
    if tracks.dtype != np.int32 or tracks.shape != data["sequence"].shape:
        sys.exit(f"{runner} track wrote {tracks.dtype} {tracks.shape}, wanted int32 {data['sequence'].shape}")
    return tracks, np.array(said.split(), dtype=float)


def alike(a, b) -> float:
    """The share of equal numbers where each of `a` is read as the one of `b` that it meets most, one for one."""
    taken, equal = [set(), set()], 0
    for pair, count in Counter(zip(a.tolist(), b.tolist())).most_common():
        if not any(number in some for number, some in zip(pair, taken)):
            for number, some in zip(pair, taken):
                some.add(number)
            equal += count
    return equal / max(1, len(a))


def golden(data: dict) -> None:
    """One line a crowd, so that a change shows which."""
    result = {distance: crowd_scores.scores(data, tracking_reference.run(data, distance).track)[:-1]
              for distance in tracking_reference.DISTANCES}
    lines = {distance: ",\n".join(f"  {json.dumps(entry)}" for entry in entries) for distance, entries in result.items()}
    detections = json.dumps(np.bincount(data["sequence"]).tolist())
    SCORES.write_text(f'{{"detections": {detections},\n' + ",\n".join(
        f'"{distance}": [\n{text}\n]' for distance, text in lines.items()) + "}\n")


def compare(runner: Path, data: dict, distance: str, repeat: int) -> bool:
    took: dict = {}
    theirs = tracking_reference.run(data, distance, took).track
    runs = [track(runner, data, distance) for _ in range(repeat)]
    ours = runs[0][0]
    frames = data["frames"]
    times = [1000 * np.array(list(took.values())) / frames, np.min([times for _, times in runs], axis=0)]
    print(f"{distance}; the public tracker's assignment is by {tracking_reference.assignment()}")
    print("crowd people |  MOTA  IDF1 switches: public |  MOTA  IDF1 switches: ours |   same  alike | ms a frame: public    ours")
    bad, entries = [], [crowd_scores.scores(data, tracks) for tracks in (theirs, ours)]
    for sequence, (public, own) in enumerate(zip(*entries)):
        total = sequence == len(frames)
        rows = np.ones(len(ours), dtype=bool) if total else data["sequence"] == sequence
        if crowd_scores.worse(own, public):
            bad.append("the total" if total else f"crowd {sequence}")
        print("  all      " if total else f"{sequence:5} {data['people'][sequence]:5}", end="  |")
        for entry in (public, own):
            print(f"{entry['mota']:7.2%} {entry['idf1']:6.2%} {entry['switches']:6}       ", end=" |")
        share = "" if total else f"{alike(ours[rows], theirs[rows]):.2%}"
        print(f"{(ours[rows] == theirs[rows]).mean():8.2%} {share:>7} |", end="")
        milliseconds = [np.average(some, weights=frames) if total else some[sequence] for some in times]
        print(f"{milliseconds[0]:19.2f} {milliseconds[1]:7.3f}")
    print("ms a frame by people, public and ours:")
    for people in np.unique(data["people"]):
        which = data["people"] == people
        milliseconds = [np.average(some[which], weights=frames[which]) for some in times]
        print(f"{people:5} {milliseconds[0]:8.2f} {milliseconds[1]:8.3f}")
    for name in bad:
        print(f"FAILED: ours is worse on {name}")
    return not bad


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True, help="a clone of PHALP")
    parser.add_argument("--runner", type=Path, help="our parity-runner")
    parser.add_argument("--distance", choices=tracking_reference.DISTANCES, default=tracking_reference.DISTANCES[0])
    parser.add_argument("--golden", action="store_true", help="write the public tracker's scores for the tests")
    parser.add_argument("--repeat", type=int, default=3, help="runs of ours")
    arguments = parser.parse_args()
    if not arguments.golden and not arguments.runner:
        parser.error("--runner or --golden is missing")
    tracking_reference.prepare(arguments.code)
    if arguments.golden:
        golden(crowds.crowds())
    elif not compare(arguments.runner.resolve(), crowds.crowds(), arguments.distance, arguments.repeat):
        sys.exit(1)
