"""A pipeline with keys on several machines, cameras that feed it and a viewer that sees what comes out.

Every part is a process of its own on a machine of its own: `hub` (ingest), `gpu` and later `gpu2` (infer), `archive`
(sink), `camera1` … `camera4` (posebus feed) and `viewer` (posebus watch).
"""

import itertools
import json
import shutil
import subprocess
import sys
import threading
import time

import zmq
from prometheus_client.parser import text_string_to_metric_families

from network import Network
from pipeline import DEADLINE, Late, Program, run, until

CAMERAS = ("camera1", "camera2", "camera3", "camera4")
MACHINES = ("hub", "gpu", "gpu2", "archive", *CAMERAS, "viewer", "stranger")
# Which stage runs where. The second infer comes and goes.
STAGES = {"sink": "archive", "infer": "gpu", "ingest": "hub"}
SECOND = "infer2"
WHERE = {**STAGES, SECOND: "gpu2"}
# How long an infer that joins has to be in reach before it gets streams.
MOVE_AFTER = 1


def rendered(folder, count, size=(320, 240)):
    """JPEGs of the person that `posebus feed test:` renders, one after the other in a walk."""
    frames = []
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.linger = 0
        socket.rcvtimeo = int(DEADLINE * 1000)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        feed = Program("posebus", "feed", f"test:?frames={count}&width={size[0]}&height={size[1]}&realtime=no",
                       "--to", f"tcp://127.0.0.1:{port}", folder=folder)
        ended = False
        while not ended:
            parts = socket.recv_multipart()
            place = next(place for place, part in enumerate(parts) if part.startswith(b"{"))
            about = json.loads(parts[place])
            ended = about.get("end", False)
            frames += parts[place + 1:] if not ended else []
            socket.send_multipart([*parts[:place], b"OK" if ended else f"OK {about['frame']}".encode()])
        assert feed.end() == 0, feed.errors()
    return frames


def make_keys(folder):
    """The keys of all machines, made as docs/security.md says."""
    keys = folder / "all-keys"
    roles = [("ingest", "ingest", ()), ("infer", "infer", ()), ("sink", "sink", ()), ("viewer", "subscribers", ())]
    roles += [(name, "feeders", ("--streams", name)) for name in CAMERAS]
    for name, role, more in roles:
        made = run("posebus", "keys", "new", name, "--for", role, *more, "--dir", keys, folder=folder)
        assert made.status == 0, made.errors()
    return keys


def hand_out(keys, network, secrets):
    """Copies all certificates to each machine, and to each its own secrets."""
    for name, own in secrets.items():
        folder = network[name].folder / "keys"
        shutil.copytree(keys, folder, ignore=shutil.ignore_patterns("*.cert_secret"), dirs_exist_ok=True)
        for secret in own:
            shutil.copy2(keys / f"{secret}.cert_secret", folder)


class Camera:
    """Feeds frames at a steady rate to `posebus feed` on a machine of its own, lossless."""

    def __init__(self, machine, stream, frames, rate, keys=True):
        self.stream, self.fed = stream, 0
        self.program = machine.start(
            "posebus", "feed", "-", "--stream", stream, "--to", "tcp://hub:5551",
            *(("--keys", machine.folder / "keys") if keys else ()), stdin=subprocess.PIPE)
        self._frames, self._rate = frames, rate
        self._may_stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        pipe = self.program.process.stdin
        # There and back, so that whoever is in the picture never jumps.
        course = [*self._frames, *self._frames[-2:0:-1]]
        due = time.monotonic()
        for frame in itertools.cycle(course):
            if self._may_stop.is_set():
                break
            try:
                pipe.write(frame)
                pipe.flush()
            except BrokenPipeError:
                break
            self.fed += 1
            # What a fault held up is made up for, at twice the rate.
            due = max(due + 1 / self._rate, time.monotonic() - 5)
            if (ahead := due - time.monotonic()) > 0:
                time.sleep(ahead)
            else:
                time.sleep(0.5 / self._rate)
        pipe.close()

    def finish(self):
        """Ends the stream; returns how many frames were fed, all of them accepted."""
        self._may_stop.set()
        self._thread.join(DEADLINE)
        assert self.program.end() == 0, self.program.errors()
        said = self.program.errors().strip().splitlines()[-1]
        assert said == f"{self.stream}: {self.fed} frames accepted, 0 refused", said
        return self.fed


class Viewer(Program):
    """`posebus watch`: what a subscriber sees, with the time at which it came."""

    def __init__(self, *arguments, **options):
        self.seen = {}  # By stream: (when, outcome).
        super().__init__(*arguments, **options)

    def _read(self):
        for line in self.process.stdout:
            outcome = json.loads(line)
            self.seen.setdefault(outcome["stream"], []).append((time.monotonic(), outcome))
        self._queue.put(None)

    def outcomes(self, stream):
        return [outcome for _, outcome in self.seen.get(stream, [])]

    def latest(self, stream):
        """When the latest outcome of a stream came."""
        seen = self.seen.get(stream)
        return seen[-1][0] if seen else 0.0

    def longest_pauses(self, since, streams):
        """The longest time without an outcome of each stream since then, in seconds."""
        pauses = {}
        for stream in streams:
            times = [since] + [when for when, _ in list(self.seen.get(stream, ())) if when > since]
            pauses[stream] = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
        return pauses


class Machines:
    """The pipeline, its cameras and its viewer. Streams flow from the start to `finish`."""

    def __init__(self, folder, engine=("--engine", "none"), rate=5, bad=()):
        self.folder, self.engine, self.rate = folder, engine, rate
        self.network = Network(MACHINES, folder / "machines", bad)
        self.stages, self.cameras = {}, []
        self._status = {}  # Where each stage says how it is.

    def __enter__(self):
        self.network.__enter__()
        try:
            keys = make_keys(self.folder)
            hand_out(keys, self.network, {
                "hub": ["ingest"], "gpu": ["infer"], "gpu2": ["infer"], "archive": ["sink"], "viewer": ["viewer"],
                **{name: [name] for name in CAMERAS}, "stranger": []})
            frames = rendered(self.folder, 60)
            self.store = self.network["archive"].folder / "poses.sqlite"
            self.infers = self.network["hub"].folder / "infers.txt"
            self.name_infers("gpu")
            for stage in STAGES:
                self.start(stage)
            self.viewer = self.network["viewer"].start(
                "posebus", "watch", "--json", "--from", "tcp://archive:5571", "--replay", "tcp://archive:5573",
                "--from-start", "--keys", self.network["viewer"].folder / "keys", kind=Viewer)
            self.cameras = [Camera(self.network[name], name, frames, self.rate) for name in CAMERAS]
            self.until_flowing()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        running = [*self.stages.values(), *(camera.program for camera in self.cameras)]
        for program in [*running, getattr(self, "viewer", None)]:
            if program and program.alive():
                program.kill()
        self.network.close()

    def arguments(self, stage):
        """What docs/security.md says to start a stage with on three machines."""
        folder = self.network[WHERE[stage]].folder
        match stage.removesuffix("2"):
            case "sink":
                own = ["--bind-outcomes", "tcp://*:5570", "--bind-results", "tcp://*:5571", "--bind-acks",
                       "tcp://*:5572", "--bind-replay", "tcp://*:5573", "--store", self.store]
            case "infer":
                own = ["--bind", "tcp://*:5560", "--sink", "tcp://archive:5570", *self.engine]
            case "ingest":
                own = ["--bind-push", "tcp://*:5550", "--bind-request", "tcp://*:5551", "--acks", "tcp://archive:5572",
                       "--infer", f"file:{self.infers}", "--move-after-seconds", MOVE_AFTER,
                       "--spool", folder / "spool"]
        return ["--keys", folder / "keys", *own]

    def name_infers(self, *machines):
        """Tells ingest which machines look at frames, as whoever runs the pipeline does."""
        new = self.infers.with_suffix(".new")
        new.write_text("".join(f"tcp://{machine}:5560\n" for machine in machines))
        new.replace(self.infers)

    def start(self, stage):
        """Starts a stage, again if it ran before, and waits until it is ready."""
        program = self.network[WHERE[stage]].start(f"posebus-{stage.removesuffix('2')}", *self.arguments(stage))
        self.stages[stage] = program
        self._status[stage] = program.ready()["status"]
        return program

    def stop(self, stage):
        """Ends a stage as a supervisor does."""
        program = self.stages.pop(stage)
        assert program.terminate() == 0, program.errors()

    def restart(self, stage):
        """Ends a stage and starts it again."""
        self.stop(stage)
        self.start(stage)

    def metric(self, stage, name, **labels):
        """The sum of a stage's samples that have these labels; 0 where there is none."""
        url = f"{self._status[stage]}/metrics"
        fetch = f"import urllib.request; print(urllib.request.urlopen('{url}', timeout=60).read().decode())"
        done = self.network[WHERE[stage]].call(sys.executable, "-c", fetch)
        assert done.returncode == 0, done.stderr
        return sum(sample.value for family in text_string_to_metric_families(done.stdout) for sample in family.samples
                   if sample.name == name and labels.items() <= sample.labels.items())

    def until_flowing(self, since=None):
        """Waits until the viewer has seen something new of every stream; returns how many seconds that took."""
        since = time.monotonic() if since is None else since
        programs = [*self.stages.values(), self.viewer, *(camera.program for camera in self.cameras)]

        def flowing():
            for program in programs:
                assert program.alive(), f"{program.name} has ended:\n{program.errors()}"
            return all(self.viewer.latest(stream) > since for stream in CAMERAS)

        try:
            until(flowing, "something new of every stream")
        except Late as late:
            stuck = [stream for stream in CAMERAS if self.viewer.latest(stream) <= since]
            raise Late(f"{late}; nothing of {stuck}") from None
        return time.monotonic() - since

    def finish(self):
        """Ends the streams; returns the frames fed by stream, once the viewer has seen the outcome of each."""
        fed = {camera.stream: camera.finish() for camera in self.cameras}
        until(lambda: all(len(self.viewer.seen.get(stream, ())) >= count for stream, count in fed.items()),
              f"the outcomes of {fed} at the viewer")
        return fed

    def drain(self):
        """Asks the stages to end in the data's order; returns their exit statuses."""
        return [self.stages[stage].terminate() for stage in ("ingest", "infer", "sink")]
