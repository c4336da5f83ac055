"""The archive over real sockets, against a sink that misbehaves."""

import json
import threading
import time
import uuid

import pytest
import zmq

from fakes import DEADLINE, FakeReplay
from posebus import (
    Archive,
    ArchiveError,
    ArchiveTimeout,
    Curve,
    CurveError,
    Outcome,
    Revision,
    TimelineDrop,
    UnknownSession,
)
from test_follower import outcome_json

SESSION = str(uuid.UUID(int=7))


@pytest.fixture
def sinks():
    running = []

    def start(*arguments, **options):
        running.append(FakeReplay(*arguments, **options))
        return running[-1]

    yield start
    for sink in running:
        sink.stop()


def message(**keys):
    return [json.dumps({"v": 1, **keys}).encode()]


def end(**keys):
    return message(end=True, **keys)


def recording(count=1000, first=0):
    """A sink with one session."""

    def answer(request):
        if request.get("session") != SESSION:
            return [end(error="the store holds no such session")]
        numbers = range(max(first, request["from"]), min(request["to"], count - 1) + 1)
        outcomes = [[outcome_json("door", SESSION, number)] for number in numbers]
        following = numbers[-1] + 1 if numbers else max(first, request["from"])
        return [*outcomes, end(count=len(numbers), next=following, ended=True, poses=count - 3, drops=3)]

    return answer


def test_outcomes_come_by_pages(sinks):
    with Archive(sinks(recording()).endpoint) as archive:
        page = archive.page(SESSION, 10, limit=20)
        assert [outcome.sequence for outcome in page.outcomes] == list(range(10, 30))
        assert (page.next, page.ended, page.poses, page.drops) == (30, True, 997, 3)
        page = archive.page(SESSION, 990, 995)
        assert [outcome.sequence for outcome in page.outcomes] == list(range(990, 996))
        page = archive.page(SESSION, 1000)
        assert (page.outcomes, page.next) == ([], 1000)


def test_an_iterator_asks_for_one_page_after_the_other(sinks):
    sink = sinks(recording())
    with Archive(sink.endpoint) as archive:
        outcomes = archive.outcomes(SESSION, revision="latest")
        assert isinstance(next(outcomes), Outcome)
        assert len(sink.requests) == 1
        assert [outcome.sequence for outcome in outcomes] == list(range(1, 1000))
        assert [request["from"] for request in sink.requests] == [0, 256, 512, 768, 1000]
        assert {request["revision"] for request in sink.requests} == {"latest"}
        assert [outcome.sequence for outcome in archive.outcomes(SESSION, 5, 9, limit=2)] == list(range(5, 10))


def test_a_session_whose_beginning_another_store_has_is_read_from_where_it_begins(sinks):
    with Archive(sinks(recording(1500, first=700)).endpoint) as archive:
        assert [outcome.sequence for outcome in archive.outcomes(SESSION)] == list(range(700, 1500))
        assert list(archive.outcomes(SESSION, 0, 10)) == []


def test_sessions(sinks):
    session = {
        "stream": "door", "session": SESSION, "first": 0, "next": 9, "poses": 8, "drops": 1, "began_ns": 5,
        "kept_frames": 4, "width": 64, "height": 48, "engine": "none", "skeleton": "",
    }  # fmt: skip
    running = message(**session, revisions=[])
    ended = message(**session, ended_ns=6, frames=9, revisions=[{"number": 1, "made_ns": 7}])
    sink = sinks(lambda request: [running, ended, end(count=2)])
    with Archive(sink.endpoint) as archive:
        first, second = archive.sessions("door", 2)
        assert sink.requests == [{"sessions": True, "stream": "door", "limit": 2}]
        assert (first.ended_ns, first.frames, first.kept_frames, first.revisions) == (None, None, 4, ())
        assert (second.ended_ns, second.frames, second.revisions) == (6, 9, (Revision(1, 7),))


def test_a_picture_is_given_or_not_kept(sinks):
    def answer(request):
        assert (request["format"], request["from"]) == ("jpeg", request["to"])
        if request["from"] == 3:
            return [end(count=0)]
        number = 8 if request["from"] == 9 else request["from"]
        return [[*message(stream="door", session=SESSION, sequence=number), b'{"end":true}'], end(count=1)]

    with Archive(sinks(answer).endpoint) as archive:
        # A picture may be any bytes.
        assert archive.frame(SESSION, 2) == b'{"end":true}'
        assert archive.frame(SESSION, 3) is None
        with pytest.raises(ArchiveError, match="cannot be read"):
            archive.frame(SESSION, 9)


def test_the_stretches_of_a_timeline_are_joined(sinks):
    first = {
        "first": 4, "capture_time_ns": [10, 20, 30], "persons": [1, 0, 2], "drops": [[5, "ingest", "shed"]],
        "kept": [[4, 4], [6, 6]],
    }  # fmt: skip
    second = {"first": 7, "capture_time_ns": [40, 50], "persons": [1, 1], "drops": [], "kept": [[7, 8]]}
    sink = sinks(lambda request: [message(timeline=first), message(timeline=second), end(count=5)])
    with Archive(sink.endpoint) as archive:
        timeline = archive.timeline(SESSION, revision=2)
    assert (timeline.first, timeline.next, timeline.capture_time_ns) == (4, 9, [10, 20, 30, 40, 50])
    assert timeline.persons == [1, 0, 2, 1, 1]
    assert timeline.drops == [TimelineDrop(5, "ingest", "shed")]
    assert timeline.kept == [(4, 4), (6, 8)]
    assert [timeline.is_kept(number) for number in range(3, 10)] == [False, True, False, True, True, True, False]
    assert sink.requests[0]["revision"] == 2


def test_what_the_sink_refuses_is_raised_and_in_nobodys_way(sinks):
    store = recording()

    def answer(request):
        return [end(error="no such revision")] if request["revision"] == 7 else store(request)

    with Archive(sinks(answer).endpoint) as archive:
        with pytest.raises(UnknownSession):
            archive.page(str(uuid.uuid4()))
        with pytest.raises(ArchiveError, match="no such revision"):
            archive.page(SESSION, revision=7)
        assert len(archive.page(SESSION).outcomes) == 256


def test_a_late_answer_is_not_taken_for_the_next_one(sinks):
    """The first answer comes, whole, after it was given up."""
    late = threading.Event()

    def answer(request):
        if request["from"] == 0:
            late.wait(DEADLINE)
        return recording()(request)

    with Archive(sinks(answer).endpoint) as archive:
        with pytest.raises(ArchiveTimeout) as error:
            archive.page(SESSION, 0, timeout=0.3)
        assert isinstance(error.value, TimeoutError)
        late.set()
        assert archive.page(SESSION, 500, timeout=DEADLINE).outcomes[0].sequence == 500


def test_an_answer_that_stops_half_way_is_given_up(sinks):
    with Archive(sinks(lambda request: [[outcome_json("door", SESSION, 0)]]).endpoint) as archive:
        start = time.monotonic()
        with pytest.raises(ArchiveTimeout):
            archive.page(SESSION, timeout=0.3)
        assert time.monotonic() - start >= 0.3


def test_a_sink_that_is_restarted_in_mid_answer_is_asked_again(sinks):
    dies = sinks(lambda request: False)
    with Archive(dies.endpoint, timeout=DEADLINE) as archive:
        result = []
        asking = threading.Thread(target=lambda: result.append(archive.page(SESSION, 20)))
        asking.start()
        dies.join(DEADLINE)
        sinks(recording(), endpoint=dies.endpoint)
        asking.join(DEADLINE)
        assert result[0].outcomes[0].sequence == 20


@pytest.mark.parametrize(
    "answer", [[b"\x08\x01"], [b"[]"], [b'{"v":2}'], [b'{"v":1}'], [b"a", b"b"], [b'{"v":1,"end":false}']]
)
def test_an_answer_of_another_release_says_so(sinks, answer):
    with Archive(sinks(lambda request: [answer, end()]).endpoint) as archive:
        for ask in (archive.sessions, lambda: archive.page(SESSION), lambda: archive.timeline(SESSION)):
            with pytest.raises(ArchiveError, match="another release"):
                ask()


def test_a_sink_that_does_not_know_the_key_is_named(sinks, tmp_path):
    sink = sinks(recording(), keys=tmp_path)
    public, secret = zmq.curve_keypair()
    archive = Archive(sink.endpoint, curve=Curve(sink.public_key, public, secret), timeout=DEADLINE)
    with archive, pytest.raises(CurveError, match="subscribers"):
        archive.sessions()
    assert sink.requests == []


def test_a_closed_archive_answers_nothing(sinks):
    archive = Archive(sinks(recording()).endpoint)
    archive.page(SESSION)
    archive.close()
    archive.close()
    with pytest.raises(ValueError, match="closed"):
        archive.page(SESSION)
