"""Compares our tracker with the public one, PHALP, over crowds (crowds.py): who is who, and how long it takes.

    git clone https://github.com/brjathu/PHALP
    python -m venv venv && venv/bin/pip install torch numpy scipy scikit-learn motmetrics
    venv/bin/python compare_trackers.py --code PHALP --runner ../../.build/release/parity-runner [--distance EQ_010]
    venv/bin/python compare_trackers.py --code PHALP --golden      # writes ../Fixtures/tracking/crowd_scores.json again

Exit status 1 if ours is worse on any crowd, in MOTA, IDF1 or identity switches. "same" is the share of detections that got the
very number the public tracker gave them, "alike" the share when numbers may be exchanged for others throughout a crowd.
Times are per frame; ours are those of whole runs of the program less that of its start.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

import crowd_scores
import crowds
import tracking_reference

SCORES = Path(__file__).parent.parent / "Fixtures/tracking/crowd_scores.json"


def track(runner: Path, data: dict, distance: str, folder: Path):
    """Our track of each detection, and the seconds that the program took."""
    source, result = folder / "in.npz", folder / "out.npy"
    np.savez(source, **data)
    started = time.perf_counter()
    subprocess.run([runner, "track", source, result, "--distance", distance], check=True)
    seconds = time.perf_counter() - started
    tracks = np.load(result)
    if tracks.dtype != np.int32 or tracks.shape != data["sequence"].shape:
        sys.exit(f"{runner} track wrote {tracks.dtype} {tracks.shape}, wanted int32 {data['sequence'].shape}")
    return tracks, seconds


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
    times = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        ours, _ = track(runner, data, distance, folder)
        first = crowds.only(data, 0)
        alone = {name: values[:1] if len(values) == len(first["sequence"]) else values for name, values in first.items()}
        alone["frames"] = np.array([first["frame"][0] + 1], dtype=np.int32)
        start = min(track(runner, alone, distance, folder)[1] for _ in range(repeat))
        for sequence in range(len(data["frames"])):
            one = crowds.only(data, sequence)
            runs = [track(runner, one, distance, folder) for _ in range(repeat)]
            # A crowd must not depend on those before it in the file.
            if not np.array_equal(runs[0][0], ours[data["sequence"] == sequence]):
                sys.exit(f"crowd {sequence} alone has other tracks than among the others")
            times.append(max(0.0, min(seconds for _, seconds in runs) - start))
    print(f"{distance}; the public tracker's assignment is by {tracking_reference.assignment()}")
    print("crowd people |  MOTA  IDF1 switches: public |  MOTA  IDF1 switches: ours |   same  alike | ms a frame: public    ours")
    bad, entries = [], [crowd_scores.scores(data, tracks) for tracks in (theirs, ours)]
    for sequence, (public, own) in enumerate(zip(*entries)):
        total = sequence == len(data["frames"])
        rows = np.ones(len(ours), dtype=bool) if total else data["sequence"] == sequence
        frames = data["frames"].sum() if total else data["frames"][sequence]
        milliseconds = [1000 * (sum(some) if total else some[sequence]) / frames
                        for some in (list(took.values()), times)]
        if crowd_scores.worse(own, public):
            bad.append("the total" if total else f"crowd {sequence}")
        print("  all      " if total else f"{sequence:5} {data['people'][sequence]:5}", end="  |")
        for entry in (public, own):
            print(f"{entry['mota']:7.2%} {entry['idf1']:6.2%} {entry['switches']:6}       ", end=" |")
        share = "" if total else f"{alike(ours[rows], theirs[rows]):.2%}"
        print(f"{(ours[rows] == theirs[rows]).mean():8.2%} {share:>7} |", end="")
        print(f"{milliseconds[0]:19.2f} {milliseconds[1]:7.3f}")
    print("ms a frame by people, public and ours:")
    for people in np.unique(data["people"]):
        which = np.flatnonzero(data["people"] == people)
        frames = data["frames"][which].sum()
        print(f"{people:5} {1000 * sum(took[w] for w in which) / frames:8.2f} {1000 * sum(times[w] for w in which) / frames:8.3f}")
    for name in bad:
        print(f"FAILED: ours is worse on {name}")
    return not bad


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True, help="a clone of PHALP")
    parser.add_argument("--runner", type=Path, help="our parity-runner")
    parser.add_argument("--distance", choices=tracking_reference.DISTANCES, default=tracking_reference.DISTANCES[0])
    parser.add_argument("--golden", action="store_true", help="write the public tracker's scores for the tests")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the fastest counts")
    arguments = parser.parse_args()
    if not arguments.golden and not arguments.runner:
        parser.error("--runner or --golden is missing")
    tracking_reference.prepare(arguments.code)
    if arguments.golden:
        golden(crowds.crowds())
    elif not compare(arguments.runner.resolve(), crowds.crowds(), arguments.distance, arguments.repeat):
        sys.exit(1)
