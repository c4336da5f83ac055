"""The light engine: a clip end to end, one live stream, and the way to the first result."""

import json
import re
import statistics
import subprocess
import time

from ..bench import PEERS, Failed
from ..row import Check, Row, ratio

LOOP = PEERS / "mediapipe" / "loop.py"
# A pipeline without a viewer: MediaPipe shows nothing either. Its store, with the pictures, is in the figures.
UP = ["--ephemeral", "--no-viewer", "--store"]
LIVE_RATE = 30
LIVE_FRAMES = 900
# Frames that come before those that count: the first inference allocates, and the first frames of a shot are searched through.
LIVE_WARM_UP = 60


def first_frame(bench):
    """The clip's first frame as a clip of its own, undecoded."""
    file = bench.work / "first.mkv"
    if not file.exists():
        bench.run(["ffmpeg", "-v", "error", "-y", "-i", bench.clip(), "-frames:v", "1", "-an", "-c", "copy", file])
    return file


def prepare(bench):
    first_frame(bench)
    bench.python("mediapipe")
    # Both read what they need into the file cache.
    with bench.folder() as folder:
        bench.run([bench.program("posebus"), "up", bench.clip(), *UP, folder / "store.sqlite"])
    bench.run([bench.python("mediapipe"), LOOP, bench.clip()])
    bench.commands.clear()


# A clip


def whole_and_steady(run, bench):
    """Figures of a contender that takes (seconds, frames, frames with a pose) for a clip.

    What a process costs before and after its frames is what it takes for the first frame alone, in the same round.
    """
    seconds, frames, poses = run(bench.clip())
    alone, *_ = run(first_frame(bench))
    return {
        "frames_per_second": (frames - 1) / (seconds - alone), "whole_frames_per_second": frames / seconds, "seconds": seconds,
        "start_and_end_seconds": alone, "frames": frames, "poses": poses}


def posebus_video(bench):
    from store import query

    def run(clip):
        with bench.folder() as folder:
            store = folder / "store.sqlite"
            seconds, printed = bench.timed([bench.program("posebus"), "up", clip, *UP, store])
            frames = int(re.search(r"(\d+) frames in", printed.replace(",", ""))[1])
            (session,) = query(store, "SELECT poses, drops FROM sessions")
            if session["poses"] + session["drops"] != frames or session["drops"]:
                raise Failed(f"posebus up took {frames} frames and stored {dict(session)}: not every frame is covered")
            (found,) = query(store, "SELECT count(*) AS frames FROM outcomes WHERE persons > 0")
            return seconds, frames, found["frames"]

    return whole_and_steady(run, bench)


def mediapipe_video(bench):
    def run(clip):
        seconds, printed = bench.timed([bench.python("mediapipe"), LOOP, clip])
        last = json.loads(printed.strip().splitlines()[-1])
        return seconds, last["frames"], last["poses"]

    return whole_and_steady(run, bench)


VIDEO = Row(
    name="light-video",
    title="light engine: a clip end to end, every frame through the whole pipeline",
    against="MediaPipe 0.10.21 in Python, video mode, the bare loop",
    contenders={"PoseBus": posebus_video, "MediaPipe": mediapipe_video},
    checks=[
        ratio("frames_per_second", "PoseBus", "MediaPipe", 2),
        Check("frames left out", lambda round: round["MediaPipe"]["frames"] - round["PoseBus"]["frames"], 0, False, "frames"),
        Check("frames with a pose more", lambda round: round["PoseBus"]["poses"] - round["MediaPipe"]["poses"], 0, True, "frames"),
    ],
    figure="frames_per_second", unit="frames/s",
    prepare=prepare,
    note="Decoding included; without what a process costs before and after its frames, which is measured in each round with the "
         "first frame alone. `whole_frames_per_second` has everything in it.")


# A live stream


def live(width):
    def run(bench):
        import pipeline as harness
        import zmq

        pictures = jpegs(bench, width)
        with bench.folder() as folder, bench.pipeline(folder, engine="blazepose") as pipeline:
            subscriber = pipeline.results("pose/json/").socket
            feeder = pipeline.socket(zmq.PUSH, "push")
            arrivals, sent = [], 0
            start = time.monotonic()
            count = LIVE_WARM_UP + LIVE_FRAMES
            while len(arrivals) < count:
                wait = start + sent / LIVE_RATE - time.monotonic() if sent < count else harness.DEADLINE
                if wait <= 0:
                    header = harness.header("live", frame=sent, capture_time_ns=time.time_ns(), delivery="live")
                    feeder.send_multipart([header, pictures[sent % len(pictures)]], copy=False)
                    sent += 1
                elif subscriber.poll(1000 * wait):
                    _, body = subscriber.recv_multipart()
                    arrivals.append((time.time_ns(), body))
                elif sent == count:
                    raise Failed(f"{len(arrivals)} of {count} outcomes of a live stream came within {harness.DEADLINE:.0f} s")
        return latencies(arrivals[LIVE_WARM_UP:])

    return run


def latencies(arrivals):
    """From the picture's time stamp to the subscriber's receive, by the same clock. A frame that is left out has no latency, and
    fails the contender."""
    outcomes = [(arrived, json.loads(body)) for arrived, body in arrivals]
    drops = [outcome["drop"] for _, outcome in outcomes if outcome["drop"]]
    if drops:
        raise Failed(f"{len(drops)} frames of a live stream were dropped: {drops[0]}")
    taken = [(arrived - outcome["capture_time_ns"]) / 1e6 for arrived, outcome in outcomes]
    seen = sum(any(person["observed"] for person in outcome["persons"]) for _, outcome in outcomes)
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    return {
        "p50_ms": cuts[49], "p99_ms": cuts[98], "most_ms": max(taken), "frames": len(taken), "frames_with_a_pose": seen,
        "engine_p50_ms": statistics.median(outcome["timing_ms"]["infer"] for _, outcome in outcomes)}


def share_seen(figures):
    return figures["frames_with_a_pose"] / figures["frames"]


def jpegs(bench, width):
    """The clip's frames as JPEGs, made once."""
    folder = bench.work / f"live-{width}"
    if not folder.exists():
        folder.mkdir()
        bench.run(
            ["ffmpeg", "-v", "error", "-i", bench.clip(), "-vf", f"scale={width}:-2", "-c:v", "mjpeg", "-q:v", "3",
             folder / "%04d.jpg"])
    return [file.read_bytes() for file in sorted(folder.iterdir())]


LIVE = Row(
    name="light-live",
    title="light engine: one live stream of 30 frames/s, from the picture's time stamp to a subscriber",
    against="the frame's interval, 33 ms",
    contenders={"PoseBus": live(640), "PoseBus, 1280 wide": live(1280)},
    checks=[
        Check("p50", lambda round: round["PoseBus"]["p50_ms"], 20, False, "ms"),
        Check("p99", lambda round: round["PoseBus"]["p99_ms"], 33, False, "ms"),
        Check("p50, 1280 wide", lambda round: round["PoseBus, 1280 wide"]["p50_ms"], 20, False, "ms"),
        Check("p99, 1280 wide", lambda round: round["PoseBus, 1280 wide"]["p99_ms"], 33, False, "ms"),
        Check("frames in which the rider is seen", lambda round: min(map(share_seen, round.values())), 0.99, True, "of all"),
    ],
    figure="p50_ms", unit="ms (p50)",
    prepare=lambda bench: [jpegs(bench, width) for width in (640, 1280)],
    note="The clip is 640 × 360 and shows its rider in every frame: one in which he is not seen is no fast one. Every outcome is "
         "durable in the store before it is published. No frame may be dropped.")


# The first result


def posebus_start(bench):
    """Until the first pose is committed, and so visible to another process that opens the store."""
    import sqlite3

    with bench.folder() as folder:
        store = folder / "store.sqlite"
        command = [bench.program("posebus"), "up", bench.clip(), *UP, store]
        bench.remember(command)
        start = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder)
        reader = first = None
        while first is None and process.poll() is None:
            time.sleep(0.002)
            try:
                reader = reader or sqlite3.connect(f"file:{store}?mode=ro", uri=True)
                if reader.execute("SELECT 1 FROM outcomes WHERE persons > 0 LIMIT 1").fetchone():
                    first = time.perf_counter() - start
            except sqlite3.OperationalError:
                pass  # The sink has not made it yet.
        if reader:
            reader.close()
        _, errors = process.communicate()
        if first is None or process.returncode:
            raise Failed(f"posebus up ended with status {process.returncode} and no pose seen:\n{errors.decode()[-2000:]}")
        return {"seconds": first}


def mediapipe_start(bench):
    command = [bench.python("mediapipe"), LOOP, bench.clip()]
    bench.remember(command)
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    line = process.stdout.readline()
    first = time.perf_counter() - start
    process.communicate()
    if line.strip() != b"first" or process.returncode:
        raise Failed(f"MediaPipe's loop ended with status {process.returncode}; it said {line!r} first")
    return {"seconds": first}


START = Row(
    name="light-start",
    title="light engine: from the start of the processes to the first pose",
    against="MediaPipe 0.10.21 in Python",
    contenders={"PoseBus": posebus_start, "MediaPipe": mediapipe_start},
    checks=[ratio("seconds", "PoseBus", "MediaPipe", 0.5, at_least=False)],
    figure="seconds", unit="s",
    prepare=prepare,
    note="PoseBus: posebus up with its three stages and its feeder, until the first pose is committed to the store. MediaPipe: the "
         "interpreter, its import, and the first pose in the process's own memory.")

ROWS = [VIDEO, LIVE, START]
