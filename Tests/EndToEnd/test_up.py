"""`posebus up` keeps its stages alive, and says so when it cannot."""

import contextlib
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from images import jpegs, video
from pipeline import DEADLINE, Program, run, until
from store import check_promise, sessions, stored


class Up:
    """`posebus up -`: the test feeds JPEGs by standard input and so decides how far the run is."""

    def __init__(self, folder, *options, engine="none"):
        self.store = folder / "poses.sqlite"
        self.program = Program("posebus", "up", "-", "--engine", engine, "--store", self.store, "--ephemeral", *options,
                               folder=folder, stdin=subprocess.PIPE)
        self.fed = 0

    def feed(self, count):
        for _ in range(count):
            self.program.process.stdin.write(jpegs(50)[self.fed % 50])
            self.fed += 1
        self.program.process.stdin.flush()

    def stored(self):
        return len(stored(self.store, "stdin"))

    def wait(self, count):
        until(lambda: self.stored() >= count, f"{count} outcomes in the store")

    def end(self):
        self.program.process.stdin.close()
        return self.program.end()

    def pid(self, stage, other_than=None):
        """The process id of a stage that is this program's child."""
        return until(lambda: self.find(stage, other_than), f"posebus-{stage} runs")

    def find(self, stage, other_than=None):
        """The process id of a stage, or None while there is none."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                name = (folder / "cmdline").read_bytes().split(b"\0")[0].decode()
            except (OSError, IndexError):
                continue
            if parent == self.program.process.pid and Path(name).name == f"posebus-{stage}":
                if int(folder.name) != other_than:
                    return int(folder.name)
        return None

    def said(self):
        return self.program.errors() + self.program.output()


@pytest.fixture
def up(tmp_path):
    started = []

    def up(*options, **more):
        started.append(Up(tmp_path, *options, **more))
        return started[-1]

    yield up
    for each in started:
        if each.program.alive():
            each.program.kill()


@pytest.mark.parametrize("stage", ["infer", "sink"])
def test_a_stage_that_is_killed_in_mid_run_costs_no_frame(up, stage):
    run = up()
    run.feed(100)
    run.wait(100)
    pid = run.pid(stage)
    # Stopped, it takes frames into its buffers and they die with it.
    os.kill(pid, signal.SIGSTOP)
    run.feed(60)
    os.kill(pid, signal.SIGKILL)
    run.feed(140)
    assert run.end() == 0, run.said()
    assert stored(run.store, "stdin") == [(number, None) for number in range(300)]
    assert "stdin: 300 frames in, 300 outcomes out: 300 poses (0 with persons), 0 drops" in run.program.output()
    assert f"posebus-{stage} was killed by signal 9; it is restarted" in run.program.errors()
    (session,) = sessions(run.store)
    assert session["ended"]
    check_promise(run.store)


def test_an_ingest_that_is_killed_ends_the_run_with_an_account_of_what_is_lost(up):
    run = up()
    run.feed(100)
    run.wait(100)
    infer, ingest = run.pid("infer"), run.pid("ingest")
    os.kill(infer, signal.SIGSTOP)
    # What is read from a pipe of 64 kB beyond the 16 frames that may be unanswered, ingest has confirmed.
    run.feed(100)
    os.kill(ingest, signal.SIGKILL)
    run.pid("ingest", other_than=ingest)
    os.kill(infer, signal.SIGCONT)
    run.feed(100)
    assert run.end() == 1, run.said()
    first, second = sessions(run.store)
    assert not first["ended"] and second["ended"]
    check_promise(run.store)
    outcomes = run.stored()
    assert 100 < outcomes < 300
    # What was unanswered went to its successor; what was confirmed and not stored had nobody else.
    account = re.search(r"of 300 frames sent, (\d+) have an outcome\. Ingest had confirmed 300;", run.program.errors())
    assert account, run.said()
    assert int(account[1]) == outcomes
    assert "was cut off" in run.program.errors() and "died with it" in run.program.errors()
    assert f"stdin: 300 frames in, {outcomes} outcomes out" in run.program.output()


def test_with_a_spool_an_ingest_that_is_killed_costs_no_frame(up, tmp_path):
    run = up("--spool", tmp_path / "spool")
    run.feed(100)
    run.wait(100)
    infer, ingest = run.pid("infer"), run.pid("ingest")
    os.kill(infer, signal.SIGSTOP)
    run.feed(100)
    os.kill(ingest, signal.SIGKILL)
    run.pid("ingest", other_than=ingest)
    os.kill(infer, signal.SIGCONT)
    # Nothing more comes yet: what was unanswered must not wait for the next frame.
    run.wait(200)
    run.feed(100)
    assert run.end() == 0, run.said()
    assert stored(run.store, "stdin") == [(number, None) for number in range(300)]
    (session,) = sessions(run.store)
    assert session["ended"]
    check_promise(run.store)


def test_an_ingest_that_is_killed_when_all_is_stored_loses_nothing(up):
    run = up()
    run.feed(50)
    run.wait(50)
    os.kill(run.pid("ingest"), signal.SIGKILL)
    status = run.end()
    # Every frame has its outcome, but nobody was left to say that the session has no more.
    assert "stdin: 50 frames in, 50 outcomes out" in run.program.output()
    assert status == 1 and "was cut off with 50 outcomes stored" in run.program.errors()
    assert "not every frame" not in run.program.errors()


def test_a_stage_that_dies_again_and_again_ends_the_run(up):
    run = up()
    run.feed(10)
    run.wait(10)
    killed = None

    def has_ended():
        nonlocal killed
        pid = run.find("infer", other_than=killed)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed = pid
        return not run.program.alive()

    until(has_ended, "the run ends")
    assert run.program.end() != 0
    assert "posebus up: posebus-infer died 5 times within a minute" in run.program.errors()
    # What was stored before is told all the same.
    assert "10 outcomes out" in run.program.output()


def test_a_stage_that_cannot_be_restarted_ends_the_run_with_its_reason(up, tmp_path):
    run = up()
    run.feed(10)
    run.wait(10)
    # A sink whose store is gone for something else cannot come back.
    sink = run.pid("sink")
    os.kill(sink, signal.SIGSTOP)
    for file in tmp_path.glob("poses.sqlite*"):
        if file.is_file():  # The gateway's folder lies beside it.
            file.unlink()
    run.store.mkdir()
    os.kill(sink, signal.SIGKILL)
    assert run.program.end() == 73, run.said()
    assert f"store {run.store}" in run.program.errors() and "died 5 times" in run.program.errors()


def start(posebus_arguments, folder):
    return run("posebus", "up", *posebus_arguments, folder=folder)


def test_a_store_that_cannot_be_made_is_the_sinks_reason(tmp_path):
    clip = video(tmp_path / "clip.mp4")
    program = start([clip, "--engine", "none", "--ephemeral", "--store", tmp_path / "missing" / "poses.sqlite"], tmp_path)
    assert program.status == 73, program.errors()
    assert "posebus up: posebus-sink: store" in program.errors() and "its folder does not exist" in program.errors()
    # Said once.
    assert program.errors().count("its folder does not exist") == 1


def test_weights_that_are_missing_or_altered(tmp_path):
    clip = video(tmp_path / "clip.mp4")
    folder = tmp_path / "models"
    folder.mkdir()
    program = start([clip, "--ephemeral", "--store", tmp_path / "poses.sqlite", "--models", folder], tmp_path)
    assert program.status == 78
    assert "pose_detection.tflite is missing" in program.errors() and "posebus models fetch" in program.errors()
    for name in ("pose_detection.tflite", "pose_landmark_full.tflite"):
        (folder / name).write_bytes(b"altered")
    program = start([clip, "--ephemeral", "--store", tmp_path / "poses.sqlite", "--models", folder], tmp_path)
    assert program.status == 78
    assert "posebus up: posebus-infer: the weight file" in program.errors()
    assert "is not the published one" in program.errors()


def test_a_port_in_use_is_named_with_the_way_out(tmp_path):
    clip = video(tmp_path / "clip.mp4")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 5571))
        except OSError:
            pytest.skip("port 5571 is taken on this machine")
        taken.listen()
        program = start([clip, "--engine", "none", "--store", tmp_path / "poses.sqlite"], tmp_path)
    assert program.status == 69, program.errors()
    assert "5571" in program.errors() and "in use" in program.errors() and "--ephemeral" in program.errors()


def test_a_source_that_fails_ends_the_run_with_its_reason(tmp_path):
    clip = video(tmp_path / "clip.mp4", frames=100)
    clip.write_bytes(clip.read_bytes()[:-2000])
    store = tmp_path / "poses.sqlite"
    program = start([clip, tmp_path / "missing.mp4", "--engine", "none", "--ephemeral", "--store", store], tmp_path)
    assert program.status == 1 and "missing.mp4 does not exist" in program.errors()
    assert not store.exists()
    program = start([clip, "--engine", "none", "--ephemeral", "--store", store], tmp_path)
    assert program.status == 1 and "clip.mp4" in program.errors()


def test_the_stages_end_with_a_supervisor_that_is_killed(up):
    run = up()
    run.feed(10)
    run.wait(10)
    pids = [run.pid(stage) for stage in ("ingest", "infer", "sink")]
    run.program.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the stages end", DEADLINE)
