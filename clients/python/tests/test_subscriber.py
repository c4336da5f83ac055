"""The subscriber over real sockets, against a sink that misbehaves."""

import asyncio
import time

import pytest
import zmq
import zmq.auth

from fakes import DEADLINE, FakeSink
from posebus import AsyncSubscriber, Curve, CurveError, Outcome, SessionEvent, Subscriber

QUICK = {"replay_timeout": 0.3, "probe_seconds": (0.1, 0.5)}


@pytest.fixture
def sink():
    sink = FakeSink()
    yield sink
    sink.stop()


def numbers(subscriber, count):
    """The sequences of the next outcomes."""
    found = []
    end = time.monotonic() + DEADLINE
    while len(found) < count and time.monotonic() < end:
        event = subscriber.receive(1.0)
        if isinstance(event, Outcome):
            found.append(event.sequence)
    return found


def settled(sink, subscriptions=2):
    """Waits until the subscriptions have arrived."""
    end = time.monotonic() + DEADLINE
    while sink.subscriptions < subscriptions and time.monotonic() < end:
        time.sleep(0.005)
    assert sink.subscriptions >= subscriptions


def test_a_late_subscriber_begins_at_the_beginning_of_the_session(sink):
    session = sink.store.begin("door")
    sink.frames(session, 50)
    with Subscriber(sink.results, sink.replay, streams=["door"], **QUICK) as subscriber:
        assert numbers(subscriber, 50) == list(range(50))
        sink.frames(session, 5)
        assert numbers(subscriber, 5) == list(range(50, 55))
        sink.end(session)
        assert subscriber.receive(DEADLINE) == SessionEvent("end", "door", session["id"], 55, 55, 0)


def test_what_is_not_published_is_fetched(sink):
    session = sink.store.begin("door")
    with Subscriber(sink.results, sink.replay, **QUICK) as subscriber:
        settled(sink)
        sink.frames(session, 3)
        assert numbers(subscriber, 3) == [0, 1, 2]
        sink.frames(session, 10, published=False)
        sink.frames(session, 1)
        assert numbers(subscriber, 11) == list(range(3, 14))
        assert subscriber.statistics.gaps == 1


def test_a_slow_reader_misses_nothing_and_holds_little(sink):
    """The sink's queues drop what is too much, also within an answer: worse than the real one does."""
    session = sink.store.begin("door")
    options = {"max_queued": 20, "max_pending": 50, **QUICK}
    with Subscriber(sink.results, sink.replay, streams=["door"], **options) as subscriber:
        settled(sink)
        sink.frames(session, 20_000)
        assert numbers(subscriber, 20_000) == list(range(20_000))
        assert subscriber.statistics.gaps > 0, "nothing was dropped: this test shows nothing"
        assert subscriber.statistics.missing == 0


def test_without_replay_what_is_lost_is_counted(sink):
    session = sink.store.begin("door")
    sink.frames(session, 5)
    with Subscriber(sink.results, None) as subscriber:
        settled(sink)
        sink.frames(session, 2)
        sink.frames(session, 3, published=False)
        sink.frames(session, 1)
        sink.end(session)
        events = [event for event in (subscriber.receive(DEADLINE) for _ in range(4)) if event is not None]
        assert [event.sequence for event in events[:3] if isinstance(event, Outcome)] == [5, 6, 10]
        assert isinstance(events[3], SessionEvent) and events[3].frames == 11
        assert subscriber.statistics.missing == 3


def test_one_stream_only_and_not_those_whose_names_begin_with_its_name(sink):
    one, ten = sink.store.begin("cam1"), sink.store.begin("cam10")
    with Subscriber(sink.results, sink.replay, streams=["cam1"], **QUICK) as subscriber:
        settled(sink)
        sink.frames(ten, 3)
        sink.frames(one, 1)
        events = list(subscriber.events(1.0))
        assert [event.stream for event in events] == ["cam1", "cam1"]
        assert [type(event).__name__ for event in events] == ["SessionEvent", "Outcome"]


def test_an_answer_that_never_comes_is_asked_for_again(sink):
    session = sink.store.begin("door")
    sink.frames(session, 5)
    sink.answers = False
    with Subscriber(sink.results, sink.replay, streams=["door"], **QUICK) as subscriber:
        assert subscriber.receive(0.5) is None
        assert sink.requests
        sink.answers = True
        assert numbers(subscriber, 5) == list(range(5))


def test_a_sink_that_comes_back_is_followed_further(sink):
    session = sink.store.begin("door")
    sink.frames(session, 5)
    with Subscriber(sink.results, sink.replay, streams=["door"], **QUICK) as subscriber:
        assert numbers(subscriber, 5) == list(range(5))
        sink.stop()
        assert subscriber.receive(0.3) is None
        session["count"] += 7
        again = FakeSink(sink.results, sink.replay, sink.store)
        try:
            assert numbers(subscriber, 7) == list(range(5, 12))
            settled(again)
            again.frames(session, 3)
            assert numbers(subscriber, 3) == [12, 13, 14]
        finally:
            again.stop()


def test_saved_positions_are_gone_on_with(sink):
    session = sink.store.begin("door")
    sink.frames(session, 20)
    with Subscriber(sink.results, sink.replay, streams=["door"], **QUICK) as subscriber:
        assert numbers(subscriber, 8) == list(range(8))
        positions = subscriber.positions
    with Subscriber(sink.results, sink.replay, streams=["door"], positions=positions, **QUICK) as subscriber:
        assert numbers(subscriber, 12) == list(range(8, 20))


def test_the_iterator_gives_outcomes_only(sink):
    session = sink.store.begin("door")
    sink.frames(session, 4)
    sink.end(session)
    later = sink.store.begin("door")
    sink.frames(later, 1)
    positions = {"door": [{"session": session["id"], "next": 0, "ended": False}]}
    with Subscriber(sink.results, sink.replay, streams=["door"], positions=positions, **QUICK) as subscriber:
        found = []
        for outcome in subscriber:
            found.append((outcome.session, outcome.sequence))
            if len(found) == 5:
                break
    assert found == [(session["id"], number) for number in range(4)] + [(later["id"], 0)]


def test_asyncio(sink):
    session = sink.store.begin("door")
    sink.frames(session, 30)

    async def collect():
        found = []
        async with AsyncSubscriber(sink.results, sink.replay, streams=["door"], **QUICK) as subscriber:
            async for outcome in subscriber:
                found.append(outcome.sequence)
                if len(found) == 20:
                    sink.frames(session, 10)
                if len(found) == 40:
                    return found

    assert asyncio.run(asyncio.wait_for(collect(), DEADLINE)) == list(range(40))


def test_wrong_arguments_are_said_at_once():
    for wrong in ({"streams": "door"}, {"format": "xml"}, {"start": "end"}):
        with pytest.raises(ValueError):
            Subscriber(**wrong)


def test_curve(tmp_path):
    """Key files as CZMQ and pyzmq write them; a server with a key, and one with another."""
    server_file, server_secret = zmq.auth.create_certificates(tmp_path, "server")
    _, own_secret = zmq.auth.create_certificates(tmp_path, "camera")
    curve = Curve.load(server_file, own_secret)
    assert Curve.load(curve.server_key.decode(), own_secret) == curve
    with pytest.raises(CurveError, match="no secret key"):
        Curve.load(server_file, server_file)
    with pytest.raises(CurveError, match="cannot read"):
        Curve.load(tmp_path / "none.key", own_secret)

    public, secret = zmq.auth.load_certificate(server_secret)
    other = zmq.curve_keypair()
    for keys, arrives in (((public, secret), True), (other, False)):
        with zmq.Context() as context, context.socket(zmq.XPUB) as results:
            results.linger = 0
            results.curve_server = True
            results.curve_publickey, results.curve_secretkey = keys
            results.bind("tcp://127.0.0.1:*")
            with Subscriber(results.last_endpoint.decode(), None, curve=curve):
                assert bool(results.poll(10_000 if arrives else 500)) is arrives
