#!/usr/bin/env python3
"""What a camera costs: processor time, memory and network of each stage, and what follows for many cameras.

    swift build -c release
    pip install pyzmq
    python3 Benchmarks/sizing.py VIDEO [--bin .build/release] [--seconds 10] [--rounds 5] [--part pictures|streams|cameras|light|hmr2 …]

Feeds JPEGs made from VIDEO at a fixed rate, and divides what each process has used (/proc/PID/stat) by the frames that were stored
meanwhile; so the figures hold on a busy machine too. Bytes are those of each TCP connection as the kernel counts them (ss), and of
the store's file at the end. Rounds alternate between the cases; medians and ranges are printed, as the tables of docs/sizing.md.
Part hmr2 wants --hmr2-dir; the network's weights do not matter for what it costs. Needs ffmpeg, iproute2 and Linux.
"""

import argparse
import collections
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))

import pipeline as harness  # noqa: E402
from posebus_benchmarks import cameras  # noqa: E402
from posebus_benchmarks.cameras import LINKS, STAGES  # noqa: E402

PARTS = ["pictures", "streams", "cameras", "light", "hmr2"]


def measure(folder, streams, rate, images, seconds, engine="none", infer=()):
    """One round of one case."""
    with harness.Pipeline(folder, engine=engine, infer=infer, ingest=["--max-streams", 1024]) as pipeline:
        return cameras.measure(pipeline, streams, rate, images, seconds)


def rounds(cases, count):
    """Every case once a round, so that a busy minute falls on all of them."""
    results = collections.defaultdict(list)
    for number in range(count):
        for name, case in cases.items():
            with tempfile.TemporaryDirectory(prefix="pb") as folder:
                results[name].append(measure(folder, **case))
            print(f"round {number + 1} of {count}: {name}", file=sys.stderr)
    return results


def spread(values, form="{:.3f}"):
    values = sorted(values)
    text = form.format(statistics.median(values))
    return text if len(values) < 2 else f"{text} ({form.format(values[0])}–{form.format(values[-1])})"


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print()


def print_cpu(results, first):
    table(
        [first, "frames/s", *(f"{stage} ms/frame" for stage in STAGES), *(f"{stage} MB" for stage in STAGES)],
        [[name, spread([one["rate"] for one in all], "{:.0f}"),
          *(spread([one["cpu"][stage] for one in all]) for stage in STAGES),
          *(spread([one["memory"][stage] for one in all], "{:.0f}") for stage in STAGES)] for name, all in results.items()])


def print_bytes(results, first):
    table(
        [first, *(f"{link} B/frame" for link in (*LINKS, "store"))],
        [[name, *(spread([one["bytes"][link] for one in all], "{:.0f}") for link in (*LINKS, "store"))]
         for name, all in results.items()])


def print_growth(cameras, light):
    """What follows for any number of cameras of 30 frames/s, one person in each picture: per-frame figures times frames.

    A frame's share falls as more come together; for numbers of cameras between two that were measured the smaller one's is
    taken, and for more than the largest that one's, since from there on pipelines stand side by side.
    """
    counts = sorted(map(int, cameras))
    infer = statistics.median(one["cpu"]["infer"] for one in light)
    size = {link: statistics.median(one["bytes"][link] for one in light) for link in (*LINKS, "store")}
    rows = []
    for count in (1, 4, 16, 64, 256, 1000, 10_000):
        measured = cameras[str(max(each for each in counts if each <= count))]
        bus = {stage: statistics.median(one["cpu"][stage] for one in measured) for stage in STAGES}
        rate = 30 * count
        rows.append([
            f"{count:,}", f"{rate:,}", f"{rate * size['camera → ingest'] * 8 / 1e9:.3g}",
            f"{rate * (size['infer → sink'] + size['sink → ingest']) * 8 / 1e6:.3g}",
            f"{rate * bus['ingest'] / 1000:.2f}", f"{rate * infer / 1000:.2f}", f"{rate * bus['sink'] / 1000:.2f}",
            f"{rate * size['store'] * 3600 / 1e9:.2f}"])
    print("Calculated: cameras of 30 frames/s, 1280 wide, light engine, one person\n")
    table(["cameras", "frames/s", "Gbit/s into ingest, and on to infer", "Mbit/s of outcomes and acknowledgements", "cores for ingest",
           "cores for infer", "cores for the sink", "GB/hour in stores"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("--bin", default=harness.BIN, type=Path)
    parser.add_argument("--seconds", default=10, type=float)
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--part", nargs="+", default=PARTS[:-1], choices=PARTS)
    parser.add_argument("--hmr2-dir", type=Path)
    options = parser.parse_args()
    if "hmr2" in options.part and not options.hmr2_dir:
        parser.error("part hmr2 wants --hmr2-dir")
    harness.BIN = options.bin.resolve()
    pictures = {width: cameras.jpegs(options.video, width, 4, 60) for width in (640, 1280, 1920)}
    middle = {"images": pictures[1280], "seconds": options.seconds}

    if "pictures" in options.part:
        results = rounds({
            f"{statistics.mean(map(len, images)) / 1000:.0f} kB, {width} wide":
            {**middle, "streams": 4, "rate": 120, "images": images} for width, images in pictures.items()}, options.rounds)
        print("Four streams of 30 frames/s, engine none, by size of the pictures\n")
        print_cpu(results, "picture")
        print_bytes(results, "picture")
    if "streams" in options.part:
        results = rounds(
            {str(count): {**middle, "streams": count, "rate": 120} for count in (1, 4, 16, 64, 256)}, options.rounds)
        print("120 frames/s together, engine none, by number of streams\n")
        print_cpu(results, "streams")
    if "cameras" in options.part:
        results = rounds(
            {str(count): {**middle, "streams": count, "rate": 30 * count} for count in (1, 4, 16, 64)}, options.rounds)
        by_cameras = results
        print("Cameras of 30 frames/s, engine none\n")
        print_cpu(results, "cameras")
    if "light" in options.part:
        results = rounds({
            f"{width} wide, {count} cameras of {rate} frames/s":
            {**middle, "streams": count, "rate": rate * count, "images": pictures[width], "engine": "blazepose"}
            for width, count, rate in ((640, 1, 30), (1280, 1, 30), (1280, 4, 10), (1920, 1, 30))}, options.rounds)
        print("Light engine, one person\n")
        print_cpu(results, "case")
        print_bytes(results, "case")
        if "cameras" in options.part:
            print_growth(by_cameras, results["1280 wide, 1 cameras of 30 frames/s"])
    if "hmr2" in options.part:
        results = rounds(
            {"1280 wide, 1 frame/s": {
                **middle, "streams": 1, "rate": 1, "engine": "hmr2", "infer": ["--hmr2-dir", options.hmr2_dir]}}, options.rounds)
        print("Engine hmr2 on the CPU, one person\n")
        print_cpu(results, "case")
        print_bytes(results, "case")


if __name__ == "__main__":
    main()
