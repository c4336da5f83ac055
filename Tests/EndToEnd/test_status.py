"""`posebus status`: what it says of a real pipeline, once, as JSON, and live in a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

import pipeline as harness
from images import jpegs
from pipeline import DEADLINE, Late, Program, push, until


def where(pipeline):
    return [word for stage, address in pipeline.status.items() for word in (f"--{stage}", address)]


@pytest.fixture
def running(start, tmp_path):
    """A pipeline with a camera that goes on and on, and what else was fed to it."""
    pipeline = start()
    results = pipeline.results()
    push(pipeline, "done", jpegs(10))
    results.session("done")
    camera = Program(
        "posebus", "feed", "test:?fps=10&frames=0&realtime=yes", "--stream", "camera", "--to", pipeline.at["request"],
        folder=tmp_path)
    results.of("camera", 10)
    pipeline.camera = camera
    yield pipeline
    if camera.alive():
        camera.kill()


def look(pipeline, posebus):
    program = posebus("status", "--json", *where(pipeline))
    return program.status, json.loads(program.output())


def test_figures_and_the_verdict(running, posebus):
    def moving():
        status, seen = look(running, posebus)
        (camera,) = [stream for stream in seen["streams"] if stream["name"] == "camera"]
        return seen if status == 0 and camera["accepted_per_second"] > 0 and camera["outcomes_per_second"] > 0 else None

    # A machine with much else to do may give the camera no turn in the second that is looked at.
    seen = until(moving, "the camera's frames go through")
    assert seen["verdict"]["level"] == "ok" and seen["verdict"]["text"].startswith("Everything moves")
    assert {(stage["stage"], stage["state"]) for stage in seen["stages"]} >= {
        ("ingest", "ok"), ("infer", "ok"), ("sink", "ok")}
    (version,) = {stage["version"] for stage in seen["stages"] if stage["state"] == "ok"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    streams = {stream["name"]: stream for stream in seen["streams"]}
    assert streams["done"]["accepted"] == 10 and streams["done"]["accepted_per_second"] == 0
    assert streams["camera"]["accepted"] >= 10

    once = posebus("status", "--once", *where(running))
    assert once.status == 0 and "ingest" in once.output() and "camera" in once.output()
    assert "\x1b" not in once.output(), "no terminal, no control characters"


def test_where_the_stages_are_the_file_says(running, posebus, tmp_path):
    def settings(infer_at, infer_status):
        places = {stage: address.removeprefix("http://") for stage, address in running.status.items()}
        file = tmp_path / "posebus.yaml"
        file.write_text(
            f"ingest:\n  status: {places['ingest']}\n  infer: [{infer_at}]\n"
            f"infer:\n  status: {infer_status}\n"
            f"sink:\n  status: {places['sink']}\n"
            "gateway:\n  bind-http: 127.0.0.1:1\n")
        program = posebus("status", "--json", "--config", file)
        return program, json.loads(program.output()) if program.status != 78 else None

    place = running.status["infer"].removeprefix("http://")
    program, seen = settings("tcp://127.0.0.1:5560", place)
    assert program.status == 0, seen
    assert {stage["stage"]: stage["url"] for stage in seen["stages"]} == {
        **running.status, "gateway": "http://127.0.0.1:1"}

    # What listens everywhere is asked on the machine where ingest has it.
    port = place.rpartition(":")[2]
    program, seen = settings("tcp://localhost:5560, tcp://127.0.0.1:5561", f"0.0.0.0:{port}")
    assert program.status == 0, seen
    assert [stage["url"] for stage in seen["stages"] if stage["stage"] == "infer"] == [
        f"http://localhost:{port}", f"http://127.0.0.1:{port}"]

    # Nobody asks a stage that serves nothing, and a mistake is said with its line.
    program, seen = settings("tcp://127.0.0.1:5560", "none")
    assert program.status == 0 and "infer" not in {stage["stage"] for stage in seen["stages"]}
    program, _ = settings("tcp://127.0.0.1:5560", "nowhere")
    assert program.status == 78 and "posebus.yaml:5:3: infer.status: " in program.errors()


def test_a_stage_that_is_gone_is_named(running, posebus):
    running.kill("sink")
    status, seen = look(running, posebus)
    assert status == 1 and seen["verdict"]["level"] == "stuck"
    assert seen["verdict"]["text"].startswith("The sink at ") and "does not answer" in seen["verdict"]["text"]
    assert [stage["state"] for stage in seen["stages"] if stage["stage"] == "sink"] == ["away"]
    running.start("sink")
    until(lambda: look(running, posebus)[0] == 0, "all is well again")


def test_live_in_a_terminal_until_interrupted(running):
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    program = subprocess.Popen(
        [harness.BIN / "posebus", "status", *where(running)], stdin=inside, stdout=inside, stderr=inside,
        env={**os.environ, "TERM": "xterm-256color"}, start_new_session=True)
    os.close(inside)
    said = b""
    try:
        end = time.monotonic() + DEADLINE
        # The screen is drawn anew: the first picture has no rates yet.
        while said.count(b"Everything moves: ") < 3:
            if time.monotonic() > end or not select.select([terminal], [], [], DEADLINE)[0]:
                raise Late(f"three pictures: {said!r}")
            said += os.read(terminal, 65536)
        assert b"camera" in said and b"INGEST" in said.upper()
        assert b"\x1b[K" not in said, "behind a line as wide as the screen that wipes its last character"
        program.send_signal(signal.SIGINT)
        while select.select([terminal], [], [], DEADLINE)[0]:
            try:
                more = os.read(terminal, 65536)
            except OSError:  # The other end is closed.
                break
            said += more
        assert program.wait(DEADLINE) in (0, 130)
    finally:
        if program.poll() is None:
            program.kill()
            program.wait()
        os.close(terminal)
    assert said.rindex(b"\x1b[?1049l") > said.rindex(b"\x1b[?1049h"), "the terminal is as it was"
