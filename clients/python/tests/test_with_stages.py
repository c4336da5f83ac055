"""Feeder and subscriber against the real stages."""

import sqlite3
import threading
import uuid

import pytest

from fakes import DEADLINE
from posebus import (
    Archive,
    ArchiveError,
    ArchiveTimeout,
    Feeder,
    FrameRefused,
    Outcome,
    ProtobufOutcome,
    SessionEvent,
    Subscriber,
    UnknownSession,
)

pytest.importorskip("images", reason="Tests/EndToEnd is not here")
from images import jpegs, tiny_jpeg

QUICK = {"probe_seconds": (0.2, 1.0), "replay_timeout": 1.0}


def subscriber(pipeline, **options):
    return Subscriber(pipeline.at["results"], pipeline.at["replay"], **{**QUICK, **options})


def collect(source, count=None, session_end=True):
    """Sequences until the end of the session, or so many."""
    found = []
    for event in source.events(DEADLINE):
        if isinstance(event, (Outcome, ProtobufOutcome)):
            found.append(event.sequence)
        elif event.event == "end" and session_end:
            return found
        if count is not None and len(found) == count:
            return found
    raise AssertionError(f"only {len(found)} outcomes")


def test_from_feeder_to_subscriber(pipeline):
    with subscriber(pipeline, streams=["door"]) as results:
        with Feeder("door", pipeline.at["request"]) as feeder:
            for frame in jpegs(50) * 4:
                feeder.send(frame, timeout=DEADLINE)
            feeder.end(DEADLINE)
            assert feeder.accepted == 200
        events = []
        while not events or events[-1] != "end":
            event = results.receive(DEADLINE)
            assert event is not None
            events.append(event.event if isinstance(event, SessionEvent) else event.camera_frame)
        assert events == ["begin", *range(200), "end"]


@pytest.mark.parametrize("format", ["json", "pb"])
def test_a_late_subscriber_gets_the_whole_session(pipeline, format):
    with Feeder("door", pipeline.at["request"]) as feeder:
        for frame in jpegs(50) * 2:
            feeder.send(frame, timeout=DEADLINE)
        feeder.flush(DEADLINE)
        with subscriber(pipeline, streams=["door"], format=format) as results:
            assert collect(results, 100) == list(range(100))
            for frame in jpegs(50):
                feeder.send(frame, timeout=DEADLINE)
            feeder.end(DEADLINE)
            assert collect(results) == list(range(100, 150))


def test_a_subscriber_that_reads_nothing_for_a_while_misses_nothing(pipeline):
    """More outcomes than all queues between can hold."""
    frames = 40_000
    options = {"streams": ["door"], "max_queued": 10, "max_pending": 100}
    with (
        subscriber(pipeline, **options) as results,
        Feeder("door", pipeline.at["request"], max_outstanding=64) as feeder,
    ):
        feeder.send(tiny_jpeg())
        assert collect(results, 1) == [0]
        for _ in range(frames - 1):
            feeder.send(tiny_jpeg(), timeout=DEADLINE)
        feeder.end(DEADLINE)
        assert collect(results) == list(range(1, frames))
        assert results.statistics.replayed > 1000, "nothing was dropped: this test shows nothing"
        assert results.statistics.missing == 0


@pytest.mark.parametrize("stage", ["sink", "infer"])
def test_a_killed_stage_costs_nothing(pipeline, stage):
    with subscriber(pipeline, streams=["door"]) as results:
        feeder = Feeder("door", pipeline.at["request"])

        def feed():
            for frame in jpegs(50) * 20:
                feeder.send(frame, timeout=DEADLINE)
            feeder.end(DEADLINE)

        thread = threading.Thread(target=feed)
        thread.start()
        assert collect(results, 100) == list(range(100))
        pipeline.kill(stage)
        pipeline.start(stage)
        assert collect(results) == list(range(100, 1000))
        thread.join(DEADLINE)
        feeder.close()
    with sqlite3.connect(pipeline.store) as store:
        assert store.execute("SELECT count(*), max(sequence) FROM outcomes").fetchone() == (1000, 999)


def test_going_on_from_a_saved_position_through_later_sessions(pipeline):
    """Two sessions begin and end while the subscriber is away."""

    def session(frames):
        with Feeder("door", pipeline.at["request"]) as feeder:
            for frame in jpegs(50)[:frames]:
                feeder.send(frame, timeout=DEADLINE)
            feeder.end(DEADLINE)

    with subscriber(pipeline, streams=["door"]) as results:
        session(20)
        assert collect(results, 5) == list(range(5))
        positions = results.positions
    session(10)
    session(30)
    with subscriber(pipeline, streams=["door"], positions=positions) as results:
        sessions: dict[str, list[int]] = {}
        ended = []
        while len(ended) < 3:
            event = results.receive(DEADLINE)
            assert event is not None
            if isinstance(event, Outcome):
                sessions.setdefault(event.session, []).append(event.sequence)
            elif event.event == "end":
                ended.append(event.session)
        # In order within each session. The last one may still be under way when the subscriber comes, and come first.
        expected = [list(range(10)), list(range(5, 20)), list(range(30))]
        assert sorted(sessions.values(), key=len) == expected
        assert set(ended) == set(sessions)


def test_a_bad_image_is_refused_and_recorded(pipeline):
    refusals: list[FrameRefused] = []
    with subscriber(pipeline, streams=["door"]) as results:
        with Feeder("door", pipeline.at["request"], on_refused=refusals.append) as feeder:
            feeder.send(tiny_jpeg())
            feeder.send(b"not a JPEG")
            feeder.send(tiny_jpeg())
            feeder.end(DEADLINE)
            assert (feeder.accepted, feeder.refused) == (2, 1)
        assert [(refusal.frame, refusal.reason) for refusal in refusals] == [(1, "corrupt_jpeg")]
        outcomes = []
        while len(outcomes) < 3:
            event = results.receive(DEADLINE)
            assert event is not None
            if isinstance(event, Outcome):
                outcomes.append(event.drop and event.drop.reason)
        assert outcomes == [None, "corrupt_jpeg", None]


@pytest.fixture
def archive(pipeline):
    with Archive(pipeline.at["replay"], timeout=DEADLINE) as archive:
        yield archive


def test_an_archive_reads_a_session_that_goes_on(pipeline, archive):
    with Feeder("door", pipeline.at["request"]) as feeder:
        for frame in jpegs(50):
            feeder.send(frame, timeout=DEADLINE, still=True)
        feeder.flush(DEADLINE)
        with subscriber(pipeline, streams=["door"]) as results:
            assert collect(results, 50) == list(range(50))
        (session,) = archive.sessions("door")
        assert (session.first, session.next, session.poses, session.ended_ns) == (0, 50, 50, None)
        outcomes = archive.outcomes(session.session, limit=20)
        first = [next(outcomes).sequence for _ in range(20)]
        for frame in jpegs(50):
            feeder.send(frame, timeout=DEADLINE)
        feeder.end(DEADLINE)
        with subscriber(pipeline, streams=["door"]) as results:
            assert collect(results) == list(range(100))
        # What came meanwhile is part of it.
        assert first + [outcome.sequence for outcome in outcomes] == list(range(100))
    (session,) = archive.sessions()
    assert (session.frames, session.kept_frames) == (100, 0) and session.ended_ns is not None
    timeline = archive.timeline(session.session)
    assert (timeline.next, timeline.persons, timeline.kept) == (100, [0] * 100, [])
    assert archive.frame(session.session, 7) is None
    with pytest.raises(ArchiveError, match="revision"):
        archive.page(session.session, revision=3)


def test_an_archive_finds_the_pictures_that_the_sink_keeps(pipeline, archive):
    pipeline.options["sink"] = ["--keep-frames", "100M"]
    pipeline.options["infer"] = ["--forward-frames"]
    for stage in ("infer", "sink"):
        assert pipeline.terminate(stage) == 0
    for stage in ("sink", "infer"):
        pipeline.start(stage)
    with Feeder("door", pipeline.at["request"]) as feeder:
        for frame in jpegs(10):
            feeder.send(frame, timeout=DEADLINE)
        feeder.end(DEADLINE)
    with subscriber(pipeline, streams=["door"]) as results:
        assert collect(results) == list(range(10))
    (session,) = archive.sessions()
    assert archive.timeline(session.session).kept == [(0, 9)]
    assert [archive.frame(session.session, number) for number in range(10)] == list(jpegs(10))
    assert archive.frame(session.session, 10) is None
    with pytest.raises(UnknownSession):
        archive.timeline(str(uuid.uuid4()))


def test_an_archive_lives_through_a_killed_sink(pipeline, archive):
    with Feeder("door", pipeline.at["request"]) as feeder:
        for frame in jpegs(50):
            feeder.send(frame, timeout=DEADLINE)
        feeder.end(DEADLINE)
    with subscriber(pipeline, streams=["door"]) as results:
        assert collect(results) == list(range(50))
    (session,) = archive.sessions()
    pipeline.kill("sink")
    with pytest.raises(ArchiveTimeout):
        archive.page(session.session, timeout=0.5)
    pipeline.start("sink")
    assert [outcome.sequence for outcome in archive.outcomes(session.session)] == list(range(50))
