"""The parts that have a peer of their own: JPEG decoding, SMPL, the tracker, the sink's store."""

import re
import statistics

from ..bench import PEERS
from ..row import Row, ratio

WIDTHS = (640, 1280, 1920)


# JPEG


def pictures(bench):
    """One frame of the clip in each size."""
    files = [bench.work / f"{width}.jpg" for width in WIDTHS]
    for width, file in zip(WIDTHS, files):
        if not file.exists():
            bench.run(["ffmpeg", "-v", "error", "-i", bench.clip(), "-vf", f"scale={width}:-2", "-frames:v", "1", "-q:v", "4", file])
    return files


def jpeg(bench):
    rates = bench.json([bench.program("posebus"), "bench", "jpeg", "--seconds", 1, "--json", *pictures(bench)])
    return megapixels([rates["megapixels_per_second"][f"{width}.jpg"] for width in WIDTHS])


def tjbench(bench):
    rates = []
    for file in pictures(bench):
        printed = bench.run(["tjbench", file, "-rgb", "-nowrite", "-benchtime", "1", "-warmup", "0.5"])
        rates.append(float(re.findall(r"([\d.]+) Megapixels/sec", printed)[-1]))
    return megapixels(rates)


def megapixels(rates):
    """The rate of each width, and their mean to plot."""
    return {**{f"width_{width}": rate for width, rate in zip(WIDTHS, rates)},
            "megapixels_per_second": statistics.geometric_mean(rates)}


JPEG = Row(
    name="jpeg", title="JPEG decode, 640, 1280 and 1920 wide", against="tjbench on the same files",
    contenders={"PoseBus": jpeg, "tjbench": tjbench}, checks=[ratio(f"width_{width}", "PoseBus", "tjbench", 0.95, f"{width} wide") for width in WIDTHS],
    figure="megapixels_per_second", unit="MP/s", prepare=pictures,
    note="One thread each; the figure is the geometric mean over the sizes. Ours checks limits and turns the picture upright.")


# SMPL


def smpl_model(bench):
    model = bench.work / "smpl.pkl"
    if not model.exists():
        bench.run([bench.python("smplx"), PEERS / "smplx" / "make_model.py", model])
    return model


def smpl(bench):
    return bodies(bench.json([bench.program("posebus"), "bench", "smpl", "--model", smpl_model(bench), "--threads", 1, "--json"]))


def smplx(bench):
    return bodies(bench.json([bench.python("smplx"), PEERS / "smplx" / "pose.py", smpl_model(bench), "--threads", 1]))


def bodies(printed):
    return {f"batch_{batch}": printed[f"bodies_per_second_{batch}"] for batch in (1, 64)}


SMPL = Row(
    name="smpl", title="SMPL bodies/s, batch 64, one thread", against="PyPI smplx",
    contenders={"PoseBus": smpl, "smplx": smplx},
    checks=[ratio("batch_64", "PoseBus", "smplx", 5, "batch 64"), ratio("batch_1", "PoseBus", "smplx", 5, "batch 1")],
    figure="batch_64", unit="bodies/s", prepare=smpl_model,
    note="One thread: with two on two cores smplx ran between 420 and 5,183 bodies/s, which is no measure of anything.")


# The tracker


def walkers(bench):
    file = bench.work / "walkers.npz"
    if not file.exists():
        bench.run([bench.python("phalp"), PEERS / "phalp" / "walkers.py", file])
    return file


TRACKER = Row(
    name="tracker", title="tracker, 8 people", against="the public tracker (PyPI phalp) without its networks",
    contenders={
        "PoseBus": lambda bench: bench.json([bench.program("posebus"), "bench", "tracker", walkers(bench), "--json"]),
        "phalp": lambda bench: bench.json([bench.python("phalp"), PEERS / "phalp" / "track.py", walkers(bench)]),
    },
    checks=[ratio("frames_per_second", "PoseBus", "phalp", 50)],
    figure="frames_per_second", unit="frames/s", prepare=walkers, note="Both keep eight identities through all frames.")


# The sink


def sink(bench):
    with bench.folder() as folder:
        return bench.json([bench.program("posebus"), "bench", "sink", "--store", folder / "store.sqlite", "--json"])


def sqlite_prepare(bench):
    store = bench.work / "rows.sqlite"
    if not store.exists():
        bench.run([bench.program("posebus"), "bench", "sink", "--store", store, "--json"])
    return store


def sqlite(bench):
    with bench.folder() as folder:
        return bench.json([bench.raw("raw-store"), "--rows", sqlite_prepare(bench), "--to", folder / "copy.sqlite"])


SINK = Row(
    name="sink", title="sink: durable outcomes/s", against="SQLite alone, same rows, synchronous=FULL, batches of 32",
    contenders={"PoseBus": sink, "SQLite": sqlite}, checks=[ratio("outcomes_per_second", "PoseBus", "SQLite", 0.8)],
    figure="outcomes_per_second", unit="outcomes/s", prepare=sqlite_prepare,
    note="Ours is the real sink over its sockets: read, ordered, committed, acknowledged and published.")

ROWS = [JPEG, SMPL, TRACKER, SINK]
