"""The logic alone, against a sink that loses, repeats and delays whatever it may: seeded, without sockets."""

import contextlib
import json
import random
import uuid

import pytest

from posebus import ProtobufOutcome, SessionEvent
from posebus.follower import Follower
from posebus.outcomes import Outcome

MAX_PENDING = 40


def outcome_json(stream, session, sequence):
    return json.dumps(
        {
            "v": 1, "stream": stream, "session": session, "sequence": sequence, "camera_frame": sequence,
            "capture_time_ns": 1, "width": 64, "height": 48, "engine": "none", "skeleton": "", "drop": None,
            "persons": [], "timing_ms": {}, "trace_id": "0" * 31 + "1",
        }
    ).encode()  # fmt: skip


class Sink:
    """A store, and what is published and played back from it."""

    def __init__(self, rng, tells_successors=True):
        self.rng = rng
        self.sessions = []  # dicts: stream, id, count, ended
        self.tells_successors = tells_successors

    def begin(self, stream):
        session = {
            "stream": stream, "id": str(uuid.UUID(int=self.rng.getrandbits(128))), "count": 0, "ended": False
        }  # fmt: skip
        self.sessions.append(session)
        return session

    def event(self, session, kind):
        keys = {"stream": session["stream"], "session": session["id"], "frames": session["count"]}
        return json.dumps({"v": 1, "event": kind, "poses": session["count"], "drops": 0, **keys}).encode()

    def answer(self, request):
        request = json.loads(request)
        found = [
            session for session in self.sessions
            if session["stream"] == request["stream"] and request["session"] in (None, session["id"])
        ]  # fmt: skip
        found = [session for session in found if session["count"] or session["ended"]]
        if not found:
            return [json.dumps({"v": 1, "end": True, "error": "the store holds no such session"}).encode()]
        session = found[-1]
        last = session["count"] - 1 if request["to"] is None else min(request["to"], session["count"] - 1)
        numbers = range(request["from"], last + 1)
        end = {"v": 1, "end": True, "stream": session["stream"], "session": session["id"], "count": len(numbers)}
        end["next"] = max(request["from"], last + 1)
        if self.tells_successors:
            end |= {"ended": session["ended"], "poses": session["count"], "drops": 0}
            later = [other for other in self.sessions if other["stream"] == session["stream"] and other["count"]]
            later = later[later.index(session) + 1 :] if session in later else []
            end["next_session"] = later[0]["id"] if later else None
        bodies = [outcome_json(session["stream"], session["id"], number) for number in numbers]
        return [*bodies, json.dumps(end).encode()]


class World:
    """Publishes at random, loses at random, and collects what a follower hands out."""

    def __init__(self, seed, **options):
        self.rng = random.Random(seed)
        self.now = 0.0
        self.sink = Sink(self.rng, options.pop("tells_successors", True))
        self.follower = Follower(Outcome.parse, max_pending=MAX_PENDING, now=0.0, **options)
        self.given = {}
        self.events = []
        self.answer = []
        self.loss = 0.0
        self.most_ready = 0

    def publish(self, body, kind="outcome"):
        if self.rng.random() < self.loss:
            return
        for _ in range(2 if self.rng.random() < 0.05 else 1):
            if kind == "outcome":
                self.follower.on_outcome(body, self.now)
            else:
                self.follower.on_session_event(body, self.now)

    def frames(self, session, count):
        for _ in range(count):
            if session["count"] == 0:
                self.publish(self.sink.event(session, "begin"), "event")
            session["count"] += 1
            self.publish(outcome_json(session["stream"], session["id"], session["count"] - 1))

    def end(self, session):
        session["ended"] = True
        self.publish(self.sink.event(session, "end"), "event")

    def step(self, seconds=0.05):
        self.now += seconds
        request = self.follower.request(self.now)
        if request is not None:
            assert not self.answer
            self.answer = self.sink.answer(request)
            if self.rng.random() < 0.1:
                # Given up half-way, or never answered.
                self.answer = self.answer[: self.rng.randrange(len(self.answer))]
        for _ in range(self.rng.randrange(30)):
            if not self.answer:
                break
            self.follower.on_replay(self.answer.pop(0), self.now)
        if self.follower.is_overdue(self.now):
            self.answer = []
            self.follower.on_replay_lost(self.now)
        assert sum(len(session.pending) for session in self.follower._sessions.values()) <= MAX_PENDING
        assert self.follower._pending == sum(len(session.pending) for session in self.follower._sessions.values())
        self.take()

    def take(self):
        while (event := self.follower.take()) is not None:
            if isinstance(event, SessionEvent):
                self.events.append((event.event, event.session))
                if event.event == "end":
                    assert [-1, *self.given.get(event.session, [])][-1] == event.frames - 1
            else:
                self.given.setdefault(event.session, []).append(event.sequence)

    def settle(self, seconds=120):
        self.loss = 0.0
        end = self.now + seconds
        while self.now < end and not self.is_complete():
            self.step()

    def is_complete(self):
        return all(
            self.given.get(session["id"], []) == list(range(session["count"]))
            and (not session["ended"] or ("end", session["id"]) in self.events)
            for session in self.sink.sessions
        )

    def check(self):
        for session in self.sink.sessions:
            assert self.given.get(session["id"], []) == list(range(session["count"])), session
            assert self.events.count(("end", session["id"])) == session["ended"], session
        assert self.follower.statistics.missing == 0


@pytest.mark.parametrize("block", range(10))
def test_whatever_is_lost_everything_is_handed_out_once_and_in_order(block):
    """50 seeds a block: losses of up to everything, several streams, sessions that end and others that just stop."""
    for seed in range(block * 50, block * 50 + 50):
        world = World(seed, streams=["a", "b", "c"])
        rng = world.rng
        world.loss = rng.choice([0.0, 0.05, 0.5, 0.95, 1.0])
        running = {}
        for _ in range(rng.randrange(10, 60)):
            stream = rng.choice("abc")
            if stream not in running:
                running[stream] = world.sink.begin(stream)
            session = running[stream]
            world.frames(session, rng.choice([1, 1, 2, 5, 100]))
            if rng.random() < 0.1:
                del running[stream]
                if rng.random() < 0.7:
                    world.end(session)
            if rng.random() < 0.1:
                world.follower.on_connected(world.now)
            for _ in range(rng.randrange(4)):
                world.step()
        # While nothing was heard of a stream at all, only its latest session can be known.
        world.settle()
        known = [session for session in world.sink.sessions if session["id"] in world.given]
        for stream in "abc":
            of_stream = [session for session in world.sink.sessions if session["stream"] == stream]
            heard = [session for session in of_stream if session in known]
            assert not of_stream or heard, f"seed {seed}: stream {stream} was never found"
            # From the first session that was found on, none is left out.
            assert of_stream[of_stream.index(heard[0]) :] == heard if heard else True, f"seed {seed}"
        world.sink.sessions = known
        try:
            world.check()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_a_short_session_missed_whole_is_found_by_its_predecessor():
    world = World(1, streams=["a"])
    first, second, third = (world.sink.begin("a") for _ in range(3))
    world.frames(first, 3)
    world.end(first)
    world.take()
    world.loss = 1.0
    world.frames(second, 5)
    world.end(second)
    world.loss = 0.0
    world.frames(third, 2)
    world.settle()
    world.check()


def test_the_end_of_a_stream_that_falls_silent_is_asked_for():
    world = World(2, streams=["a"])
    session = world.sink.begin("a")
    world.frames(session, 10)
    world.loss = 1.0
    world.frames(session, 10)
    world.end(session)
    world.settle()
    world.check()


def test_a_sink_that_tells_no_successors_and_no_end_still_leaves_no_gap():
    world = World(3, streams=["a"], tells_successors=False)
    session = world.sink.begin("a")
    world.frames(session, 10)
    world.loss = 1.0
    world.frames(session, 200)
    world.settle()
    world.check()


def test_saved_positions_go_on_where_they_stand():
    world = World(4, streams=["a"])
    session = world.sink.begin("a")
    world.frames(session, 30)
    for _ in range(20):
        world.follower.take()
    positions = json.loads(json.dumps(world.follower.positions))
    assert positions == {"a": [{"session": session["id"], "next": 19, "ended": False}]}
    world.end(session)
    later = World(5, streams=["a"], positions=positions)
    later.sink = world.sink
    last = later.sink.begin("a")
    later.frames(last, 4)
    for _ in range(600):
        later.step()
    assert later.given[last["id"]] == [0, 1, 2, 3]
    assert later.given[session["id"]] == list(range(19, 30))
    assert ("end", session["id"]) in later.events
    again = World(6, streams=["a"], positions=later.follower.positions)
    again.sink = later.sink
    for _ in range(200):
        again.step()
    assert again.given == {} and again.events == []


def test_a_live_start_begins_with_what_comes_next_and_then_misses_nothing():
    world = World(7, start="live")
    session = world.sink.begin("a")
    world.loss = 1.0
    world.frames(session, 50)
    world.loss = 0.0
    world.frames(session, 1)
    world.loss = 1.0
    world.frames(session, 20)
    world.loss = 0.0
    world.frames(session, 1)
    for _ in range(400):
        world.step()
    assert world.given[session["id"]] == list(range(50, 72))


def test_the_beginning_that_no_store_has_is_counted_as_missing():
    world = World(8, streams=["a"])
    session = world.sink.begin("a")
    answer = world.sink.answer

    def from_ten(request):
        return [
            body for body in answer(request)
            if b'"end"' in body or json.loads(body)["sequence"] >= 10
        ]  # fmt: skip

    world.sink.answer = from_ten
    world.loss = 1.0
    world.frames(session, 15)
    world.loss = 0.0
    world.frames(session, 1)
    for _ in range(200):
        world.step()
    assert world.given[session["id"]] == list(range(10, 16))
    assert world.follower.statistics.missing == 10


def test_what_cannot_be_read_is_counted_and_does_not_stop_the_rest():
    world = World(9, streams=["a"])
    session = world.sink.begin("a")
    world.frames(session, 2)
    for body in (b"", b"{", b"[]", b"null", b'{"v":2}', b'{"v":1}', b"\xff"):
        world.follower.on_outcome(body, 0.0)
        world.follower.on_session_event(body, 0.0)
    assert world.follower.statistics.unreadable == 14
    world.frames(session, 2)
    world.settle()
    world.check()


def test_an_outcome_in_protobuf_is_read_for_its_identity_only():
    session = uuid.uuid4()
    frame = b"\x08\x01" + b"\x12\x04door" + b"\x1a\x10" + session.bytes + b"\x20\xac\x02" + b"\x8d\x01\x00\x00\x80\x3f"
    body = b"\x0a" + bytes([len(frame)]) + frame + b"\x12\x04none"
    outcome = ProtobufOutcome.parse(body)
    assert (outcome.stream, outcome.session, outcome.sequence) == ("door", str(session), 300)
    assert outcome.body == body
    for cut in range(1, len(body)):
        with contextlib.suppress(ValueError):
            ProtobufOutcome.parse(body[:cut])


def test_a_publisher_that_falls_silent_while_the_store_goes_on_is_noticed():
    world = World(10, streams=["a"])
    session = world.sink.begin("a")
    world.frames(session, 3)
    world.loss = 1.0
    noticed = []
    while world.now < 10:
        world.frames(session, 1)
        world.step()
        if world.follower.publisher_is_silent():
            noticed.append(world.now)
    assert noticed and noticed[0] < 5
    world.loss = 0.0
    world.frames(session, 1)
    assert not world.follower.publisher_is_silent()
