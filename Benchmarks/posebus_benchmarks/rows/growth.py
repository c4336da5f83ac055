"""The same frames from one stream or from many: what a stream itself costs."""

from .. import cameras
from ..row import Check, Row, ratio

COUNTS = (1, 4, 16, 64)
RATE = 240
# 100 kB on average: the clip at this width and quality.
WIDTH, QUALITY, PICTURES = 1920, 4, 60


def name(count):
    return f"{count} stream{'s' if count > 1 else ''}"


def jpegs(bench):
    file = bench.work / "growth"
    if not file.exists():
        file.mkdir()
        for number, jpeg in enumerate(cameras.jpegs(bench.clip(), WIDTH, QUALITY, PICTURES)):
            (file / f"{number:03}.jpg").write_bytes(jpeg)
    return [path.read_bytes() for path in sorted(file.iterdir())]


def streams(count):
    def run(bench):
        with bench.folder() as folder, bench.pipeline(folder, ingest=["--max-streams", 2 * COUNTS[-1]]) as pipeline:
            measured = cameras.measure(pipeline, count, RATE, jpegs(bench), 2 * bench.seconds)
        return {
            "cpu_us_per_frame": 1000 * sum(measured["cpu"].values()), "frames_per_second": measured["rate"],
            **{f"{stage}_cpu_us_per_frame": 1000 * cost for stage, cost in measured["cpu"].items()},
            "memory_mb": sum(measured["memory"].values()),
            **{f"{stage}_memory_mb": size for stage, size in measured["memory"].items()}}

    return run


def bend(round):
    """How far memory is from the straight line through 1 and 64 streams at the most, as a share of that with 64.

    Of the growth itself it would be a share of next to nothing: a stream takes some 50 kB, and two runs differ by ten times that.
    """
    memory = {count: round[name(count)]["memory_mb"] for count in COUNTS}
    (first, *between, last) = COUNTS
    slope = (memory[last] - memory[first]) / (last - first)
    line = {count: memory[first] + slope * (count - first) for count in between}
    return max(abs(memory[count] - line[count]) for count in between) / memory[last]


def per_stream(round):
    """Kilobytes that a stream adds."""
    first, last = COUNTS[0], COUNTS[-1]
    return 1000 * (round[name(last)]["memory_mb"] - round[name(first)]["memory_mb"]) / (last - first)


ROWS = [Row(
    name="growth",
    title="growth: CPU time a frame, 240 frames/s of 100 kB from 1 to 64 streams",
    against="itself with 1 stream",
    contenders={name(count): streams(count) for count in COUNTS},
    checks=[
        ratio("cpu_us_per_frame", name(COUNTS[-1]), name(1), 1.1, "64 streams / 1 stream", at_least=False),
        Check("memory beside a straight line", bend, 0.02, False, "of it"),
        Check("memory a stream", per_stream, 200, False, "kB"),
    ],
    figure="cpu_us_per_frame", unit="µs of CPU time a frame",
    prepare=jpegs,
    note="CPU time and memory of ingest, infer (engine none) and sink together, store on, one subscriber; the cameras, one connection "
         "each, are on nobody's bill. Memory: resident, with all streams running.")]
