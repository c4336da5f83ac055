"""HMR2 on an NVIDIA GPU. `--dry-run` tries the same ways on the processor, with a small model."""

import statistics
import subprocess
import threading

from ..row import Check, Row, ratio
from . import hmr2

BATCH = 64
CAMERAS, RATE, PERSONS = 8, 30, 3


def obstacle(bench):
    return None if bench.cuda_device or bench.dry else "there is no CUDA device (nvidia-smi names none)"


def device(bench):
    return "cpu" if bench.dry else "cuda"


def batch(bench):
    return 2 if bench.dry else BATCH


def own(bench):
    return bench.json([
        bench.program("posebus"), "bench", "hmr2", "--json", "--hmr2-dir", bench.hmr2_dir, "--device", device(bench),
        "--precision", "bf16", "--batch", batch(bench), "--runs", 15])


def public(bench, *options):
    figures = hmr2.public(
        bench, "--device", device(bench), *options, peer="hmr2" if bench.dry else "hmr2-cuda", batches=[batch(bench)])
    return {**figures, "crops_per_second": figures[f"crops_per_second_{batch(bench)}"]}


class Busy(threading.Thread):
    """Samples how busy the GPU is, in percent, until it is asked."""

    def __init__(self, bench):
        super().__init__(daemon=True)
        self.bench, self.over, self.samples = bench, threading.Event(), []
        self.start()

    def run(self):
        while self.bench.cuda_device and not self.over.wait(0.5):
            said = subprocess.run(
                ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"], capture_output=True,
                text=True).stdout.strip()
            if said.isdigit():
                self.samples.append(int(said))

    def median(self):
        self.over.set()
        self.join()
        if not self.samples and not self.bench.dry:
            raise RuntimeError("nvidia-smi did not say how busy the GPU is")
        return statistics.median(self.samples or [0])


def pipeline(bench, cameras, persons, seconds):
    """Rendered persons from live cameras through all stages; each stream's outcomes."""
    with bench.folder() as folder, bench.pipeline(
            folder, engine="hmr2", infer=["--hmr2-dir", bench.hmr2_dir, "--phalp-dir", "none", "--device", device(bench)]) as bus:
        results = bus.results()
        frames = int(seconds * RATE)
        source = f"test:?frames={frames}&width=1280&height=720&fps={RATE}&persons={persons}&realtime=yes"
        busy = Busy(bench)
        commands = [
            [str(bench.program("posebus")), "feed", source, "--stream", f"camera{camera}", "--to", bus.at["request"]]
            for camera in range(cameras)]
        bench.remember(commands[0])
        feeds = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
        try:
            outcomes = [results.session(f"camera{camera}")[0] for camera in range(cameras)]
        finally:
            for feed in feeds:
                feed.kill()
                feed.wait()
        return outcomes, busy.median(), frames * cameras


def latency(bench):
    (outcomes,), _, _ = pipeline(bench, cameras=1, persons=1, seconds=2 if bench.dry else 10)
    # The first frames find the person and warm the GPU up.
    times = [one["timing_ms"]["infer"] for one in outcomes[len(outcomes) // 4:] if one["persons"]]
    if not times:
        raise RuntimeError("no outcome had a person in it")
    return {"p50_ms": statistics.median(times), "p99_ms": sorted(times)[len(times) * 99 // 100]}


def cameras(bench):
    count = 2 if bench.dry else CAMERAS
    streams, busy, fed = pipeline(bench, count, PERSONS, seconds=2 if bench.dry else 20)
    spans = [(stream[-1]["capture_time_ns"] - stream[0]["capture_time_ns"]) / 1e9 for stream in streams]
    outcomes = [one for stream in streams for one in stream]
    seen = [len(one["persons"]) for one in outcomes if not one["drop"]]
    return {
        "frames_per_second": sum((len(stream) - 1) / span for stream, span in zip(streams, spans)),
        "drops": sum(one["drop"] is not None for one in outcomes) + fed - len(outcomes),
        "persons": statistics.median(seen or [0]),
        "p99_ms": sorted(one["timing_ms"]["total"] for one in outcomes)[len(outcomes) * 99 // 100],
        "gpu_busy": busy,
    }


def prepare_public(bench):
    bench.hmr2_dir, bench.public_hmr2, bench.python("hmr2" if bench.dry else "hmr2-cuda")


def row(**words):
    return Row(cuda=True, obstacle=obstacle, **words)


PEAK = row(
    name="hmr2-cuda-peak",
    title=f"HMR2 on a GPU, batches of {BATCH}, bfloat16",
    against="the bfloat16 product rate measured in the same run",
    contenders={"PoseBus": own},
    checks=[Check("of the product rate", lambda round: round["PoseBus"]["product_share"], 0.55, True)],
    figure="crops_per_second", unit="crops/s", prepare=lambda bench: bench.hmr2_dir,
    note="The rate is the best of the layers' own products and a square one of 8,192.")

PUBLIC = row(
    name="hmr2-cuda-public",
    title=f"HMR2 on a GPU, batches of {BATCH}, beside the public code",
    against="4D-Humans' public code in fp32 and in bfloat16 autocast",
    contenders={
        "PoseBus": own,
        "public code, fp32": public,
        "public code, bf16 autocast": lambda bench: public(bench, "--autocast"),
    },
    checks=[
        ratio("crops_per_second", "PoseBus", "public code, fp32", 6),
        ratio("crops_per_second", "PoseBus", "public code, bf16 autocast", 1.5),
    ],
    figure="crops_per_second", unit="crops/s", prepare=prepare_public,
    note="Both answer with bodies, keypoints and cameras; crops of the public code lie on the GPU already.")

LATENCY = row(
    name="hmr2-cuda-latency",
    title="HMR2 on a GPU: one person in one frame, decoded frame in to outcome out",
    against="8 ms",
    contenders={"PoseBus": latency},
    checks=[Check("p50", lambda round: round["PoseBus"]["p50_ms"], 8, False, "ms")],
    figure="p50_ms", unit="ms (p50)", prepare=lambda bench: bench.hmr2_dir,
    note="Finding the person on the processor is part of it. Rendered persons, 1280 × 720.")

CAMERAS_ROW = row(
    name="hmr2-cuda-cameras",
    title=f"HMR2 on a GPU: {CAMERAS} cameras × {RATE} frames/s × {PERSONS} persons, whole pipeline",
    against="real time",
    contenders={"PoseBus": cameras},
    checks=[
        # Every frame is stamped when it is due: less than a frame a second may be the stamps' own doing.
        Check("frames/s", lambda round: round["PoseBus"]["frames_per_second"], CAMERAS * RATE - 1, True, "frames/s"),
        Check("drops", lambda round: round["PoseBus"]["drops"], 0, False, ""),
        Check("GPU busy", lambda round: round["PoseBus"]["gpu_busy"], 50, False, "%"),
        Check("persons a frame", lambda round: round["PoseBus"]["persons"], PERSONS, True, ""),
    ],
    figure="frames_per_second", unit="frames/s", prepare=lambda bench: bench.hmr2_dir,
    note="Rendered persons from eight live feeders; the rate is that of the frames' capture times.")

ROWS = [PEAK, PUBLIC, LATENCY, CAMERAS_ROW]
