"""The bus beside what one writes in Python with imagezmq and pyzmq."""

import contextlib
import subprocess
import time

from ..bench import PEERS, Failed
from ..processes import cpu_seconds
from ..row import Row, ratio
from .bus import STREAMS, bus

BYTES = 100_000
WARM_UP = 2
# What a frame goes through. Who feeds and who subscribes is on neither side's bill.
STAGES = ("ingest", "infer", "sink")


def posebus(bench):
    report = bus(bench, "--bytes", BYTES, "--seconds", int(bench.seconds))
    cost = {one["name"].removeprefix("posebus-"): one["cpu_us_per_frame"] for one in report["processes"]}
    return figures(report["frames_per_second"], {stage: cost[stage] for stage in STAGES})


def python(bench):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(bench.folder())

        def start(part, *arguments):
            command = [str(word) for word in (bench.python("imagezmq"), PEERS / "imagezmq" / "bus.py", part, *arguments)]
            bench.remember(command)
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        def endpoints(process, part):
            line = process.stdout.readline().split()
            if not line:
                raise Failed(f"the Python bus's {part} ended at once; its words are above")
            return line

        sink = start("sink", "--store", folder / "store.sqlite")
        outcomes, acks, results = endpoints(sink, "sink")
        infer = start("infer", "--sink", outcomes)
        relay = start("relay", "--infer", *endpoints(infer, "infer"), "--acks", acks)
        hub, = endpoints(relay, "relay")
        subscriber = start("subscriber", "--sink", results)
        for number in range(STREAMS):
            start("camera", "--relay", hub, "--stream", f"bench-{number}", "--bytes", BYTES)

        def count():
            subscriber.stdin.write("\n")
            return int(subscriber.stdout.readline())

        stages = dict(zip(STAGES, (relay, infer, sink)))
        time.sleep(WARM_UP)
        begin, frames, used = time.perf_counter(), count(), {stage: cpu_seconds(each.pid) for stage, each in stages.items()}
        time.sleep(bench.seconds)
        frames = count() - frames
        took = time.perf_counter() - begin
        if not frames:
            raise Failed("nothing came through the Python bus")
        return figures(
            frames / took, {stage: 1e6 * (cpu_seconds(each.pid) - used[stage]) / frames for stage, each in stages.items()})


def figures(rate, cost):
    """`cost`: microseconds of CPU time a frame, by stage."""
    return {
        "frames_per_core_second": 1e6 / sum(cost.values()), "frames_per_second": rate,
        **{f"{stage}_cpu_us_per_frame": microseconds for stage, microseconds in cost.items()}}


ROWS = [Row(
    name="bus-python",
    title="bus: frames of 100 kB for a second of CPU time, four streams, store on",
    against="the same in Python: imagezmq and pyzmq",
    contenders={"PoseBus": posebus, "Python": python},
    checks=[ratio("frames_per_core_second", "PoseBus", "Python", 5)],
    figure="frames_per_core_second", unit="frames/(core·s)",
    prepare=lambda bench: bench.python("imagezmq"),
    note="CPU time of ingest, infer and sink, and in Python of relay, infer and sink; cameras and subscriber are on neither side. "
         "Both number, keep and acknowledge frames, look at each JPEG's head, and commit before they publish.")]
