"""Real imagezmq senders work unchanged."""

import time

import imagezmq
import numpy
import pytest
import zmq

from images import jpegs
from pipeline import check_complete, header, until


def free_endpoint(context):
    """An endpoint that nobody listens on."""
    with context.socket(zmq.PUB) as socket:
        socket.bind("tcp://127.0.0.1:*")
        return socket.last_endpoint.decode()


def test_a_thousand_frames_by_request_and_reply(start):
    pipeline = start()
    results = pipeline.results()
    with imagezmq.ImageSender(connect_to=pipeline.at["request"]) as sender:
        for frame in jpegs(100) * 10:
            assert sender.send_jpg("raspberry", frame) == b"OK"
    pipeline.request(header("raspberry", end=True))
    outcomes, event = results.session("raspberry")
    check_complete(outcomes, 1000, event)
    assert event["drops"] == 0


def test_a_thousand_frames_by_publish_and_subscribe(start):
    camera = free_endpoint(zmq.Context.instance())
    pipeline = start(ingest=["--subscribe", camera])
    results = pipeline.results()
    sender = imagezmq.ImageSender(connect_to=camera, REQ_REP=False)

    def subscribed():
        sender.send_jpg("warm up", jpegs(1)[0])
        results.socket.poll(50)
        while results.socket.poll(0):
            results._take()
        return results.outcomes.get("warm up")

    until(subscribed, "ingest subscribes to the camera")
    for frame in jpegs(100) * 10:
        sender.send_jpg("raspberry", frame)
    # A publisher leaves out what its queue has no room for, this message too: it is repeated. Without a session to end
    # it does nothing.
    for _ in range(20):
        sender.zmq_socket.send_multipart([header("raspberry", end=True)])
        time.sleep(0.2)
    outcomes, event = results.session("raspberry")
    sender.close()
    assert len(outcomes) > 0
    check_complete(outcomes, event["frames"], event)
    assert all(outcome["drop"] is None or outcome["drop"]["reason"] == "shed" for outcome in outcomes)
    assert {outcome["delivery"] for outcome in outcomes} == {"live"}
    assert event["poses"] + event["drops"] == event["frames"] <= 1000


@pytest.mark.parametrize("payload", ["jpeg", "rgb"])
def test_raw_images(start, payload):
    """Raw BGR pixels need no JPEG anywhere on the camera."""
    pipeline = start(ingest=["--payload", payload])
    results = pipeline.results()
    image = numpy.zeros((48, 64, 3), numpy.uint8)
    with imagezmq.ImageSender(connect_to=pipeline.at["request"]) as sender:
        for number in range(20):
            image[:] = number
            assert sender.send_image("raw", image) == b"OK"
    pipeline.request(header("raw", end=True))
    outcomes, event = results.session("raw")
    check_complete(outcomes, 20, event)
    assert event["drops"] == 0
    assert {(outcome["width"], outcome["height"]) for outcome in outcomes} == {(64, 48)}


def test_a_raw_image_of_the_wrong_size_is_a_recorded_drop(start):
    pipeline = start()
    results = pipeline.results()
    answer = pipeline.request(header("raw", shape=[48, 64, 3], dtype="uint8"), b"too few bytes")
    assert answer.startswith("ERR "), answer
    (outcome,) = results.of("raw", 1)
    assert outcome["drop"]["stage"] == "ingest"
