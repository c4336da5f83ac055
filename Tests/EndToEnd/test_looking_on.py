"""The viewer's address: `posebus up` prints it, stays for it when asked, and does without it; `posebus view` is nothing else."""

import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request

import pytest

from images import jpegs
from pipeline import Program, until
from store import check_promise
from test_up import Up


@pytest.fixture
def start(tmp_path):
    """Starts posebus; what still runs at the end is ended."""
    started = []

    def start(*arguments, store=tmp_path / "poses.sqlite"):
        command, *rest = arguments
        if command == "up":
            rest += ["--engine", "none", "--ephemeral", "--store", store]
        started.append(Program("posebus", command, *rest, folder=tmp_path))
        return started[-1]

    yield start
    for program in started:
        if program.alive():
            program.kill()


def address(program):
    """Where the viewer is, as it was printed."""
    found = until(lambda: re.search(r"viewer: (http://\S+)", program.errors()), "the viewer's address is printed")
    return found[1].rstrip("/")


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.status, answer.read()


def post(url, body):
    kind = "application/json" if body.startswith(b"{") else "image/jpeg"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": kind}), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_with_stay_everything_goes_on_after_the_sources_until_it_is_interrupted(start, tmp_path):
    up = start("up", "test:?frames=30&width=160&height=120", "--stay")
    url = address(up)
    until(lambda: "Ctrl-C ends it" in up.errors(), "the run rests")
    assert "test: 30 frames in, 30 outcomes out: 30 poses (0 with persons), 0 drops" in up.output()
    assert up.alive()
    status, page = get(url + "/")
    assert status == 200 and b"<title>" in page
    sessions = json.loads(get(url + "/v1/sessions")[1])["sessions"]
    assert [(each["stream"], each["poses"], each["kept_frames"]) for each in sessions] == [("test", 30, 30)]
    up.process.send_signal(signal.SIGINT)
    assert up.end() == 0, up.errors()
    assert up.output().count("30 frames in, 30 outcomes out") == 1
    check_promise(tmp_path / "poses.sqlite")


def test_without_stay_it_ends_with_its_sources(start):
    up = start("up", "test:?frames=30&width=160&height=120")
    assert up.end() == 0, up.errors()
    assert "viewer: http://127.0.0.1:" in up.errors()


def test_an_address_that_is_taken_costs_the_viewer_and_nothing_else(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        up = start("up", "test:?frames=30&width=160&height=120", "--http", "127.0.0.1:%d" % taken.getsockname()[1])
        assert up.end() == 0, up.errors()
    assert "no viewer: " in up.errors() and "--http HOST:PORT chooses another address" in up.errors()
    assert "30 poses (0 with persons), 0 drops" in up.output()


def test_no_viewer_starts_none(start):
    up = start("up", "test:?frames=30&width=160&height=120", "--no-viewer")
    assert up.end() == 0, up.errors()
    assert "viewer" not in up.errors()


def test_a_gateway_that_is_killed_comes_back_where_it_was(tmp_path):
    run = Up(tmp_path)
    try:
        url = address(run.program)
        run.feed(10)
        run.wait(10)
        os.kill(run.pid("gateway"), signal.SIGKILL)

        def is_back():
            try:
                return get(url + "/healthz")[0] == 200
            except OSError:
                return False

        until(is_back, "the viewer is back at its address")
        run.feed(10)
        run.wait(20)
        assert run.end() == 0, run.said()
    finally:
        if run.program.alive():
            run.program.kill()


def test_view_shows_a_store_and_changes_nothing_in_it(start, tmp_path):
    store = tmp_path / "poses.sqlite"
    assert start("up", "test:?frames=30&width=160&height=120", "--no-viewer").end() == 0
    view = start("view", store, "--http", "127.0.0.1:0")
    url = address(view)
    (session,) = json.loads(get(url + "/v1/sessions")[1])["sessions"]
    status, jpeg = get(f"{url}/v1/sessions/{session['session']}/frames/29")
    assert status == 200 and jpeg.startswith(b"\xff\xd8")
    # Nobody misses stages that nobody started.
    stages = json.loads(get(url + "/v1/status")[1])["stages"]
    assert all(stage["state"] != "down" for stage in stages.values())
    for path, body in [("/v1/streams/cam/frames", jpegs(1)[0]), ("/v1/videos?name=a.mp4", b"video"), ("/pose/video", b"{}"),
                       ("/pose/hybrid", b'{"image_base64": ""}')]:
        refused = post(url + path, body)
        assert refused[0] in (400, 503) and refused[1], path
    view.process.send_signal(signal.SIGINT)
    assert view.end() == 0, view.errors()
    check_promise(store)


def test_view_of_no_store_says_so(start, tmp_path):
    view = start("view", tmp_path / "nothing.sqlite")
    assert view.end() == 1
    assert "there is no store" in view.errors()
