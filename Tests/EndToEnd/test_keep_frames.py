"""The sink keeps the very pictures that its poses belong to: joined by sequence, bounded, and none where none are wanted."""

import json
import sqlite3
import time

import pytest
import zmq

from images import jpegs, large_jpeg
from pipeline import DEADLINE, Feeder, Pipeline, own_socket, push, until
from posebus import Archive, ArchiveError
from protobuf import field
from store import check_promise, query, sessions, stored
from test_refine import FRAMES, walk

KEEPING = {"sink": ["--keep-frames", "1G"], "infer": ["--forward-frames"]}


@pytest.fixture
def archive():
    """Reads what a pipeline's sink has stored."""
    opened = []

    def archive(pipeline):
        opened.append(Archive(pipeline.at["replay"], timeout=DEADLINE))
        return opened[-1]

    yield archive
    for each in opened:
        each.close()


def kept(archive, session):
    """The kept pictures of a session, by sequence."""
    timeline = archive.timeline(session)
    return {
        number: archive.frame(session, number)
        for first, last in timeline.kept for number in range(first, last + 1)
    }


def ended(pipeline, stream, deadline=DEADLINE):
    """The session of a stream, once its end is stored."""
    until(lambda: any(row["ended"] for row in sessions(pipeline.store, stream)), f"the end of {stream}", deadline)
    return sessions(pipeline.store, stream)[-1]["uuid"]


def test_what_is_kept_is_what_was_fed_to_the_byte(start, archive):
    pipeline = start(**KEEPING)
    pictures = [*jpegs(30), b"no image", *jpegs(20)]
    push(pipeline, "door", pictures)
    session = ended(pipeline, "door")
    reader = archive(pipeline)
    assert kept(reader, session) == {number: picture for number, picture in enumerate(pictures) if number != 30}
    assert reader.frame(session, 30) is None and reader.frame(session, 51) is None
    outcomes = list(reader.outcomes(session))
    assert [outcome.sequence for outcome in outcomes] == [outcome.camera_frame for outcome in outcomes] == list(range(51))
    (summary,) = reader.sessions("door")
    assert (summary.session, summary.kept_frames, summary.poses, summary.drops) == (session, 50, 50, 1)
    assert (summary.width, summary.height, summary.frames) == (320, 240, 51)
    timeline = reader.timeline(session)
    assert timeline.kept == [(0, 29), (31, 50)] and timeline.next == 51
    assert timeline.capture_time_ns == [outcome.capture_time_ns for outcome in outcomes]
    assert [(drop.sequence, drop.stage, drop.reason) for drop in timeline.drops] == [(30, "ingest", "corrupt_jpeg")]
    assert pipeline.drain() == [0, 0, 0]
    log = pipeline.stages["sink"].errors()
    assert "frames_kept=50" in log and f"frames_bytes={sum(map(len, pictures)) - len(b'no image')}" in log
    check_promise(pipeline.store)


@pytest.mark.parametrize("stage", ["sink", "infer"])
def test_a_stage_that_is_killed_costs_no_picture_and_doubles_none(start, archive, stage):
    """What was not acknowledged is sent again, with its picture."""
    pipeline = start(**KEEPING)
    pictures = [frame for _ in range(12) for frame in jpegs(50)]
    feeder = Feeder(lambda: push(pipeline, "door", pictures, delivery="lossless"))
    for goal in (60, 200, 350, 500):
        until(lambda: len(stored(pipeline.store, "door")) >= goal, f"{goal} outcomes")
        pipeline.kill(stage)
        pipeline.start(stage)
    feeder.finish()
    session = ended(pipeline, "door")
    assert kept(archive(pipeline), session) == dict(enumerate(pictures))
    rows = query(pipeline.store, "SELECT sequence FROM frames ORDER BY id")
    assert [row["sequence"] for row in rows] == list(range(600)), "in the order in which they were stored, each once"
    assert pipeline.drain() == [0, 0, 0]
    check_promise(pipeline.store)


def test_the_oldest_make_room_also_after_a_restart_with_less(start, archive):
    pictures = [frame for _ in range(4) for frame in jpegs(50)]
    size = sum(map(len, jpegs(50)))
    pipeline = start(sink=["--keep-frames", str(2 * size)], infer=["--forward-frames"])
    push(pipeline, "door", pictures)
    session = ended(pipeline, "door")
    reader = archive(pipeline)
    assert kept(reader, session) == {number: pictures[number] for number in range(100, 200)}
    # Of the outcomes none has gone.
    assert reader.timeline(session).next == 200
    assert pipeline.terminate("sink") == 0
    pipeline.options["sink"] = ["--keep-frames", str(size)]
    pipeline.start("sink")
    push(pipeline, "yard", pictures[:50])
    later = ended(pipeline, "yard")
    reader = archive(pipeline)
    assert len(kept(reader, later)) == 50 and kept(reader, session) == {}
    assert sum(row["bytes"] for row in query(pipeline.store, "SELECT length(jpeg) AS bytes FROM frames")) == size
    check_promise(pipeline.store)


@pytest.mark.parametrize("options", [
    {"infer": ["--forward-frames"]},
    {"sink": ["--keep-frames", "0"], "infer": ["--forward-frames"]},
    {"sink": ["--keep-frames", "1G"]},
    {**KEEPING, "ingest": ["--payload", "rgb"]},
])
def test_none_is_kept_where_none_is_wanted_or_none_comes(start, archive, options):
    pipeline = start(**options)
    push(pipeline, "door", jpegs(20))
    session = ended(pipeline, "door")
    reader = archive(pipeline)
    assert kept(reader, session) == {} and reader.frame(session, 3) is None
    assert [outcome.sequence for outcome in reader.outcomes(session)] == list(range(20))
    assert query(pipeline.store, "SELECT count(*) AS count FROM frames") == [{"count": 0}]
    assert pipeline.drain() == [0, 0, 0]


@pytest.mark.parametrize("options, count", [([], 30), (["--keep-frames", "0"], 0), (["--keep-frames", "20k"], None)])
def test_posebus_up_keeps_them_unless_it_is_told_not_to(posebus, tmp_path, options, count):
    store = tmp_path / "poses.sqlite"
    up = posebus("up", "test:?frames=30&width=320&height=240", "--engine", "none", "--ephemeral", "--store", store, *options)
    assert up.status == 0, up.errors()
    found = [row["bytes"] for row in query(store, "SELECT length(jpeg) AS bytes FROM frames")]
    if count is None:
        assert 0 < len(found) < 30 and sum(found) <= 20 << 10
    else:
        assert len(found) == count
    check_promise(store)


def test_a_store_of_the_release_before_goes_on(start, archive, posebus):
    """Its file has no place for pictures: it gets one, and all that read it go on to."""
    pipeline = start()
    people = walk("yard")
    people.send(pipeline)
    before = ended(pipeline, "yard")
    assert pipeline.terminate("sink") == 0
    with sqlite3.connect(pipeline.store) as store:
        store.executescript("DROP TABLE frames; DELETE FROM grdb_migrations WHERE identifier = 'v4';")
    store.close()

    def check_tools(*counts):
        for arguments in (["verify", pipeline.store], ["refine", pipeline.store, "--session", before]):
            program = posebus(*arguments)
            assert program.status == 0, program.errors()
        exported = posebus("export", "--store", pipeline.store, "--format", "json", "--revision", "latest")
        assert exported.status == 0, exported.errors()
        numbers = [json.loads(line)["sequence"] for line in exported.output().splitlines() if line]
        assert numbers == [number for count in counts for number in range(count)]

    check_tools(FRAMES)
    for stage in ("sink", "infer"):
        pipeline.options[stage] = KEEPING[stage]
    assert pipeline.terminate("infer") == 0
    pipeline.start("sink")
    pipeline.start("infer")
    push(pipeline, "door", jpegs(10))
    after = ended(pipeline, "door")
    reader = archive(pipeline)
    assert kept(reader, before) == {} and kept(reader, after) == dict(enumerate(jpegs(10)))
    assert [(each.session, each.kept_frames) for each in reader.sessions()] == [(before, 0), (after, 10)]
    (revision,) = reader.sessions()[0].revisions
    # Refined is one person who is seen in most frames; stored were two numbers and a coat.
    assert {person.track_id for outcome in reader.outcomes(before, revision=revision.number) for person in outcome.persons} == {1}
    assert {person.track_id for outcome in reader.outcomes(before) for person in outcome.persons} == {1, 3, 5}
    assert reader.timeline(before, revision="latest").persons != reader.timeline(before).persons
    with pytest.raises(ArchiveError, match="revision"):
        reader.page(before, revision=2)
    assert pipeline.drain() == [0, 0, 0]
    check_tools(FRAMES, 10)


# A peer that asks for everything and reads nothing

MEGABYTES = 2
PICTURES = 100
GREEDY = 12


def outcome(session, sequence, end=False):
    """A frame's outcome as an infer sends it; its picture is a JPEG."""
    about = (
        field(1, 1) + field(2, "large") + field(3, session) + field(4, sequence) + field(7, 10**18) + field(8, 10**18)
        + field(11, 1) + (field(14, 1) if end else b""))
    return field(1, about) + field(2, "none")


def resident(program):
    """Megabytes of memory that a program holds now."""
    for line in open(f"/proc/{program.process.pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def test_peers_that_ask_for_all_pictures_and_read_none_cost_little_and_are_cut_off(tmp_path, archive):
    """Unbounded they would be 12 times 64 pictures of 2 MB: 1.5 GB."""
    pipeline = Pipeline(tmp_path)
    pipeline.options["sink"] = ["--keep-frames", "1G"]
    try:
        pipeline.start("sink")
        session = bytes(range(16))
        with own_socket(pipeline, zmq.PUSH, "outcomes") as socket:
            for number in range(PICTURES):
                socket.send_multipart([outcome(session, number), large_jpeg(MEGABYTES << 20)])
            socket.send(outcome(session, PICTURES, end=True))
        uuid = ended(pipeline, "large")
        reader = archive(pipeline)
        assert len(reader.frame(uuid, PICTURES - 1)) > MEGABYTES << 20
        sink = pipeline.stages["sink"]
        before = resident(sink)
        greedy = []
        for _ in range(GREEDY):
            socket = pipeline.context.socket(zmq.DEALER)
            socket.linger, socket.rcvhwm = 0, 1
            # Nor does its kernel take much.
            socket.rcvbuf = 64 << 10
            socket.connect(pipeline.at["replay"])
            for _ in range(3):
                socket.send(json.dumps({"session": uuid, "format": "jpeg"}).encode())
            greedy.append(socket)
        most = before
        until_cut = time.monotonic() + DEADLINE
        while sink.errors().count("cut off a peer of replay") < GREEDY:
            assert time.monotonic() < until_cut, sink.errors()
            most = max(most, resident(sink))
            # Whoever reads is served meanwhile.
            assert len(reader.frame(uuid, 3)) > MEGABYTES << 20
        print(f"sink: {before:.0f} MB before, at most {most:.0f} MB with {GREEDY} greedy peers")
        # 12 times a share of 2 MB, a page and a picture each, and what the allocator keeps.
        assert most - before < 300
        until(lambda: resident(sink) - before < 120, "what they did not read is freed")
        assert [each.sequence for each in reader.outcomes(uuid)] == list(range(PICTURES))
    finally:
        pipeline.close()
