"""Frames that flow while something is broken, and the check afterwards.

Every frame carries its number as its capture time, so that the store shows with nothing but SQL which frames it holds.
"""

import sqlite3
import subprocess
import threading
import time
from pathlib import Path

from images import jpegs
from pipeline import BIN, Pipeline
from posebus import Feeder, Outcome, SessionEvent, Subscriber

STREAMS = ("chaos-a", "chaos-b", "chaos-c", "chaos-d")


class CannotRun(Exception):
    """This machine does not allow a trial; the text says why."""


def has_option(stage, option):
    """Whether a stage knows an option."""
    help_text = subprocess.run([BIN / f"posebus-{stage}", "--help"], capture_output=True, text=True, timeout=30).stdout
    return option in help_text


def spool_options(folder):
    """Ingest's options for a spool, where this ingest has one."""
    if not has_option("ingest", "--spool"):
        return []
    spool = Path(folder) / "spool"
    spool.mkdir(exist_ok=True)
    return ["--spool", str(spool)]


def resident_megabytes(program):
    """The resident memory of a process."""
    for line in Path(f"/proc/{program.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"{program.name} has ended")


class Source(threading.Thread):
    """Feeds one stream and counts what is confirmed."""

    def __init__(self, endpoint, stream, rate, delivery="lossless", frames=None):
        super().__init__(daemon=True)
        self.stream = stream
        self.confirmed = 0
        self.error = None
        self.may_stop = threading.Event()
        self._arguments = (endpoint, rate, delivery, frames)
        self.start()

    def run(self):
        endpoint, rate, delivery, limit = self._arguments
        feeder = Feeder(self.stream, endpoint, delivery=delivery, max_outstanding=32)
        try:
            images = jpegs(50, "160x120")
            due = time.monotonic()
            while not self.may_stop.is_set() and (limit is None or feeder.next_frame < limit):
                feeder.send(images[feeder.next_frame % len(images)], feeder.next_frame + 1, timeout=120)
                self.confirmed = feeder.accepted
                due = max(due + 1 / rate, time.monotonic() - 1)
                time.sleep(max(0.0, due - time.monotonic()))
            feeder.end(timeout=120)
            self.confirmed = feeder.accepted
            assert feeder.refused == 0
            self.frames = feeder.accepted
        except BaseException as error:  # noqa: BLE001 - handed on by finish()
            self.error = error
        finally:
            feeder.close()

    def finish(self):
        """Ends the stream; returns how many frames were confirmed."""
        self.may_stop.set()
        self.join(150)
        if self.error:
            raise self.error
        assert not self.is_alive(), f"{self.stream} is still feeding"
        return self.frames


class Watcher(threading.Thread):
    """A live subscriber that checks order and completeness as it goes."""

    def __init__(self, pipeline, streams, trusting=True):
        super().__init__(daemon=True)
        self.trusting = trusting
        self.first = {}  # By stream: its first session.
        self.outcomes = {}  # By stream: camera frames.
        self.last = {}  # By session: the last sequence.
        self.ended = set()
        self.drops = 0
        self.latest_at = {}  # By stream: when something new came.
        self.totals = []
        self.error = None
        self.may_stop = threading.Event()
        self.subscriber = Subscriber(pipeline.at["results"], pipeline.at["replay"], streams=streams)
        self.start()

    def run(self):
        try:
            while not self.may_stop.is_set():
                event = self.subscriber.receive(0.1)
                if event is None:
                    continue
                if not self.trusting and self.first.setdefault(event.stream, event.session) != event.session:
                    continue
                if isinstance(event, Outcome):
                    expected = self.last.get(event.session, -1) + 1
                    assert event.sequence == expected, f"{event.stream}: {event.sequence} instead of {expected}"
                    self.last[event.session] = event.sequence
                    self.outcomes.setdefault(event.stream, []).append(event.camera_frame)
                    self.latest_at[event.stream] = time.monotonic()
                    self.drops += event.drop is not None
                    if event.drop is None:
                        self.totals.append(event.timing.total)
                elif isinstance(event, SessionEvent) and event.event == "end":
                    self.ended.add(event.stream)
        except BaseException as error:  # noqa: BLE001 - handed on by finish()
            self.error = error
        finally:
            self.subscriber.close()

    def wait_for_ends(self, streams, deadline=60):
        end = time.monotonic() + deadline
        while not self.ended >= set(streams) and not self.error and time.monotonic() < end:
            time.sleep(0.05)

    def finish(self):
        self.may_stop.set()
        self.join(30)
        if self.error:
            raise self.error


class Flow:
    """A pipeline with streams flowing through it."""

    def __init__(self, folder, rate=100, streams=STREAMS, make=Pipeline, trusting=True, **options):
        self.trusting = trusting
        folder = Path(folder)
        folder.mkdir(exist_ok=True)
        self.pipeline = make(folder, **options)
        self.rate, self.streams = rate, streams
        # Ingest's endpoint stays while ingest is started again.
        self.folder = folder

    def __enter__(self):
        self.pipeline.__enter__()
        self.watcher = Watcher(self.pipeline, self.streams, self.trusting)
        self.sources = [Source(self.pipeline.at["request"], stream, self.rate) for stream in self.streams]
        self.until_moving()
        return self

    def __exit__(self, *_):
        for source in self.sources:
            source.may_stop.set()
        self.watcher.may_stop.set()
        self.pipeline.close()

    def until_moving(self, since=None, deadline=60.0):
        """Waits until each stream has had a new outcome; returns how long that took."""
        since = time.monotonic() if since is None else since
        while True:
            for thread in (self.watcher, *self.sources):
                if thread.error:
                    raise thread.error
            if all(self.watcher.latest_at.get(stream, 0) > since for stream in self.streams):
                return time.monotonic() - since
            waited = time.monotonic() - since
            stuck = [s for s in self.streams if self.watcher.latest_at.get(s, 0) <= since]
            assert waited < deadline, f"{stuck}: nothing new within {deadline:.0f} s"
            time.sleep(0.01)

    def finish(self):
        """Ends the streams and checks the store and what the subscriber saw; returns a summary.

        Not trusting what messages say, it asks only for one outcome a frame in the first session of each stream.
        """
        frames = {source.stream: source.finish() for source in self.sources}
        self.watcher.wait_for_ends(self.streams)
        self.watcher.finish()
        if self.trusting:
            check_store(self.pipeline.store, frames)
        for stream, count in frames.items():
            seen = self.watcher.outcomes.get(stream, [])
            if not self.trusting:
                assert len(seen) == count, f"{stream}: {len(seen)} outcomes of {count} frames"
            else:
                assert seen == list(range(count)), f"{stream}: the subscriber saw {len(seen)} of {count} frames"
        return f"{sum(frames.values())} frames confirmed, 0 lost, 0 twice, 0 out of order"


def check_store(path, frames):
    """Every confirmed frame is stored exactly once and in order, in sessions without a gap."""
    with sqlite3.connect(path, timeout=30) as store:
        for stream, count in frames.items():
            stored = []
            for row, first, following in store.execute(
                "SELECT id, first_sequence, next_sequence FROM sessions WHERE stream = ? ORDER BY id", (stream,)
            ).fetchall():
                rows = store.execute(
                    "SELECT sequence, capture_time_ns FROM outcomes WHERE session = ? ORDER BY rowid", (row,)
                ).fetchall()
                assert [sequence for sequence, _ in rows] == list(range(first, following)), f"{stream}: a gap"
                stored += [number - 1 for _, number in rows]
            lost = set(range(count)) - set(stored)
            assert not lost, f"{stream}: {len(lost)} confirmed frames lost, the first {min(lost)}"
            assert len(stored) == len(set(stored)), f"{stream}: {len(stored) - len(set(stored))} frames stored twice"
            assert stored == sorted(stored), f"{stream}: out of order"


def raw_socket(context, kind, endpoint, **options):
    """A socket with neither patience nor memory."""
    socket = context.socket(kind)
    socket.linger = 0
    for name, value in options.items():
        setattr(socket, name, value)
    socket.connect(endpoint)
    return socket


def wait_for(condition, what, deadline):
    """Waits until `condition()` holds; returns how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < deadline, f"{what}: not within {deadline:.0f} s"
        time.sleep(0.02)
    return time.monotonic() - began


