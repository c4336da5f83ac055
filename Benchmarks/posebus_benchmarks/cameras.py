"""Cameras in front of a pipeline, and what each stage uses for their frames."""

import collections
import contextlib
import re
import subprocess
import threading
import time

from .processes import cpu_seconds, memory_mb

STAGES = ("ingest", "infer", "sink")
# The way of a frame: between whom, and which endpoint's connections carry it.
LINKS = {"camera → ingest": "push", "ingest → infer": "frames", "infer → sink": "outcomes", "sink → ingest": "acks",
         "sink → subscriber": "results"}
WARM_UP = 2


def jpegs(video, width, quality, count):
    """Frames of a video as JPEGs."""
    made = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", video, "-vf", f"scale={width}:-2", "-frames:v", str(count), "-f", "image2pipe", "-c:v",
         "mjpeg", "-q:v", str(quality), "-"], check=True, capture_output=True).stdout
    starts = [match.start() for match in re.finditer(b"\xff\xd8\xff", made)]
    return [made[start:end] for start, end in zip(starts, starts[1:] + [len(made)])]


class Cameras(threading.Thread):
    """Feeds streams at a total rate, each over a connection of its own, until it is told to stop."""

    def __init__(self, pipeline, count, rate, images):
        import zmq

        super().__init__(daemon=True)
        self.sockets = [pipeline.socket(zmq.PUSH, "push") for _ in range(count)]
        self.rate, self.images = rate, images
        self.over = threading.Event()
        self.start()

    def run(self):
        import pipeline as harness

        begin, sent = time.monotonic(), 0
        while not self.over.is_set():
            stream = sent % len(self.sockets)
            image = self.images[sent // len(self.sockets) % len(self.images)]
            self.sockets[stream].send_multipart([harness.header(f"camera{stream}"), image])
            sent += 1
            self.over.wait(max(0, begin + sent / self.rate - time.monotonic()))


@contextlib.contextmanager
def subscriber(pipeline):
    """Somebody who reads all results."""
    results = pipeline.results().socket
    over = threading.Event()

    def read():
        while not over.is_set():
            if results.poll(100):
                results.recv_multipart()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()


def bytes_by_link(pipeline):
    """Bytes in both directions of each link's connections, as the side that is connected to counts them."""
    ports = {pipeline.at[endpoint].rsplit(":", 1)[1]: link for link, endpoint in LINKS.items()}
    found = collections.Counter()
    lines = subprocess.run(["ss", "-tinH"], check=True, capture_output=True, text=True).stdout.splitlines()
    for address, details in zip(lines[::2], lines[1::2]):
        link = ports.get(address.split()[3].rsplit(":", 1)[1])
        if link:
            found[link] += sum(int(value) for value in re.findall(r"bytes_(?:sent|received):(\d+)", details))
    return found


def frames_stored(pipeline):
    from store import query

    return sum(row["poses"] + row["drops"] for row in query(pipeline.store, "SELECT poses, drops FROM sessions"))


def measure(pipeline, streams, rate, images, seconds):
    """What a frame costs each stage: milliseconds of processor time and bytes on each link; MB of memory at the end.

    Begins when every stream runs and has been running for a while. The pipeline is drained by it.
    """
    import pipeline as harness

    with subscriber(pipeline):
        cameras = Cameras(pipeline, streams, rate, images)
        harness.until(lambda: frames_stored(pipeline) > max(2 * streams, rate * WARM_UP), "the first seconds' frames")
        pids = {stage: pipeline.stages[stage].process.pid for stage in STAGES}
        begin, wire = time.monotonic(), bytes_by_link(pipeline)
        used, frames = {stage: cpu_seconds(pids[stage]) for stage in STAGES}, frames_stored(pipeline)
        time.sleep(seconds)
        frames = frames_stored(pipeline) - frames
        took = time.monotonic() - begin
        wire = {link: count - wire[link] for link, count in bytes_by_link(pipeline).items()}
        result = {
            "rate": frames / took,
            "cpu": {stage: 1000 * (cpu_seconds(pids[stage]) - used[stage]) / frames for stage in STAGES},
            "memory": {stage: memory_mb(pids[stage]) for stage in STAGES},
            "bytes": {link: wire.get(link, 0) / frames for link in LINKS},
        }
        cameras.over.set()
        cameras.join()
    assert pipeline.drain() == [0, 0, 0]
    result["bytes"]["store"] = pipeline.store.stat().st_size / frames_stored(pipeline)
    return result
