"""Three processes, frames in, outcomes out: complete, in order, exactly once."""

import json

import pytest
import zmq

from images import jpegs
from pipeline import Feeder, check_complete, header, push, until

TRANSPORTS = ("tcp", "ipc")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_push_feeder(start, transport):
    pipeline = start(transport=transport)
    results = pipeline.results()
    push(pipeline, "door", jpegs(50) * 8)
    outcomes, event = results.session("door")
    check_complete(outcomes, 400, event)
    assert event["drops"] == 0
    # The feeder's own counter shows that each number went to the right frame.
    assert [outcome["camera_frame"] for outcome in outcomes] == list(range(400))
    assert {(outcome["width"], outcome["height"]) for outcome in outcomes} == {(320, 240)}
    assert pipeline.drain() == [0, 0, 0]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_req_feeder(start, transport):
    pipeline = start(transport=transport)
    results = pipeline.results()
    socket = pipeline.socket(zmq.REQ, "request")
    for number, frame in enumerate(jpegs(50) * 4):
        socket.send_multipart([header("yard", frame=number), frame])
        assert socket.recv_string().startswith("OK")
    socket.send_multipart([header("yard", end=True)])
    assert socket.recv_string() == "OK"
    check_complete(*_counted(results.session("yard"), 200))
    assert pipeline.drain() == [0, 0, 0]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_dealer_feeder_with_many_frames_outstanding(start, transport):
    pipeline = start(transport=transport)
    results = pipeline.results()
    answers = _dealer(pipeline, "gate", jpegs(50) * 8)
    assert answers == [f"OK {number}" for number in range(400)]
    pipeline.request(header("gate", end=True))
    check_complete(*_counted(results.session("gate"), 400))
    assert pipeline.drain() == [0, 0, 0]


def test_streams_side_by_side(start):
    pipeline = start()
    results = pipeline.results()
    streams = [f"camera {number}" for number in range(6)]
    feeders = [Feeder(lambda stream=stream: push(pipeline, stream, jpegs(50) * 4)) for stream in streams]
    for feeder in feeders:
        feeder.finish()
    for stream in streams:
        check_complete(*_counted(results.session(stream), 200))


def test_decoding_in_ingest(start):
    pipeline = start(ingest=["--payload", "rgb"])
    results = pipeline.results()
    push(pipeline, "door", jpegs(50))
    outcomes, event = results.session("door")
    check_complete(outcomes, 50, event)
    assert event["drops"] == 0


def test_a_full_window_makes_a_lossless_feeder_wait(start):
    """With the infer stage dead nothing can be confirmed; more frames than all queues hold still all come out."""
    pipeline = start(ingest=["--window-frames", "16"])
    results = pipeline.results()
    pipeline.kill("infer")
    feeder = Feeder(lambda: push(pipeline, "file", jpegs(50) * 40, delivery="lossless"))
    pipeline.start("infer")
    feeder.finish()
    check_complete(*_counted(results.session("file"), 2000))
    assert all(outcome["drop"] is None for outcome in results.outcomes["file"])


def test_a_full_window_of_a_live_stream_sheds_with_a_record(start):
    pipeline = start(ingest=["--live-window-frames", "16"])
    results = pipeline.results()
    pipeline.kill("infer")
    answers = _dealer(pipeline, "camera", jpegs(50) * 10, delivery="live")
    assert answers == [f"OK {number}" for number in range(500)]
    pipeline.start("infer")
    pipeline.request(header("camera", end=True))
    outcomes, event = results.session("camera")
    check_complete(outcomes, 500, event)
    assert event["drops"] > 0
    for outcome in outcomes:
        assert outcome["drop"] is None or outcome["drop"]["reason"] == "shed"
    # The newest frames are the ones that are kept.
    assert outcomes[-1]["drop"] is None


def test_preview_carries_accepted_frames(start):
    pipeline = start()
    preview = pipeline.socket(zmq.SUB, "preview")
    preview.subscribe("preview/")
    frame = jpegs(1)[0]

    def seen():
        pipeline.request(header("door"), frame)
        return preview.poll(200)

    until(seen, "a preview")
    topic, *_, body = preview.recv_multipart()
    assert topic == b"preview/door"
    assert body == frame


def test_protobuf_topics(start):
    pipeline = start()
    results = pipeline.results("pose/json/", "session/json/")
    protobuf = pipeline.socket(zmq.SUB, "results")
    protobuf.subscribe("pose/pb/door")

    def seen():
        pipeline.request(header("door"), jpegs(1)[0])
        return protobuf.poll(200)

    until(seen, "a result as protobuf")
    topic, body = protobuf.recv_multipart()
    assert topic == b"pose/pb/door"
    assert b"door" in body and results.of("door", 1)


def test_replay_answers_with_every_outcome_in_order(start):
    pipeline = start()
    results = pipeline.results()
    push(pipeline, "door", jpegs(50))
    outcomes, _ = results.session("door")
    replay = pipeline.socket(zmq.DEALER, "replay")
    request = {"stream": "door", "session": None, "from": 10, "to": None, "format": "json"}
    replay.send(json.dumps(request).encode())
    replayed = []
    while True:
        body = json.loads(replay.recv_multipart()[-1])
        if body.get("end") is True:
            break
        replayed.append(body)
    assert [body["sequence"] for body in replayed] == list(range(10, 50))
    assert [body["camera_frame"] for body in replayed] == [outcome["camera_frame"] for outcome in outcomes[10:]]


def _counted(session, count):
    outcomes, event = session
    return outcomes, count, event


def _dealer(pipeline, stream, frames, outstanding=64, **keys):
    """Feeds with up to `outstanding` frames unanswered; returns the answers."""
    socket = pipeline.socket(zmq.DEALER, "request")
    answers = []
    for number, frame in enumerate(frames):
        if number - len(answers) >= outstanding:
            answers.append(socket.recv_multipart()[-1].decode())
        socket.send_multipart([b"", header(stream, frame=number, **keys), frame])
    while len(answers) < len(frames):
        answers.append(socket.recv_multipart()[-1].decode())
    socket.close()
    return answers
