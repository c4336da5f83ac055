"""The feeder over real sockets, against an ingest that misbehaves."""

import pytest

from fakes import DEADLINE, FakeIngest
from posebus import Feeder, FeederTimeout, FrameRefused


@pytest.fixture
def ingests():
    running = []

    def start(*arguments, **options):
        running.append(FakeIngest(*arguments, **options))
        return running[-1]

    yield start
    for ingest in running:
        ingest.stop()


def test_frames_are_numbered_confirmed_and_ended(ingests):
    ingest = ingests()
    with Feeder("door", ingest.endpoint, delivery="lossless") as feeder:
        assert [feeder.send(b"image %d" % number, 1000 + number) for number in range(100)] == list(range(100))
        feeder.end(DEADLINE)
        assert (feeder.accepted, feeder.refused, feeder.outstanding, feeder.resent) == (100, 0, 0, 0)
    frames, end = ingest.received[:-1], ingest.received[-1]
    assert [header["frame"] for header, _ in frames] == list(range(100))
    assert [image for _, image in frames] == [b"image %d" % number for number in range(100)]
    name = end[0]["feeder"]
    oldest = frames[7][0].pop("oldest", 7)
    assert 0 <= oldest <= 7
    assert frames[7][0] == {
        "stream": "door", "feeder": name, "frame": 7, "capture_time_ns": 1007, "delivery": "lossless"
    }  # fmt: skip
    assert end == ({"stream": "door", "feeder": name, "end": True}, None)


def test_a_still_says_so(ingests):
    ingest = ingests()
    with Feeder("stills", ingest.endpoint) as feeder:
        feeder.send(b"image", still=True)
        feeder.send(b"image")
    assert [header.get("still") for header, _ in ingest.received] == [True, None]


def test_a_frame_says_which_trace_it_belongs_to(ingests):
    ingest = ingests()
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with Feeder("traced", ingest.endpoint) as feeder:
        feeder.send(b"image", traceparent=traceparent)
        feeder.send(b"image")
    assert [header.get("traceparent") for header, _ in ingest.received] == [traceparent, None]


def test_no_more_than_allowed_are_unconfirmed(ingests):
    ingest = ingests(answer=lambda header: None)
    feeder = Feeder("door", ingest.endpoint, max_outstanding=4)
    for _ in range(4):
        feeder.send(b"image")
    with pytest.raises(FeederTimeout) as error:
        feeder.send(b"image", timeout=0.2)
    assert error.value.unconfirmed == feeder.outstanding == 4
    assert feeder.next_frame == 4
    feeder.close()
    assert len(ingest.received) <= 4


def test_what_was_not_confirmed_is_sent_again_in_order_when_ingest_is_back(ingests):
    """The first ingest dies with ten frames unanswered; five of those were answered to nobody."""
    first = ingests(answer=lambda header: False if header["frame"] == 30 else f"OK {header['frame']}")
    feeder = Feeder("door", first.endpoint, max_outstanding=16)
    for _ in range(40):
        feeder.send(b"image", timeout=DEADLINE)
    first.join(DEADLINE)
    second = ingests(endpoint=first.endpoint)
    feeder.flush(DEADLINE)
    assert (feeder.accepted, feeder.outstanding) == (40, 0)
    again = [header["frame"] for header, _ in second.received]
    # Answers that were under way when it died are lost too: what they confirmed is sent again.
    assert again == list(range(min(again), 40)) and min(again) <= 30
    assert feeder.resent >= 1
    feeder.close()


def test_an_answer_that_is_overdue_is_asked_for_again(ingests):
    seen = set()

    def first_time_silent(header):
        if header["frame"] not in seen:
            seen.add(header["frame"])
            return None
        return f"OK {header['frame']}"

    ingest = ingests(answer=first_time_silent)
    feeder = Feeder("door", ingest.endpoint, resend_after=0.3)
    for _ in range(5):
        feeder.send(b"image")
    feeder.flush(DEADLINE)
    assert (feeder.accepted, feeder.resent) == (5, 5)
    feeder.close()


def test_a_refusal_is_raised_with_its_frame_and_reason(ingests):
    ingest = ingests(
        answer=lambda header: "ERR corrupt_jpeg: not a JPEG" if header["frame"] == 2 else f"OK {header['frame']}"
    )
    feeder = Feeder("door", ingest.endpoint)
    for _ in range(5):
        try:
            feeder.send(b"image")
        except FrameRefused as refusal:
            assert refusal.frame == 2
    with pytest.raises(FrameRefused) if feeder.refused == 0 else _nothing():
        feeder.flush(DEADLINE)
    feeder.flush(DEADLINE)
    assert (feeder.refused, feeder.outstanding) == (1, 0)
    feeder.close()


def test_refusals_go_to_whoever_wants_them(ingests):
    refusals = []
    ingest = ingests(answer=lambda header: "ERR too_large: 30 MB" if header["frame"] % 2 else f"OK {header['frame']}")
    with Feeder("door", ingest.endpoint, on_refused=refusals.append) as feeder:
        for _ in range(10):
            feeder.send(b"image")
        feeder.flush(DEADLINE)
        assert (feeder.accepted, feeder.refused) == (5, 5)
    assert [(refusal.frame, refusal.reason, refusal.detail) for refusal in refusals] == [
        (number, "too_large", "30 MB") for number in (1, 3, 5, 7, 9)
    ]


def test_a_stopping_ingest_takes_nothing_and_the_next_one_gets_it_all(ingests):
    first = ingests(answer=lambda header: "ERR stopping: come back")
    feeder = Feeder("door", first.endpoint)
    for _ in range(3):
        feeder.send(b"image")
    with pytest.raises(FeederTimeout):
        feeder.flush(0.3)
    first.stop()
    second = ingests(endpoint=first.endpoint)
    feeder.flush(DEADLINE)
    assert [header["frame"] for header, _ in second.received] == [0, 1, 2]
    assert (feeder.accepted, feeder.refused) == (3, 0)
    feeder.close()


def test_what_is_out_of_order_is_sent_again_from_there_on(ingests):
    """As an ingest does that has been started anew and has not seen what came before."""
    taken = []

    def in_order(header):
        if header["frame"] == 5 and header["frame"] not in lost:
            lost.append(5)
            return None
        expected = taken[-1] + 1 if taken else 0
        if header["frame"] > expected:
            return f"ERR {header['frame']} out_of_order: a frame before it is missing"
        taken.extend([header["frame"]] if header["frame"] == expected else [])
        return f"OK {header['frame']}"

    lost = []
    with Feeder("door", ingests(answer=in_order).endpoint, resend_after=1.0) as feeder:
        for _ in range(30):
            feeder.send(b"image", timeout=DEADLINE)
        feeder.flush(DEADLINE)
        assert (feeder.accepted, feeder.refused) == (30, 0)
    assert taken == list(range(30))


def test_answers_without_a_number_belong_to_the_oldest_frame(ingests):
    with Feeder("door", ingests(answer=lambda header: "OK").endpoint) as feeder:
        for _ in range(50):
            feeder.send(b"image")
        feeder.flush(DEADLINE)
        assert feeder.accepted == 50


def test_wrong_arguments_are_said_at_once():
    with pytest.raises(ValueError):
        Feeder("door", delivery="fast")
    with pytest.raises(ValueError):
        Feeder("door", max_outstanding=0)


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False
