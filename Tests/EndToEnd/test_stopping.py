"""SIGTERM drains; a killed stage costs no frame."""

import zmq
import pytest

from images import jpegs
from pipeline import Feeder, check_complete, header, push, until
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
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_stage_that_ends_mid_stream_and_is_started_again_costs_no_frame(start, stage, transport, how):
    pipeline = start(transport=transport, ingest=["--window-frames", "64"])
    results = pipeline.results() if stage == "infer" else None
    frames = jpegs(50)
    # Frames are on their way in every hop when the stage ends …
    push(pipeline, "file", frames * 6, end=False, delivery="lossless")
    until(lambda: stored(pipeline.store, "file"), "the first outcome")
    if how == "kill":
        pipeline.kill(stage)
    else:
        assert pipeline.terminate(stage) == 0
    # … and more than the window holds arrive while it is away.
    feeder = Feeder(lambda: push(pipeline, "file", frames * 14, first=300, delivery="lossless"))
    pipeline.start(stage)
    feeder.finish()
    until(lambda: len(stored(pipeline.store, "file")) >= 1000, "1000 outcomes in the store")
    until(lambda: sessions(pipeline.store, "file")[0]["ended"], "the end of the session")
    assert stored(pipeline.store, "file") == [(number, None) for number in range(1000)]
    if results:
        outcomes, event = results.session("file")
        check_complete(outcomes, 1000, event)
        assert [outcome["camera_frame"] for outcome in outcomes] == list(range(1000))
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
