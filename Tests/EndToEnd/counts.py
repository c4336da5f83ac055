"""Counts what a frame costs each stage: allocations, copies of its payload, instructions. Counts, not times: the same on a busy machine.

    python3 Tests/EndToEnd/counts.py [--frames 400] [--profile STAGE]

prints them beside the thresholds of counts.json, and with --profile the functions of a stage that execute most instructions.
Needs clang and valgrind.
"""

import argparse
import collections
import functools
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest.mock
from pathlib import Path

import pipeline as harness
import zmq

STAGES = ("ingest", "infer", "sink")
THRESHOLDS = Path(__file__).with_name("counts.json")
STREAMS = 4


@functools.lru_cache
def picture():
    """A JPEG of some 100 kB: noise, which compresses badly."""
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=512x384,noise=alls=100:allf=t", "-frames:v", "1", "-f",
         "image2pipe", "-c:v", "mjpeg", "-q:v", "6", "-"], check=True, capture_output=True, timeout=60).stdout


def feed(pipeline, results, sockets, first, count):
    """Feeds frames, one of each stream at a time, and waits for their outcomes before the next."""
    for number in range(first, first + count, len(sockets)):
        for stream, socket in enumerate(sockets):
            socket.send_multipart([harness.header(f"camera{stream}", frame=number), picture()])
        results.wait(
            lambda: sum(map(len, results.outcomes.values())) >= results.before + number - first + len(sockets), "outcomes")
    results.before = sum(map(len, results.outcomes.values()))


def run(folder, frames, launch):
    """A pipeline that has settled, then `frames` frames; yields before and after them."""
    with harness.Pipeline(folder, launch=launch) as pipeline:
        results = pipeline.results("pose/json/")
        sockets = [pipeline.socket(zmq.PUSH, "push") for _ in range(STREAMS)]
        results.before = sum(map(len, results.outcomes.values()))
        feed(pipeline, results, sockets, 0, 25 * STREAMS)
        yield pipeline
        feed(pipeline, results, sockets, 25 * STREAMS, frames)
        yield pipeline
        assert pipeline.drain() == [0, 0, 0]


def preloaded(name, folder):
    """Compiles NAME.c beside this file for LD_PRELOAD."""
    library = folder / f"{name}.so"
    subprocess.run(
        [shutil.which("clang") or "cc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", library,
         Path(__file__).with_name(f"{name}.c"), "-ldl"], check=True)
    return library


def read(file):
    """Allocations, large copies and their bytes: what counting.c has counted so far."""
    return struct.unpack("3Q", file.read_bytes())


def memory_counts(folder, frames=400):
    """Allocations, and copies of the payload in user space, for each frame in each stage."""
    library = preloaded("counting", folder)
    files = {stage: folder / f"{stage}.counts" for stage in STAGES}

    def launch(stage):
        return {"environment": {"LD_PRELOAD": str(library), "POSEBUS_COUNTS": str(files[stage])}}

    steps = run(folder, frames, launch)
    next(steps)
    before = {stage: read(file) for stage, file in files.items()}
    next(steps)
    after = {stage: read(file) for stage, file in files.items()}
    assert not list(steps)
    result = {}
    for stage in STAGES:
        allocations, _, copied = (b - a for a, b in zip(before[stage], after[stage]))
        result[stage] = {
            "allocations": allocations / frames, "copies": copied / frames / len(picture())}
    return result


def instruction_counts(folder, frames=200, stages=("ingest", "sink"), profiled=None):
    """Instructions in user space for each frame: what a run with the frames has more than one without.

    Infer can be counted too, but valgrind takes most of a minute to read libtorch.
    """
    totals = []
    parking = preloaded("parking", folder)
    # valgrind 3.19 gives up on the debug information of today's compilers.
    for stage in STAGES:
        subprocess.run(["strip", "--strip-debug", "-o", folder / f"posebus-{stage}", harness.BIN / f"posebus-{stage}"], check=True)
    for count in (0, frames):
        outputs = {stage: folder / f"{stage}.{count}.callgrind" for stage in stages}

        def launch(stage, outputs=outputs):
            return {} if stage not in stages else {
                "prefix": ("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={outputs[stage]}"),
                # Unless the policy is set infer sets it and starts itself again, which is a program of valgrind's then.
                "environment": {"LD_PRELOAD": str(parking), "OMP_WAIT_POLICY": "passive"}}

        with unittest.mock.patch.object(harness, "BIN", folder):
            assert len(list(run(folder, count, launch))) == 2
        totals.append({
            stage: int(re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)[1])
            for stage, output in outputs.items()})
        (folder / "poses.sqlite").unlink()
    if profiled:
        print_profile(folder, profiled, frames)
    return {stage: {"instructions": (totals[1][stage] - totals[0][stage]) / frames} for stage in stages}


def functions(file):
    """Instructions of each function of a profile, without those it calls."""
    shown = subprocess.run(
        ["callgrind_annotate", "--threshold=100", file], check=True, capture_output=True, text=True).stdout
    found = collections.Counter()
    for count, name in re.findall(r"^ *([\d,]+) \([\d. ]+%\)  \S*?:(.*?)(?: \[.*)?$", shown, re.MULTILINE):
        found[name] += int(count.replace(",", ""))
    return found


def print_profile(folder, stage, frames):
    """The functions with most instructions a frame."""
    before, after = (functions(folder / f"{stage}.{count}.callgrind") for count in (0, frames))
    lines = "".join(
        f"{(count - before[name]) / frames:10.0f}  {name}\n" for name, count in sorted(
            after.items(), key=lambda one: before[one[0]] - one[1])[:80])
    subprocess.run(["swift", "demangle", "--simplified"], input=lines, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--profile", choices=STAGES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory = memory_counts(Path(folder), options.frames)
    with tempfile.TemporaryDirectory() as folder:
        stages = ("ingest", "sink", *(["infer"] if options.profile == "infer" else []))
        instructions = instruction_counts(Path(folder), options.frames, stages, options.profile)
    thresholds = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    for stage in STAGES:
        for name, value in {**memory[stage], **instructions.get(stage, {})}.items():
            print(f"{stage:8}{name:14}{value:12.2f}  at most {thresholds.get(stage, {}).get(name)}")


if __name__ == "__main__":
    sys.exit(main())
