"""Runs the real programs for a test: starts them on free endpoints, speaks to them, and ends them by their own pid.

Every wait has a deadline. Nothing here measures or depends on a time otherwise.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import zmq

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("POSEBUS_BIN") or ROOT / ".build" / "release").resolve()
# Seconds after which something that should have happened counts as failed. Generous: a busy machine is no defect.
DEADLINE = float(os.environ.get("POSEBUS_TEST_DEADLINE") or 120)
STAGES = ("posebus-sink", "posebus-infer", "posebus-ingest")


class Late(AssertionError):
    """Something did not happen before its deadline."""


def until(condition, what, deadline=DEADLINE):
    """Waits until `condition()` is true and returns its value."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Late(f"{what}: not within {deadline:.0f} s")
        time.sleep(0.02)


class Program:
    """One process. Its standard error goes to a file, its standard output is read line by line.

    `prefix` are words before the program's own, such as those that put it on another machine; they must become it.
    """

    started = []  # Of the running test, so that a failure can show what they said.

    def __init__(self, name, *arguments, folder, environment=None, stdin=subprocess.DEVNULL, prefix=()):
        self.name = name
        self.log = Path(tempfile.mkstemp(prefix=f"{name}-", suffix=".log", dir=folder)[1])
        self.lines = []
        self._queue = queue.Queue()
        if name in STAGES and not prefix and "--status" not in arguments:
            # Several run on this machine.
            arguments = (*arguments, "--status", "127.0.0.1:0")
        self.command = [*prefix, str(BIN / name), *map(str, arguments)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=stdin, stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, **(environment or {})})
        threading.Thread(target=self._read, daemon=True).start()
        Program.started.append(self)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            self._queue.put(self.lines[-1])
        self._queue.put(None)

    def line(self, what="a line of output", deadline=DEADLINE):
        """The next line of standard output, or None at its end."""
        try:
            return self._queue.get(timeout=deadline)
        except queue.Empty:
            raise Late(f"{self.name}: {what}: not within {deadline:.0f} s") from None

    def ready(self):
        """Waits for the line by which a stage says that it is ready; returns its endpoints by name."""
        while True:
            line = self.line("the line that says it is ready")
            assert line is not None, f"{self.name} ended before it was ready:\n{self.errors()}"
            words = line.split()
            if words[1:2] == ["ready"]:
                assert words[0] == self.name
                return dict(word.split("=", 1) for word in words[2:])

    def errors(self):
        """What it said on standard error so far."""
        return self.log.read_text(errors="replace")

    def output(self):
        """What it said on standard output so far."""
        return "\n".join(self.lines) + "\n"

    def end(self, deadline=DEADLINE):
        """Waits for its end and for all of its output; returns the exit status."""
        try:
            status = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise Late(f"{self.name} did not end within {deadline:.0f} s:\n{self.errors()}") from None
        while self.line("the end of its output") is not None:
            pass
        return status

    def terminate(self):
        """Asks it to end, as a supervisor does; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self):
        """Ends it without any chance to tidy up."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def alive(self):
        return self.process.poll() is None


def run(name, *arguments, folder, environment=None, deadline=DEADLINE, prefix=()):
    """Runs a program to its end and returns it; `status` holds its exit status."""
    program = Program(name, *arguments, folder=folder, environment=environment, prefix=prefix)
    try:
        program.status = program.end(deadline)
    finally:
        if program.alive():
            program.kill()
    return program


class Pipeline:
    """Sink, infer and ingest as three processes that found each other.

    A stage that is started again gets the endpoints it had. `launch(stage)` gives what else `Program` is to be told, such as
    an environment.
    """

    def __init__(self, folder, transport="tcp", engine="none", sink=(), infer=(), ingest=(), launch=lambda stage: {}):
        self.folder = Path(folder)
        self.store = self.folder / "poses.sqlite"
        self.engine = engine
        self.launch = launch
        self.options = {"sink": list(sink), "infer": list(infer), "ingest": list(ingest)}
        self.context = zmq.Context()
        self.stages = {}
        self.status = {}  # Where each stage tells how it is.
        # The path of an ipc endpoint must be short.
        self._sockets = tempfile.mkdtemp(prefix="pb") if transport == "ipc" else None
        self.at = {
            name: f"ipc://{self._sockets}/{name}" if transport == "ipc" else "tcp://127.0.0.1:*"
            for name in ("outcomes", "results", "acks", "replay", "frames", "push", "request", "preview")
        }

    def __enter__(self):
        try:
            for stage in ("sink", "infer", "ingest"):
                self.start(stage)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def arguments(self, stage):
        at = self.at
        match stage:
            case "sink":
                own = ["--bind-outcomes", at["outcomes"], "--bind-results", at["results"], "--bind-acks", at["acks"],
                       "--bind-replay", at["replay"], "--store", self.store]
            case "infer":
                own = ["--bind", at["frames"], "--sink", at["outcomes"], "--engine", self.engine]
            case "ingest":
                own = ["--bind-push", at["push"], "--bind-request", at["request"], "--bind-preview", at["preview"],
                       "--infer", at["frames"], "--acks", at["acks"]]
        status = self.status.get(stage)
        return own + (["--status", status] if status else []) + self.options[stage]

    def start(self, stage):
        program = Program(f"posebus-{stage}", *self.arguments(stage), folder=self.folder, **self.launch(stage))
        self.stages[stage] = program
        at = program.ready()
        self.status[stage] = at.pop("status", None)
        self.at.update(at)
        return program

    def kill(self, stage):
        self.stages[stage].kill()

    def terminate(self, stage):
        return self.stages[stage].terminate()

    def close(self):
        for stage in ("ingest", "infer", "sink"):
            program = self.stages.get(stage)
            if program and program.alive():
                program.process.kill()
                program.process.wait()
        self.context.destroy(linger=0)
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def drain(self):
        """Asks the stages to end in the data's order; returns their exit statuses."""
        return [self.terminate(stage) for stage in ("ingest", "infer", "sink")]

    def socket(self, kind, endpoint):
        """A socket connected to `endpoint`, by name. Its calls fail at the deadline."""
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.sndtimeo = socket.rcvtimeo = int(DEADLINE * 1000)
        socket.connect(self.at.get(endpoint, endpoint))
        return socket

    def request(self, *parts):
        """Sends one message as a REQ feeder does and returns the answer."""
        socket = self.socket(zmq.REQ, "request")
        try:
            socket.send_multipart(parts)
            return socket.recv_string()
        finally:
            socket.close()

    def results(self, *topics):
        """A subscriber that provably gets everything fed from now on."""
        results = Results(self, topics or ("pose/json/", "session/json/"))
        results.settle()
        return results


def header(stream, **keys):
    """The first part of a feeder's message."""
    return json.dumps({"stream": stream, **keys}).encode()


class Results:
    """A subscriber to the sink, sorted by stream."""

    _settled = 0

    def __init__(self, pipeline, topics):
        self.pipeline = pipeline
        self.topics = topics
        self.outcomes = {}
        self.events = {}
        self.socket = pipeline.socket(zmq.SUB, "results")
        self.socket.rcvhwm = 0
        for topic in topics:
            self.socket.subscribe(topic)

    def settle(self):
        """Feeds single frames until one arrives here: from then on the subscription stands."""
        from images import tiny_jpeg

        Results._settled += 1
        stream = f"settle{Results._settled}"

        def arrived():
            assert self.pipeline.request(header(stream), tiny_jpeg()).startswith("OK")
            if self.socket.poll(200):
                self._take()
            return self.outcomes.get(stream)

        until(arrived, "the subscription takes effect")

    def _take(self):
        topic, body = self.socket.recv_multipart()
        kind, format, stream = topic.decode().split("/", 2)
        if format == "json":
            value = json.loads(body)
            assert value["stream"] == stream
            into = self.outcomes if kind == "pose" else self.events
            into.setdefault(stream, []).append(value)

    def wait(self, condition, what, deadline=DEADLINE):
        """Reads until `condition()` is true."""
        end = time.monotonic() + deadline
        while not condition():
            if not self.socket.poll(max(0, int((end - time.monotonic()) * 1000))):
                have = {stream: len(outcomes) for stream, outcomes in self.outcomes.items()}
                raise Late(f"{what}: not within {deadline:.0f} s; have {have}")
            self._take()

    def of(self, stream, count):
        """At least `count` outcomes of a stream."""
        self.wait(lambda: len(self.outcomes.get(stream, [])) >= count, f"{count} outcomes of {stream}")
        return self.outcomes[stream]

    def session(self, stream):
        """All outcomes of a stream up to the end of its session, and that event."""

        def ended():
            return [event for event in self.events.get(stream, []) if event["event"] == "end"]

        self.wait(ended, f"the end of {stream}")
        return self.outcomes.get(stream, []), ended()[-1]


def check_complete(outcomes, count, event=None):
    """The promise, for one session: one outcome for every frame, in order, no more, no less."""
    assert len({outcome["session"] for outcome in outcomes}) == 1
    assert [outcome["sequence"] for outcome in outcomes] == list(range(count))
    if event is not None:
        drops = sum(outcome["drop"] is not None for outcome in outcomes)
        assert event["session"] == outcomes[0]["session"]
        assert (event["frames"], event["poses"], event["drops"]) == (count, count - drops, drops)


class Feeder(threading.Thread):
    """Feeds frames from a thread of its own, with a socket of its own. `finish()` hands on what went wrong."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self._work = work
        self._error = None
        self.start()

    def run(self):
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed to the test by finish()
            self._error = error

    def finish(self):
        self.join(DEADLINE)
        if self._error:
            raise self._error
        if self.is_alive():
            raise Late("the feeder is still feeding")


@contextlib.contextmanager
def own_socket(pipeline, kind, endpoint):
    """A socket in a context of its own, for threads: it outlives neither its block nor what it has to deliver."""
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.linger = socket.sndtimeo = socket.rcvtimeo = int(DEADLINE * 1000)
        socket.connect(pipeline.at[endpoint])
        yield socket


def push(pipeline, stream, frames, end=True, first=0, **keys):
    """Feeds frames as a plain PUSH feeder, and the end of the stream."""
    with own_socket(pipeline, zmq.PUSH, "push") as socket:
        for number, frame in enumerate(frames, first):
            socket.send_multipart([header(stream, frame=number, **keys), frame])
        if end:
            socket.send_multipart([header(stream, end=True)])


def post(pipeline, endpoint, *parts):
    """Sends one message to a PULL socket."""
    with own_socket(pipeline, zmq.PUSH, endpoint) as socket:
        socket.send_multipart(parts)
