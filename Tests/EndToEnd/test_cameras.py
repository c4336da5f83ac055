"""Network cameras as sources: they come at their own pace, and hang up when they like."""

import hashlib
import json

import pytest
import zmq

import cameras
from images import jpegs, video
from pipeline import check_complete, until
from store import check_promise


def outcomes(posebus, store):
    exported = posebus("export", "--store", store, "--format", "json")
    assert exported.status == 0, exported.errors()
    return [json.loads(line) for line in exported.output().splitlines() if line]


@pytest.mark.skipif(
    not cameras.has_rtsp_server(), reason="Debian's gir1.2-gst-rtsp-server-1.0 is not installed (deploy/setup --test)")
def test_an_rtsp_camera(tmp_path, posebus):
    store = tmp_path / "poses.sqlite"
    with cameras.rtsp_camera(video(tmp_path / "clip.mp4", frames=40)) as address:
        program = posebus("up", address, "--engine", "none", "--store", store, "--ephemeral")
    assert program.status == 0, program.errors()
    check_promise(store)
    seen = outcomes(posebus, store)
    # Whoever joins a running stream may miss its first pictures; the rest must come.
    assert 30 <= len(seen) <= 40
    assert {outcome["delivery"] for outcome in seen} == {"live"}
    assert (seen[0]["width"], seen[0]["height"]) == (320, 240)


def test_an_http_camera_keeps_its_own_jpegs(tmp_path, start, posebus):
    frames = jpegs(40)
    pipeline = start(ingest=["--live-window-frames", "64"])
    preview = pipeline.socket(zmq.SUB, "preview")
    preview.subscribe("preview/lift")
    results = pipeline.results()
    with cameras.mjpeg_camera(frames, user="coach:piste") as address:
        fed = posebus(
            "feed", address.replace("//", "//coach:piste@"), "--stream", "lift", "--to", pipeline.at["request"])
    seen, event = results.session("lift")
    check_complete(seen, 40, event)
    # Previews may be skipped; those that come are the camera's own files, bit for bit.
    until(lambda: preview.poll(0), "a preview")
    own = {hashlib.sha256(frame).digest() for frame in frames}
    while preview.poll(0):
        topic, _, jpeg = preview.recv_multipart()
        assert topic.endswith(b"/lift")
        assert hashlib.sha256(jpeg).digest() in own
    assert "piste" not in fed.errors() + fed.output(), "the password stays out of what is printed"


def test_a_camera_that_refuses_the_password(tmp_path, posebus):
    with cameras.mjpeg_camera(jpegs(5), user="coach:piste") as address:
        program = posebus(
            "feed", address.replace("//", "//coach:lawine@"), "--stream", "lift", "--to", "tcp://127.0.0.1:9")
    assert program.status != 0
    assert "401" in program.errors()
    assert "lawine" not in program.errors() + program.output()
    assert "***@127.0.0.1" in program.errors()
