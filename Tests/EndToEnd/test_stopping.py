"""SIGTERM drains; a killed stage costs no frame."""

import signal

import pytest
import zmq

from images import jpegs
from pipeline import own_socket, Feeder, check_complete, header, push, until
from store import sessions, stored


def test_sigterm_to_ingest_drains_what_it_accepted(start):
    pipeline = start()
    socket = pipeline.socket(zmq.DEALER, "request")
    for number, frame in enumerate(jpegs(50) * 6):
        socket.send_multipart([b"", header("door", frame=number), frame])
    for number in range(300):
        assert socket.recv_multipart()[-1].decode() == f"OK {number}"
    # Every frame was confirmed to its feeder, so every frame must end in the store.
    assert pipeline.terminate("ingest") == 0
    assert stored(pipeline.store, "door") == [(number, None) for number in range(300)]
    assert [pipeline.terminate(stage) for stage in ("infer", "sink")] == [0, 0]
    (session,) = sessions(pipeline.store, "door")
    assert session["ended"]


@pytest.mark.parametrize("stage", ["infer", "sink"])
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_a_killed_stage_that_is_started_again_costs_no_frame(start, stage, transport):
    pipeline = start(transport=transport, ingest=["--window-frames", "64"])
    results = pipeline.results() if stage == "infer" else None
    frames = jpegs(50)
    confirmed(pipeline, "file", frames * 6, end=False)
    until(lambda: len(stored(pipeline.store, "file")) == 300, "the first outcomes")
    feeder = kill_with_frames_in_hand(pipeline, stage, 300)
    pipeline.start(stage)
    feeder.finish()
    check_everything_is_stored(pipeline, "file", 1000)
    if results:
        outcomes, event = results.session("file")
        check_complete(outcomes, 1000, event)
        assert [outcome["camera_frame"] for outcome in outcomes] == list(range(1000))
    assert pipeline.drain() == [0, 0, 0]


@pytest.mark.parametrize("stage", ["infer", "sink"])
def test_a_stage_that_is_stopped_mid_stream_and_started_again_costs_no_frame(start, stage):
    pipeline = start(ingest=["--window-frames", "64"])
    feeder = Feeder(lambda: push(pipeline, "file", jpegs(50) * 40, delivery="lossless"))
    for count in (1, 500, 1000):
        until(lambda: len(stored(pipeline.store, "file")) >= count, f"outcome {count}")
        assert pipeline.terminate(stage) == 0
        pipeline.start(stage)
    feeder.finish()
    check_everything_is_stored(pipeline, "file", 2000)
    assert pipeline.drain() == [0, 0, 0]


def test_both_downstream_stages_killed_at_once(start):
    pipeline = start(ingest=["--window-frames", "64"])
    confirmed(pipeline, "file", jpegs(50) * 6, end=False)
    until(lambda: len(stored(pipeline.store, "file")) == 300, "the first outcomes")
    pipeline.kill("sink")
    feeder = kill_with_frames_in_hand(pipeline, "infer", 300)
    pipeline.start("infer")
    pipeline.start("sink")
    feeder.finish()
    check_everything_is_stored(pipeline, "file", 1000)
    assert pipeline.drain() == [0, 0, 0]


def test_infer_killed_again_and_again(start):
    pipeline = start(ingest=["--window-frames", "64"])
    results = pipeline.results()
    feeder = Feeder(lambda: push(pipeline, "file", jpegs(50) * 40, delivery="lossless"))
    for count in (100, 400, 700, 1000):
        results.of("file", count)
        pipeline.kill("infer")
        pipeline.start("infer")
    feeder.finish()
    outcomes, event = results.session("file")
    check_complete(outcomes, 2000, event)
    assert event["drops"] == 0


def confirmed(pipeline, stream, frames, end=True, first=0):
    """Feeds frames by REQ: each is ingest's once it is answered. What a PUSH feeder has sent when it closes is nobody's."""
    with own_socket(pipeline, zmq.REQ, "request") as socket:
        for number, frame in enumerate(frames, first):
            socket.send_multipart([header(stream, frame=number, delivery="lossless"), frame])
            answer = socket.recv_string()
            assert answer.startswith("OK"), answer
        if end:
            socket.send(header(stream, end=True))
            assert socket.recv_string().startswith("OK")


def kill_with_frames_in_hand(pipeline, stage, first):
    """Kills a stage that provably holds frames, and feeds more than the window holds while it is away, up to 1000."""
    frames = jpegs(50)
    # A stage that is stopped reads nothing: what is sent to it lies in its buffers and is lost with it.
    pipeline.stages[stage].process.send_signal(signal.SIGSTOP)
    for number in range(first, first + 40):
        answer = pipeline.request(header("file", frame=number, delivery="lossless"), frames[number % 50])
        assert answer.startswith("OK"), answer
    pipeline.kill(stage)
    rest = [frames[number % 50] for number in range(first + 40, 1000)]
    return Feeder(lambda: confirmed(pipeline, "file", rest, first=first + 40))


def check_everything_is_stored(pipeline, stream, count):
    until(lambda: len(stored(pipeline.store, stream)) >= count, f"{count} outcomes in the store")
    until(lambda: sessions(pipeline.store, stream)[0]["ended"], "the end of the session")
    assert stored(pipeline.store, stream) == [(number, None) for number in range(count)]


def test_a_subscriber_that_reconnects_after_a_killed_sink_sees_each_outcome_once(start):
    """What was published before the kill is not published again, and what comes later is in order."""
    pipeline = start()
    results = pipeline.results()
    push(pipeline, "file", jpegs(50), end=False, delivery="lossless")
    results.of("file", 50)
    pipeline.kill("sink")
    pipeline.start("sink")
    results.settle()
    push(pipeline, "file", jpegs(50), first=50, delivery="lossless")
    check_complete(results.session("file")[0], 100)
