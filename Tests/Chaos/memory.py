"""Memory and latency under load."""

import json
import random
import socket
import sqlite3
import struct
import time

import zmq
from faults import ProxiedPipeline
from flow import Flow, Source, Watcher, raw_socket, resident_megabytes
from images import jpegs
from pipeline import Pipeline

# Resident memory, in megabytes, that no stage may exceed with engine `none` and the default windows.
CAP = 256


def overload(folder, seed, long):
    """Five times the live frames that infer's link carries: bounded latency, every shed frame recorded, newest kept."""
    window = 16
    seconds = 60 if long else 8
    size = len(jpegs(50, "160x120")[0])
    capacity = 20.0
    options = {"make": ProxiedPipeline, "ingest": ["--live-window-frames", str(window)]}
    pipeline = options.pop("make")(folder, **options)
    with pipeline:
        pipeline.proxies["frames"].rate = capacity * (size + 150)
        watcher = Watcher(pipeline, ["live"])
        source = Source(pipeline.at["request"], "live", 5 * capacity, delivery="live")
        peak = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.25)
            for name, program in pipeline.stages.items():
                peak[name] = max(peak.get(name, 0), resident_megabytes(program))
            assert not source.error, source.error
        frames = source.finish()
        watcher.wait_for_ends(["live"])
        watcher.finish()
    assert watcher.outcomes["live"] == list(range(frames)), "not every frame has an outcome"
    with sqlite3.connect(pipeline.store) as store:
        kinds = dict(store.execute("SELECT ifnull(drop_reason, 'pose'), count(*) FROM outcomes GROUP BY 1").fetchall())
        poses = [n - 1 for (n,) in store.execute(
            "SELECT capture_time_ns FROM outcomes WHERE drop_reason IS NULL ORDER BY sequence")]
    assert set(kinds) == {"pose", "shed"} and sum(kinds.values()) == frames, kinds
    carried = kinds["pose"] / seconds
    # Without the last window: once nothing more comes, nothing is shed, and those frames wait for the whole of it.
    totals = sorted(watcher.totals[:-window])
    p99 = totals[int(len(totals) * 0.99)] / 1000
    limit = window / carried
    assert p99 < limit, f"p99 {p99:.2f} s is not under window × frame time = {limit:.2f} s"
    # Newest win: the last frames fed are among the poses, and the poses are spread over the whole run.
    assert poses[-1] >= frames - window, f"the newest pose is {poses[-1]} of {frames}"
    gaps = [b - a for a, b in zip(poses, poses[1:], strict=False)]
    assert max(gaps) <= 5 * window, f"{max(gaps)} frames in a row were shed"
    assert max(peak.values()) < CAP, f"resident memory {peak}"
    return (f"{frames} frames in {seconds} s, {kinds['pose']} poses, {kinds['shed']} recorded as shed, "
            f"p99 {p99:.2f} s of {limit:.2f} s allowed, resident MB at most {({k: round(v) for k, v in peak.items()})}")


def stalled(folder, seed, long):
    """Subscribers and replay clients that read nothing: the sink's memory stays, everybody else is served."""
    frames = 40_000 if long else 8_000
    with Flow(folder, rate=frames / 4 / (40 if long else 8)) as flow, zmq.Context() as context:
        sink = flow.pipeline.stages["sink"]
        before = resident_megabytes(sink)
        dead = [raw_socket(context, zmq.SUB, flow.pipeline.at["results"], rcvhwm=1, rcvbuf=4096) for _ in range(10)]
        for one in dead:
            one.subscribe("")
        replays = [raw_socket(context, zmq.DEALER, flow.pipeline.at["replay"], rcvhwm=1, rcvbuf=4096) for _ in range(5)]
        peak = before
        end = time.monotonic() + (40 if long else 8)
        while time.monotonic() < end:
            for one in replays:
                request = {"stream": random.Random(seed).choice(flow.streams), "from": 0, "format": "json"}
                try:
                    one.send(json.dumps(request).encode(), zmq.NOBLOCK)
                except zmq.Again:
                    pass
            time.sleep(0.25)
            peak = max(peak, resident_megabytes(sink))
        found = flow.finish()
        given_up = sink.errors().count("gave up a replay")
        for one in dead + replays:
            one.close(0)
    assert given_up > 0 or not long, "no stalled replay was given up"
    assert peak < CAP, f"the sink's resident memory went from {before:.0f} to {peak:.0f} MB"
    return f"sink {before:.0f} MB before, at most {peak:.0f} MB; {given_up} replays given up; {found}"


def multipart(folder, seed, long):
    """A thousand parts of a message that never ends, sent to ingest: memory stays under the cap."""
    parts = 1000 if long else 400
    size = 256 << 10
    peak = 0
    with Pipeline(folder) as pipeline:
        ingest = pipeline.stages["ingest"]
        for name, kind in (("push", b"PUSH"), ("request", b"DEALER")):
            with _greeted(pipeline.at[name], kind) as peer:
                try:
                    for _ in range(parts):
                        # A long frame with more to come.
                        peer.sendall(b"\x03" + struct.pack(">Q", size) + b"x" * size)
                        peak = max(peak, resident_megabytes(ingest))
                except OSError:
                    # Cut off, as it should be.
                    pass
                time.sleep(0.5)
                peak = max(peak, resident_megabytes(ingest))
        assert pipeline.request(b'{"stream":"after"}', jpegs(1)[0]).startswith("OK"), "ingest does not serve others"
    assert peak < CAP, f"{parts} unfinished parts of {size >> 10} KiB took ingest to {peak:.0f} MB (cap {CAP} MB)"
    return f"{parts} unfinished parts of {size >> 10} KiB twice: ingest at most {peak:.0f} MB"


def _greeted(endpoint, kind):
    """A TCP connection that has done ZMTP 3.0's greeting with the NULL mechanism."""
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    peer = socket.create_connection((host, int(port)), timeout=10)
    peer.sendall(b"\xff" + b"\0" * 8 + b"\x7f" + b"\3\0" + b"NULL".ljust(20, b"\0") + b"\0" * 32)
    _exactly(peer, 64)
    ready = b"\5READY" + b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    peer.sendall(b"\x04" + bytes([len(ready)]) + ready)
    _, length = _exactly(peer, 2)
    _exactly(peer, length)
    return peer


def _exactly(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        assert more, "the stage closed the connection during the greeting"
        data += more
    return data
