"""Killed ingests, poisonous frames and stuck processes: nothing is lost, nothing is doubled, and it goes on."""

import contextlib
import errno
import random
import signal
import subprocess
import time

import pytest
import zmq

from images import jpegs
from pipeline import DEADLINE, Feeder, Program, check_complete, header, own_socket, push, until
from store import check_promise, sessions, stored


def files(folder, count):
    """A folder of images, each different from its neighbours."""
    folder.mkdir()
    frames = jpegs(50)
    for number in range(count):
        (folder / f"{number:05}.jpg").write_bytes(frames[number % 50])
    return folder


@pytest.mark.parametrize("seed", [1, 2])
def test_posebus_feed_goes_on_after_a_killed_ingest(start, tmp_path, seed):
    """With a spool: each frame once, in order, in one session, whenever ingest is killed."""
    chance = random.Random(seed)
    pipeline = start(ingest=["--spool", tmp_path / "spool", "--window-frames", "32"])
    results = pipeline.results()
    feed = Program(
        "posebus", "feed", files(tmp_path / "frames", 600), "--stream", "file", "--to", pipeline.at["request"],
        folder=tmp_path)
    goal = 0
    for _ in range(6):
        goal += chance.randrange(20, 90)
        results.of("file", min(goal, 580))
        time.sleep(chance.random() * 0.02)
        pipeline.kill("ingest")
        pipeline.start("ingest")
    assert feed.end() == 0, feed.errors()
    outcomes, event = results.session("file")
    check_complete(outcomes, 600, event)
    assert [outcome["camera_frame"] for outcome in outcomes] == list(range(600))
    assert event["drops"] == 0
    assert len(sessions(pipeline.store, "file")) == 1
    assert pipeline.drain() == [0, 0, 0]
    check_promise(pipeline.store)


def test_a_confirmed_frame_survives_though_nobody_was_there_to_take_it(start, tmp_path):
    """What ingest has answered OK is stored in the end, even if it was killed before it could send it."""
    pipeline = start(ingest=["--spool", tmp_path / "spool", "--end-sessions"])
    pipeline.kill("infer")
    for number, frame in enumerate(jpegs(50)):
        assert pipeline.request(header("file", frame=number), frame).startswith("OK")
    pipeline.kill("ingest")
    pipeline.start("ingest")
    for number, frame in enumerate(jpegs(50), 50):
        assert pipeline.request(header("file", frame=number), frame).startswith("OK")
    pipeline.kill("ingest")
    pipeline.start("ingest")
    pipeline.start("infer")
    until(lambda: len(stored(pipeline.store, "file")) == 100, "all confirmed frames")
    assert pipeline.drain() == [0, 0, 0]
    (session,) = sessions(pipeline.store, "file")
    assert session["ended"] and session["poses"] == 100
    check_promise(pipeline.store)


def test_a_spool_has_one_ingest(start, tmp_path):
    pipeline = start(ingest=["--spool", tmp_path / "spool"])
    second = Program(
        "posebus-ingest", "--bind-push", "tcp://127.0.0.1:*", "--bind-request", "tcp://127.0.0.1:*", "--bind-preview",
        "tcp://127.0.0.1:*", "--spool", tmp_path / "spool", folder=tmp_path)
    assert second.end() == 73
    assert "in use by another ingest" in second.errors()
    assert pipeline.drain() == [0, 0, 0]


@contextlib.contextmanager
def small_disk(folder, megabytes):
    """A disk of its own, so small that it can be filled."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(path):
    """Takes all the room that is left."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC


def test_a_full_disk_under_the_spool_makes_feeders_wait_and_nothing_else(start, tmp_path):
    with small_disk(tmp_path / "disk", 16) as disk:
        pipeline = start(ingest=[
            "--spool", disk / "spool", "--spool-bytes", "12000000", "--max-image-bytes", "1000000"])
        confirmed = []
        stop = []

        def feed():
            with own_socket(pipeline, zmq.REQ, "request") as socket:
                number = 0
                while not stop:
                    socket.send_multipart([header("file", frame=number), jpegs(50)[number % 50]])
                    assert socket.recv_string() == f"OK {number}"
                    confirmed.append(number)
                    number += 1
                socket.send(header("file", end=True))
                assert socket.recv_string() == "OK"

        feeder = Feeder(feed)
        waits = 0
        for _ in range(20):
            fill(disk / "filler")
            # Until the segment in use is full too, and the feeder gets no answer.
            end = time.monotonic() + DEADLINE
            before = -1
            while before != len(confirmed) and time.monotonic() < end:
                before = len(confirmed)
                time.sleep(0.25)
            waits += before == len(confirmed)
            (disk / "filler").unlink()
            until(lambda: len(confirmed) > before or feeder._error, "a confirmed frame once there is room")
        assert waits == 20
        stop.append(True)
        feeder.finish()
        until(lambda: any(session["ended"] for session in sessions(pipeline.store, "file")), "the end")
        assert stored(pipeline.store, "file") == [(number, None) for number in range(len(confirmed))]
        assert "the spool is full" in pipeline.stages["ingest"].errors()
        assert pipeline.drain() == [0, 0, 0]
        check_promise(pipeline.store)


def test_a_frame_that_kills_infer_is_recorded_and_the_rest_goes_on(start):
    pipeline = start(infer=["--inject-fault", "crash@17"])
    results = pipeline.results()
    feeders = [
        Feeder(lambda stream=stream, first=first: push(pipeline, stream, jpegs(50), first=first))
        for stream, first in (("poison", 0), ("innocent", 100))
    ]
    deaths = 0
    end = time.monotonic() + DEADLINE
    while not all(results.events.get(stream, [{}])[-1].get("event") == "end" for stream in ("poison", "innocent")):
        assert time.monotonic() < end
        if results.socket.poll(50):
            results._take()
        if not pipeline.stages["infer"].alive():
            deaths += 1
            assert deaths < 10
            pipeline.start("infer")
    for feeder in feeders:
        feeder.finish()
    outcomes, event = results.session("poison")
    check_complete(outcomes, 50, event)
    assert [(outcome["sequence"], outcome["drop"]["reason"]) for outcome in outcomes if outcome["drop"]] == [
        (17, "inference_failed")]
    outcomes, event = results.session("innocent")
    check_complete(outcomes, 50, event)
    assert event["drops"] == 0
    assert deaths == 3


def test_a_frozen_and_a_stuck_infer_are_seen_and_the_frames_come_through(start):
    pipeline = start(infer=["--inject-fault", "hang@40", "--engine-patience-seconds", "1", "--stuck", "exit"])
    results = pipeline.results()
    push(pipeline, "file", jpegs(30), end=False, delivery="lossless")
    results.of("file", 30)
    infer, ingest = pipeline.stages["infer"], pipeline.stages["ingest"]
    infer.process.send_signal(signal.SIGSTOP)
    frozen = time.monotonic()
    push(pipeline, "file", jpegs(5), first=30, end=False, delivery="lossless")
    until(lambda: "is gone" in ingest.errors(), "ingest sees the frozen infer")
    seen = time.monotonic() - frozen
    infer.process.send_signal(signal.SIGCONT)
    results.of("file", 35)
    # Its engine's thread never comes back from frame 40.
    push(pipeline, "file", jpegs(20), first=35, delivery="lossless")
    until(lambda: "thread engine has not moved" in infer.errors(), "infer reports its engine")
    until(lambda: "was acknowledged for" in ingest.errors(), "ingest reports the stuck infer")
    deaths = 0
    end = time.monotonic() + DEADLINE
    while not results.events.get("file", [{}])[-1].get("event") == "end":
        assert time.monotonic() < end
        if results.socket.poll(50):
            results._take()
        if not pipeline.stages["infer"].alive():
            assert pipeline.stages["infer"].process.wait() == 70
            deaths += 1
            assert deaths < 10
            pipeline.start("infer")
    outcomes, event = results.session("file")
    check_complete(outcomes, 55, event)
    assert [outcome["camera_frame"] for outcome in outcomes if outcome["drop"]] == [40]
    assert deaths == 3
    print(f"frozen infer seen after {seen:.1f} s")
