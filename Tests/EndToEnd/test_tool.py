"""The person's tool: up, feed, watch, image, export, verify, models, bench."""

import csv
import io
import json
import re
import signal

import pytest
import zmq

from images import jpegs, video
from pipeline import Program, check_complete, header, push, until
from store import check_promise, sessions


def lines(program):
    return [json.loads(line) for line in program.output().splitlines() if line]


def up(posebus, tmp_path, *sources, engine="none", options=()):
    """Runs `posebus up` to its end; returns the outcomes it stored, and the program."""
    store = tmp_path / "poses.sqlite"
    program = posebus("up", *sources, "--engine", engine, "--store", store, "--ephemeral", *options)
    assert program.status == 0, program.errors()
    check_promise(store)
    exported = posebus("export", "--store", store, "--format", "json")
    assert exported.status == 0
    return lines(exported), program, store


def says(program, *numbers):
    """Whether the summary names these numbers."""
    text = program.output() + program.errors()
    return all(re.search(rf"\b{number}\b", text) for number in numbers)


def test_up_with_a_video(tmp_path, posebus):
    outcomes, program, store = up(posebus, tmp_path, video(tmp_path / "clip.mp4", frames=25))
    check_complete(outcomes, 25)
    assert all(outcome["drop"] is None for outcome in outcomes)
    assert says(program, 25)
    assert str(store) in program.output() + program.errors()
    (session,) = sessions(store)
    assert session["ended"] and session["frames"] == 25


def test_up_with_several_sources(tmp_path, posebus):
    clips = [video(tmp_path / name, frames=frames) for name, frames in (("one.mp4", 10), ("two.avi", 15))]
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, frame in enumerate(jpegs(7)):
        (folder / f"{number:03}.jpg").write_bytes(frame)
    outcomes, program, store = up(posebus, tmp_path, *clips, folder)
    assert sorted(session["frames"] for session in sessions(store)) == [7, 10, 15]
    assert len(outcomes) == 32


def test_up_with_the_rendered_person(tmp_path, posebus):
    outcomes, _, _ = up(posebus, tmp_path, "test:?frames=60&width=320&height=240")
    check_complete(outcomes, 60)


def test_up_with_a_folder_that_holds_a_damaged_picture(tmp_path, posebus):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, frame in enumerate(jpegs(5)):
        (folder / f"{number}.jpg").write_bytes(frame if number != 2 else frame[:3000])
    outcomes, program, _ = up(posebus, tmp_path, folder)
    check_complete(outcomes, 5)
    assert [outcome["drop"] and outcome["drop"]["reason"] for outcome in outcomes] == [
        None, None, "corrupt_jpeg", None, None]
    assert says(program, 5, 4, 1)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_up_without_a_source_serves_feeders_until_it_is_told_to_stop(tmp_path, stop):
    store = tmp_path / "poses.sqlite"
    program = Program("posebus", "up", "--engine", "none", "--store", store, "--ephemeral", folder=tmp_path)
    context = zmq.Context()
    try:
        # It says how to feed it.
        text = until(lambda: re.search(r"--to (tcp://[\d.:]+)", program.output() + program.errors()), "the endpoint")
        socket = context.socket(zmq.REQ)
        socket.linger, socket.rcvtimeo = 0, 120_000
        socket.connect(text[1])
        for frame in jpegs(20):
            socket.send_multipart([header("door"), frame])
            assert socket.recv_string().startswith("OK")
        program.process.send_signal(stop)
        assert program.end() == 0
    finally:
        context.destroy(linger=0)
        program.alive() and program.kill()
    assert [session["next_sequence"] for session in sessions(store, "door")] == [20]
    check_promise(store)


def test_feed_a_video_to_stages_that_run(start, tmp_path, posebus):
    pipeline = start()
    results = pipeline.results()
    clip = video(tmp_path / "clip.mp4", frames=30)
    feed = posebus("feed", clip, "--stream", "archive", "--to", pipeline.at["request"])
    assert feed.status == 0, feed.errors()
    outcomes, event = results.session("archive")
    check_complete(outcomes, 30, event)
    assert {outcome["delivery"] for outcome in outcomes} == {"lossless"}


def test_feed_the_rendered_person_with_its_joints(start, tmp_path, posebus):
    pipeline = start()
    results = pipeline.results()
    joints = tmp_path / "joints.jsonl"
    feed = posebus("feed", "test:?frames=20&width=320&height=240", "--stream", "person", "--to", pipeline.at["request"],
                   "--joints", joints)
    assert feed.status == 0, feed.errors()
    check_complete(results.session("person")[0], 20)
    assert len([json.loads(line) for line in joints.read_text().splitlines()]) == 20


def test_watch_prints_results_as_they_come(start, tmp_path):
    pipeline = start()
    watch = Program("posebus", "watch", "--from", pipeline.at["results"], "--json", folder=tmp_path)

    def seen():
        pipeline.request(header("door"), jpegs(1)[0])
        return [line for line in watch.lines if '"door"' in line]

    (first, *_) = until(seen, "a result in the terminal")
    assert json.loads(first)["stream"] == "door"
    assert watch.terminate() == 0


def test_export_as_csv_holds_the_same_as_json(start, posebus):
    pipeline = start()
    results = pipeline.results()
    for stream, count in (("door", 12), ("yard", 8)):
        push(pipeline, stream, [*jpegs(count - 1), b"no image"])
        check_complete(results.session(stream)[0], count)
    assert pipeline.drain() == [0, 0, 0]
    as_json = posebus("export", "--store", pipeline.store, "--format", "json", "--stream", "door")
    as_csv = posebus("export", "--store", pipeline.store, "--format", "csv", "--stream", "door")
    assert (as_json.status, as_csv.status) == (0, 0)
    check_complete(lines(as_json), 12)
    assert lines(as_json) == results.outcomes["door"] or [
        line["sequence"] for line in lines(as_json)] == [line["sequence"] for line in results.outcomes["door"]]
    rows = list(csv.DictReader(io.StringIO(as_csv.output())))
    assert [int(row["sequence"]) for row in rows] == list(range(12))
    assert {row["stream"] for row in rows} == {"door"}
    assert "corrupt_jpeg" in rows[-1].values()


def test_export_to_a_file(start, tmp_path, posebus):
    pipeline = start()
    results = pipeline.results()
    push(pipeline, "door", jpegs(5))
    results.session("door")
    assert pipeline.drain() == [0, 0, 0]
    out = tmp_path / "poses.jsonl"
    assert posebus("export", "--store", pipeline.store, "--format", "json", "--out", out).status == 0
    outcomes = [json.loads(line) for line in out.read_text().splitlines()]
    check_complete([outcome for outcome in outcomes if outcome["stream"] == "door"], 5)


def test_export_of_a_store_that_does_not_exist(tmp_path, posebus):
    program = posebus("export", "--store", tmp_path / "missing.sqlite", "--format", "json")
    assert program.status != 0
    assert "missing.sqlite" in program.errors()
    assert not (tmp_path / "missing.sqlite").exists()


def test_image_of_a_file_that_is_no_image(tmp_path, posebus, models):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    program = posebus("image", bad)
    assert program.status != 0
    assert "bad.jpg" in program.errors()


def test_image_without_a_person(tmp_path, posebus, models):
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(jpegs(1)[0])
    program = posebus("image", picture)
    assert program.status == 0, program.errors()
    (result,) = lines(program)
    assert (result["width"], result["height"], result["persons"]) == (320, 240, [])


def test_models_are_listed_and_verified(posebus, models):
    listed = posebus("models", "list", "--models", models)
    assert listed.status == 0
    assert "pose_detection.tflite" in listed.output() and "pose_landmark_full.tflite" in listed.output()
    assert posebus("models", "verify", "--models", models).status == 0


def test_bench_of_the_bus_reports_its_figures(posebus):
    program = posebus("bench", "bus", "--seconds", "2")
    assert program.status == 0, program.errors()
    assert "frames/s" in program.output()


@pytest.mark.parametrize("command", ["up", "feed", "watch", "image", "export", "verify", "models", "bench"])
def test_help_teaches(posebus, command):
    program = posebus(command, "--help")
    assert program.status == 0
    assert "USAGE" in program.output() and len(program.output()) > 200
