"""A stored session is refined: fragments joined, gaps filled, persons steadied, and what was stored live stays."""

import json
import math
import random
import sqlite3
import struct
import uuid

import pytest
import zmq

from pipeline import Pipeline, own_socket, until
from protobuf import field, varint
from store import check_promise, query, sessions

RATE = 30
START = 1_700_000_000_000_000_000
KEYPOINTS = 33


def floats(number, values):
    """A packed field of floats."""
    values = list(values)
    return field(number, struct.pack(f"<{len(values)}f", *values))


def real(number, value):
    """A field of one float."""
    return varint(number << 3 | 5) + struct.pack("<f", value)


def person(track, x, sequence, noise, observed=True):
    """A person 300 pixels tall who walks to the right, with as many keypoints as blazepose33 has."""
    swing = [30 * math.sin(2 * math.pi * sequence / RATE + k) for k in range(KEYPOINTS)]
    two = [v for k in range(KEYPOINTS)
           for v in (x + swing[k] + noise.gauss(0, 2), 250 + 9 * k + noise.gauss(0, 2), 0.9)]
    three = [v for k in range(KEYPOINTS) for v in (swing[k] / 180 + noise.gauss(0, 0.01), k * 0.05 - 0.8, 0)]
    return (
        field(1, track) + real(2, 0.9) + floats(3, (x - 60, 250, 120, 300)) + field(4, int(observed))
        + floats(5, two) + floats(6, three) + field(10, 2 if observed else 3)
    )


class Session:
    """Sends a session's outcomes to a sink, as an infer does."""

    def __init__(self, stream):
        self.stream = stream
        self.id = uuid.uuid4()
        self.count = 0
        self.messages = []

    def _header(self, extra=b""):
        time = START + self.count * 1_000_000_000 // RATE
        return field(
            1, field(1, 1) + field(2, self.stream) + field(3, self.id.bytes) + field(4, self.count) + field(7, time)
            + field(8, time) + field(9, 1920) + field(10, 1080) + field(12, 2) + extra)

    def pose(self, *persons):
        body = b"".join(field(5, person) for person in persons)
        self.messages.append(self._header() + field(2, "test") + field(3, "blazepose33") + body)
        self.count += 1

    def drop(self):
        drop = field(1, "ingest") + field(2, "corrupt_jpeg") + field(3, "a test")
        self.messages.append(self._header() + field(4, drop))
        self.count += 1

    def end(self):
        self.messages.append(self._header(extra=field(14, 1)))

    def send(self, pipeline):
        with own_socket(pipeline, zmq.PUSH, "outcomes") as socket:
            for message in self.messages:
                socket.send(message)


# The session below: who is in which frames.
FRAMES = 150
FIRST, SECOND = range(0, 60), range(75, 150)  # One person with two numbers, half a second apart.
GAP = range(100, 110)
DROPS = {30, 65, 104}
COAT = range(40, 43)


def walk(stream, ended=True):
    """One person who is lost twice, once to come back as somebody else, and a coat that was a person for three frames."""
    noise = random.Random(stream)
    session = Session(stream)
    for sequence in range(FRAMES):
        if sequence in DROPS:
            session.drop()
            continue
        x = 300 + 4 * sequence
        persons = []
        if sequence in FIRST or sequence in SECOND and sequence not in GAP:
            persons.append(person(1 if sequence in FIRST else 5, x, sequence, noise))
        elif sequence in GAP:
            # The live tracker thought that the person stood still.
            persons.append(person(5, 700, sequence, noise, observed=False))
        if sequence in COAT:
            persons.append(person(3, 1700, 0, noise).replace(field(10, 2), field(10, 1)))
        session.pose(*persons)
    if ended:
        session.end()
    return session


@pytest.fixture
def sink(tmp_path):
    """A sink alone; the tests are its infer."""
    pipeline = Pipeline(tmp_path)
    pipeline.start("sink")
    yield pipeline
    pipeline.close()


def stored(pipeline, *walks):
    for session in walks:
        session.send(pipeline)
    until(
        lambda: sum(row["poses"] + row["drops"] for row in sessions(pipeline.store)) == FRAMES * len(walks)
        and all(row["ended"] for row in sessions(pipeline.store)), "all is stored")
    assert pipeline.terminate("sink") == 0
    return pipeline.store


def exported(posebus, store, *options, format="json"):
    program = posebus("export", "--store", store, "--format", format, *options)
    assert program.status == 0, program.errors()
    return program.output()


def outcomes(text):
    return [json.loads(line) for line in text.splitlines() if line]


def jitter(xs):
    return math.sqrt(sum((a - 2 * b + c) ** 2 for a, b, c in zip(xs, xs[1:], xs[2:])) / (len(xs) - 2))


def test_a_session_is_refined_beside_the_original(sink, posebus):
    store = stored(sink, walk("yard"))
    before = exported(posebus, store)
    assert exported(posebus, store, "--revision", "latest") == before, "nothing is refined yet"

    program = posebus("refine", store)
    assert program.status == 0, program.errors()
    said = program.output()
    assert "3 → 1 identities: 1 joined, 1 tracks of nobody removed" in said
    assert f"{FRAMES} frames (3 drops)" in said and "2 gaps filled with 23 persons" in said
    assert "10 live predictions replaced" not in said and "9 live predictions replaced" in said  # One lies on a drop.

    # What was stored stays as it was, to the byte, and is what is exported unless something else is asked for.
    assert exported(posebus, store) == before == exported(posebus, store, "--revision", "original")
    check_promise(store)

    live, refined = outcomes(before), outcomes(exported(posebus, store, "--revision", "latest"))
    assert exported(posebus, store, "--revision", "1") == exported(posebus, store, "--revision", "latest")
    assert [outcome["sequence"] for outcome in refined] == list(range(FRAMES))
    for a, b in zip(live, refined):
        assert {**a, "persons": None} == {**b, "persons": None}, "only persons change"
        if a["drop"]:
            assert a == b and b["sequence"] in DROPS
            continue
        (one,) = b["persons"]
        seen = b["sequence"] in FIRST or (b["sequence"] in SECOND and b["sequence"] not in GAP)
        assert one["track_id"] == 1
        assert one["observed"] == seen
        assert one["state"] == ("confirmed" if seen else "predicted")
        # The walk goes on through every gap, whatever the live tracker thought.
        assert abs(one["bbox"][0] - (300 + 4 * b["sequence"] - 60)) < 5
        if seen:
            original = next(p for p in a["persons"] if p["track_id"] in (1, 5))
            for p, q in zip(original["keypoints_2d"], one["keypoints_2d"]):
                assert math.dist(p[:2], q[:2]) <= 0.02 * 300 + 0.05 and p[2] == q[2]
        else:
            assert one["score"] < 0.9

    def xs(outcomes, track, keypoint=7):
        return [p["keypoints_2d"][keypoint][0] for outcome in outcomes for p in outcome["persons"]
                if outcome["sequence"] < 30 and p["track_id"] == track]

    assert jitter(xs(refined, 1)) < 0.6 * jitter(xs(live, 1))

    table = exported(posebus, store, "--revision", "latest", format="csv").splitlines()
    assert len(table) == 1 + FRAMES and table[0].startswith("stream,session,sequence")
    assert table[1] != exported(posebus, store, format="csv").splitlines()[1]

    verified = posebus("verify", store)
    assert verified.status == 0, verified.output()
    assert "refined once" in verified.output()


def test_refined_twice_the_same(sink, posebus):
    store = stored(sink, walk("yard"))
    for _ in range(2):
        assert posebus("refine", store).status == 0
    rows = [query(store, "SELECT sequence, persons, body FROM refined WHERE revision = ? ORDER BY sequence", number)
            for number in (1, 2)]
    assert len(rows[0]) == FRAMES - len(DROPS) and rows[0] == rows[1]
    assert posebus("refine", store, "--max-gap", "0", "--no-smoothing").status == 0
    third = outcomes(exported(posebus, store, "--revision", "3"))
    assert not any(p["observed"] is False for outcome in third for p in outcome["persons"])
    missing = posebus("export", "--store", store, "--revision", "4")
    assert missing.status == 1 and "it has 1, 2, 3" in missing.errors()
    assert posebus("export", "--store", store, "--revision", "newest").status == 64
    assert "refined 3 times" in posebus("verify", store).output()


def test_only_what_is_asked_for(sink, posebus):
    yard, door = walk("yard"), walk("door")
    store = stored(sink, yard, door)
    assert posebus("refine", store, "--stream", "door").status == 0
    owners = query(store, "SELECT stream FROM revisions JOIN sessions ON sessions.id = revisions.session")
    assert [row["stream"] for row in owners] == ["door"]
    # The latest there is of each: refined here, as stored there.
    both = outcomes(exported(posebus, store, "--revision", "latest"))
    assert {outcome["stream"]: {p["track_id"] for o in both if o["stream"] == outcome["stream"] for p in o["persons"]}
            for outcome in both} == {"yard": {1, 3, 5}, "door": {1}}
    assert posebus("refine", store, "--session", yard.id).status == 0
    for options in (["--stream", "roof"], ["--session", uuid.uuid4()]):
        program = posebus("refine", store, *options)
        assert program.status == 1 and "door, yard" in program.errors()
    assert posebus("refine", store, "--session", "yesterday").status == 64


def test_not_while_a_sink_has_the_store(sink, posebus):
    session = walk("yard")
    session.send(sink)
    until(lambda: any(row["ended"] for row in sessions(sink.store)), "the end")
    program = posebus("refine", sink.store)
    assert program.status == 74
    assert str(sink.store) in program.errors() and "stop posebus up" in program.errors()
    assert sink.stages["sink"].alive() and sink.terminate("sink") == 0
    assert posebus("refine", sink.store).status == 0


def test_a_session_that_was_cut_off_is_refined_by_name_only(sink, posebus):
    session = walk("yard", ended=False)
    session.send(sink)
    until(lambda: sum(r["poses"] + r["drops"] for r in sessions(sink.store)) == FRAMES, "all is stored")
    assert sink.terminate("sink") == 0
    program = posebus("refine", sink.store)
    assert program.status == 1 and "has not ended" in program.errors() and str(session.id) in program.errors()
    assert posebus("refine", sink.store, "--session", session.id).status == 0
    # The session goes on: what comes later is as it was stored.
    sink.start("sink")
    more = Session("yard")
    more.id, more.count = session.id, FRAMES
    more.pose(person(8, 1000, 0, random.Random(1)))
    more.end()
    more.send(sink)
    until(lambda: any(row["ended"] for row in sessions(sink.store)), "the end")
    assert sink.terminate("sink") == 0
    assert posebus("verify", sink.store).status == 0
    latest = outcomes(exported(posebus, sink.store, "--revision", "latest"))
    assert [p["track_id"] for p in latest[FRAMES]["persons"]] == [8] and len(latest) == FRAMES + 1


def test_an_interrupted_refinement_leaves_nothing_to_be_seen(sink, posebus):
    store = stored(sink, walk("yard"))
    assert posebus("refine", store).status == 0
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE revisions SET summary = NULL")  # As if it had been killed before its end.
        connection.execute("DELETE FROM refined WHERE sequence > 70")
    assert exported(posebus, store, "--revision", "latest") == exported(posebus, store)
    assert posebus("verify", store).status == 0
    assert posebus("refine", store).status == 0
    assert [row["count(*)"] for row in query(store, "SELECT count(*) FROM refined")] == [FRAMES - len(DROPS)]
    with sqlite3.connect(store) as connection:
        connection.execute("DELETE FROM refined WHERE sequence = 70")
    bad = posebus("verify", store)
    assert bad.status == 1 and "revision 1: the pose of sequence 70 is missing" in bad.output()


def test_a_session_that_nobody_is_in(sink, posebus):
    session = Session("yard")
    for _ in range(FRAMES):
        session.pose()
    session.end()
    store = stored(sink, session)
    program = posebus("refine", store)
    assert program.status == 1 and "nobody was seen" in program.output()
    assert exported(posebus, store, "--revision", "latest") == exported(posebus, store)


def test_refine_of_what_is_no_store(tmp_path, posebus):
    missing = tmp_path / "missing.sqlite"
    program = posebus("refine", missing)
    assert program.status == 74 and str(missing) in program.errors() and not missing.exists()
    letter = tmp_path / "letter"
    letter.write_bytes(b"a letter to my aunt\n" * 100)
    assert posebus("refine", letter).status == 74
    assert letter.read_bytes() == b"a letter to my aunt\n" * 100
    assert posebus("refine").status == 64
    assert posebus("refine", letter, "--max-gap", "-1").status == 64
