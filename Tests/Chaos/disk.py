"""Disks that fill up."""

import os
import random
import re
import sqlite3
import subprocess
import threading
import time
import uuid
from pathlib import Path

import zmq
from flow import CannotRun, Flow, raw_socket, spool_options, wait_for


def disk(folder, seed, long):
    """The store's disk (16 MB) is filled and freed again: nothing is acknowledged falsely, and it goes on."""
    if os.geteuid() != 0:
        raise CannotRun("mounting a tmpfs needs root")
    mount = Path(folder) / "disk"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(mount)], capture_output=True, text=True, timeout=20)
    if made.returncode:
        raise CannotRun(f"mount: {made.stderr.strip()}")
    try:
        return _disk(Path(folder), mount, random.Random(seed), 20 if long else 3)
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False, timeout=20)


def _disk(folder, mount, rng, cycles):
    from pipeline import Pipeline

    class SmallDisk(Pipeline):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.store = mount / "poses.sqlite"

    waits = []
    with Flow(folder, rate=25, make=SmallDisk, ingest=_spool(mount)) as flow:
        acks = Acknowledgements(flow.pipeline.at["acks"])
        for cycle in range(cycles):
            heard = sum(acks.snapshot().values())
            wait_for(lambda heard=heard: sum(acks.snapshot().values()) > heard, "an acknowledgement", 60)
            filler = mount / "filler"
            with open(filler, "wb", buffering=0) as file:
                size = 1 << 16
                while size >= 512:
                    try:
                        file.write(b"\0" * size)
                    except OSError:
                        size //= 2
            sink = flow.pipeline.stages["sink"]
            wait_for(
                lambda said=sink.errors, n=cycle: said().count("cannot store") > n,
                "the sink says that it cannot store", 60)
            time.sleep(0.5 + rng.random())
            claimed = acks.snapshot()
            stored = _stored(mount / "poses.sqlite")
            false = {s: (n, stored.get(s, 0)) for s, n in claimed.items() if n > stored.get(s, 0)}
            assert claimed, "no acknowledgement was seen: this trial shows nothing"
            assert not false, f"cycle {cycle}: acknowledged and not stored: {false}"
            filler.unlink()
            waits.append(flow.until_moving())
        found = flow.finish()
        acks.stop()
    return f"{cycles} cycles, nothing acknowledged falsely, storing again {max(waits):.1f} s after at most; {found}"


def _spool(mount):
    options = spool_options(mount)
    return [*options, "--spool-bytes", str(4 << 20), "--max-image-bytes", str(1 << 20)] if options else []


def _stored(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as store:
        rows = store.execute(
            "SELECT s.uuid, count(o.sequence) FROM sessions s JOIN outcomes o ON o.session = s.id GROUP BY s.id")
        return {str(uuid.UUID(bytes=session)): count for session, count in rows}


class Acknowledgements(threading.Thread):
    """Hears every acknowledgement of a sink."""

    PATTERN = re.compile(rb"\x12\x10(.{16})\x18([\x80-\xff]*[\x00-\x7f])", re.S)

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self._endpoint = endpoint
        self._next = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.start()

    def run(self):
        with zmq.Context() as context, raw_socket(context, zmq.SUB, self._endpoint, rcvhwm=0) as socket:
            socket.subscribe("ack/")
            while not self._stopping.is_set():
                if not socket.poll(100):
                    continue
                _, body = socket.recv_multipart()
                for session, following in parse_acknowledgements(body):
                    with self._lock:
                        self._next[session] = max(self._next.get(session, 0), following)

    def snapshot(self):
        with self._lock:
            return dict(self._next)

    def stop(self):
        self._stopping.set()
        self.join(10)


def parse_acknowledgements(data):
    """Session and next sequence of every acknowledgement in some bytes."""
    for match in Acknowledgements.PATTERN.finditer(data):
        value = 0
        for shift, byte in enumerate(match[2]):
            value |= (byte & 0x7F) << (7 * shift)
        yield str(uuid.UUID(bytes=match[1])), value
