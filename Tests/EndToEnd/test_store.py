"""The store holds what was published, and says so when it cannot."""

import os
import shutil
import sqlite3
import subprocess

import pytest

from images import jpegs
from pipeline import Feeder, Pipeline, check_complete, header, push, run, until
from store import check_promise, query, sessions, stored


def test_store_holds_what_was_published(start):
    pipeline = start()
    results = pipeline.results()
    push(pipeline, "door", [*jpegs(20), b"no image", *jpegs(20)])
    outcomes, event = results.session("door")
    check_complete(outcomes, 41, event)
    assert event["drops"] == 1
    assert pipeline.drain() == [0, 0, 0]
    (session,) = sessions(pipeline.store, "door")
    assert session["uuid"] == event["session"]
    assert session["ended"]
    assert stored(pipeline.store, "door") == [
        (outcome["sequence"], outcome["drop"] and outcome["drop"]["reason"]) for outcome in outcomes]
    assert {row["journal_mode"] for row in query(pipeline.store, "PRAGMA journal_mode")} == {"wal"}
    check_promise(pipeline.store)


def test_outcomes_are_stored_before_they_are_published(start):
    """Whoever sees a result may look it up at once."""
    pipeline = start()
    results = pipeline.results()
    for number, frame in enumerate(jpegs(50)):
        pipeline.request(header("door"), frame)
        results.of("door", number + 1)
        assert len(stored(pipeline.store, "door")) == number + 1


def test_a_session_is_new_at_every_start_of_ingest(start):
    pipeline = start()
    for _ in range(3):
        results = pipeline.results()
        push(pipeline, "door", jpegs(10))
        check_complete(results.session("door")[0], 10)
        assert pipeline.terminate("ingest") == 0
        pipeline.start("ingest")
    assert [session["frames"] for session in sessions(pipeline.store, "door")] == [10, 10, 10]
    assert len({session["uuid"] for session in sessions(pipeline.store, "door")}) == 3
    assert pipeline.drain() == [0, 0, 0]
    check_promise(pipeline.store)


def test_a_restarted_stream_of_the_same_ingest_is_a_new_session(start):
    pipeline = start()
    results = pipeline.results()
    for count in (1, 2):
        push(pipeline, "door", jpegs(10))
        results.wait(
            lambda: [event["event"] for event in results.events.get("door", [])].count("end") == count, "an end")
    assert [session["frames"] for session in sessions(pipeline.store, "door")] == [10, 10]


@pytest.mark.parametrize("what", ["folder missing", "no store", "folder"])
def test_a_store_that_cannot_be_opened(tmp_path, what):
    path = tmp_path / "store.sqlite"
    if what == "folder missing":
        path = tmp_path / "missing" / "store.sqlite"
    elif what == "no store":
        path.write_bytes(b"a letter to my aunt\n" * 100)
    else:
        path.mkdir()
    pipeline = Pipeline(tmp_path)
    pipeline.store = path
    try:
        sink = run("posebus-sink", *pipeline.arguments("sink"), folder=tmp_path)
    finally:
        pipeline.close()
    assert sink.status in (73, 74)
    assert str(path) in sink.errors()
    if what == "no store":
        assert path.read_bytes() == b"a letter to my aunt\n" * 100


def test_two_sinks_never_write_one_store(start, tmp_path):
    pipeline = start()
    second = Pipeline(tmp_path)
    try:
        sink = run("posebus-sink", *second.arguments("sink"), folder=tmp_path)
    finally:
        second.close()
    assert sink.status in (73, 74)
    assert str(pipeline.store) in sink.errors()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], capture_output=True, text=True, timeout=60)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=False, timeout=60)


def fill(folder):
    """Takes all room that is left."""
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    return folder / "filler"


def test_a_disk_that_becomes_full_under_the_store_costs_no_frame(start, small_disk):
    """Nothing is confirmed while it cannot be stored; once there is room again, everything is stored."""
    pipeline = Pipeline(small_disk.parent, ingest=["--window-frames", "64"])
    pipeline.store = small_disk / "poses.sqlite"
    with pipeline:
        push(pipeline, "door", jpegs(50), end=False, delivery="lossless")
        until(lambda: len(stored(pipeline.store, "door")) == 50, "the first outcomes")
        filler = fill(small_disk)
        sink = pipeline.stages["sink"]
        # More than any free page of the database takes.
        feeder = Feeder(lambda: push(pipeline, "door", jpegs(50) * 60, first=50, delivery="lossless"))
        until(lambda: "full" in sink.errors(), "the sink says that the disk is full")
        assert str(pipeline.store) in sink.errors()
        filler.unlink()
        if not sink.alive():
            pipeline.start("sink")
        feeder.finish()
        until(lambda: (sessions(pipeline.store, "door") or [{"ended": False}])[0]["ended"], "the end of the session")
        assert stored(pipeline.store, "door") == [(number, None) for number in range(3050)]
        assert pipeline.drain() == [0, 0, 0]
    check_promise(pipeline.store)


def test_a_disk_that_is_full_at_the_start(tmp_path, small_disk):
    fill(small_disk)
    pipeline = Pipeline(tmp_path)
    pipeline.store = small_disk / "poses.sqlite"
    try:
        sink = run("posebus-sink", *pipeline.arguments("sink"), folder=tmp_path)
    finally:
        pipeline.close()
    assert sink.status in (73, 74)
    assert "full" in sink.errors() and str(pipeline.store) in sink.errors()


def test_verify_proves_the_promise_on_a_store(start, posebus):
    pipeline = start()
    push(pipeline, "door", [*jpegs(20), b"no image", *jpegs(20)])
    until(lambda: (sessions(pipeline.store, "door") or [{"ended": False}])[0]["ended"], "the end of the session")
    # Also while the sink has it open.
    for _ in range(2):
        good = posebus("verify", pipeline.store)
        assert good.status == 0, good.output() + good.errors()
        assert "ok" in good.output() and "frames 0 to 40: 40 poses, 1 drops; complete" in good.output()
        if pipeline.stages["sink"].alive():
            assert pipeline.drain() == [0, 0, 0]
    with sqlite3.connect(pipeline.store) as connection:
        connection.execute("DELETE FROM outcomes WHERE sequence = 7")
    bad = posebus("verify", pipeline.store, "--quiet")
    assert bad.status == 1
    assert "sequence 7 is missing" in bad.output() and str(pipeline.store) in bad.errors()


def test_verify_of_what_is_no_store(tmp_path, posebus):
    missing = posebus("verify", tmp_path / "missing.sqlite")
    assert missing.status == 74 and "missing.sqlite" in missing.errors()
    letter = tmp_path / "letter"
    letter.write_bytes(b"a letter to my aunt\n" * 100)
    assert posebus("verify", letter).status == 74
    assert posebus("verify").status == 64
