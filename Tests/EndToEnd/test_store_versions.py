"""Files of other releases: an old store is read as it is and taken over whole, and what a later release wrote is refused.

Tests/Fixtures/stores has a store of each form that was ever released, as its own programs wrote it.
"""

import json
import re
import sqlite3

import pytest

import pipeline as harness
from images import jpegs, tiny_jpeg
from pipeline import DEADLINE, ROOT, Pipeline, check_complete, header, push, until
from posebus import Archive
from store import check_promise, query, sessions, stored

DUMPS = sorted((ROOT / "Tests" / "Fixtures" / "stores").glob("v*.sql"))
MIGRATIONS = re.findall(r'registerMigration\("(.*?)"\)', (ROOT / "Sources/Store/StoreSchema.swift").read_text())


def loaded(path, dump):
    """A store file with the content of a dump."""
    with sqlite3.connect(path) as connection:
        connection.executescript(dump.read_text())
    connection.close()
    return path


def later(path, source=DUMPS[-1]):
    """The same, after a release that nobody has seen yet has changed it."""
    loaded(path, source)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO grdb_migrations VALUES ('v999')")
    connection.close()
    return path


def content(path):
    """What was measured and when, of every session and outcome, in columns that the first release had."""
    return [
        query(path, "SELECT id, uuid, stream, began_ns, ended_ns, frames, poses, drops FROM sessions ORDER BY id"),
        query(path, "SELECT session, sequence, capture_time_ns, drop_stage, drop_reason, persons, body FROM outcomes"
              " ORDER BY rowid"),
    ]


def migrations(path):
    return [row["identifier"] for row in query(path, "SELECT identifier FROM grdb_migrations ORDER BY rowid")]


def test_there_is_a_store_of_every_form():
    assert [dump.stem for dump in DUMPS] == MIGRATIONS, "make the missing one: Tests/Fixtures/stores/make_store.py"


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
def test_an_old_store_is_read_as_it_is(tmp_path, posebus, dump):
    store = loaded(tmp_path / "old.sqlite", dump)
    before = store.read_bytes()
    verified = posebus("verify", store)
    assert verified.status == 0, verified.output() + verified.errors()
    exported = posebus("export", "--store", store, "--stream", "test")
    assert exported.status == 0, exported.errors()
    outcomes = [json.loads(line) for line in exported.lines]
    assert [outcome["sequence"] for outcome in outcomes] == list(range(8))
    assert all(len(outcome["persons"]) == 1 and len(outcome["persons"][0]["keypoints_3d"]) == 33 for outcome in outcomes)
    assert store.read_bytes() == before and migrations(store) == MIGRATIONS[: MIGRATIONS.index(dump.stem) + 1]


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
def test_a_sink_takes_an_old_store_over(tmp_path, start, posebus, dump):
    store = loaded(tmp_path / "poses.sqlite", dump)
    before = content(store)
    pipeline = start()
    assert pipeline.store == store
    with Archive(pipeline.at["replay"], timeout=DEADLINE) as archive:
        kept = {session.stream: session for session in archive.sessions()}
        assert [len(list(archive.outcomes(kept[stream].session))) for stream in ("test", "door")] == [8, 4]
    results = pipeline.results()
    push(pipeline, "gate", jpegs(20))
    outcomes, event = results.session("gate")
    check_complete(outcomes, 20, event)
    assert pipeline.drain() == [0, 0, 0]
    assert migrations(store) == MIGRATIONS
    after = content(store)
    assert [rows[: len(old)] for rows, old in zip(after, before)] == before, "what was there has changed"
    assert len(stored(store, "gate")) == 20
    check_promise(store)
    refined = posebus("refine", store, "--session", kept["test"].session)
    assert refined.status == 0, refined.errors()
    verified = posebus("verify", store)
    assert verified.status == 0, verified.output() + verified.errors()


def test_refine_takes_an_old_store_over(tmp_path, posebus):
    store = loaded(tmp_path / "old.sqlite", DUMPS[0])
    before = content(store)
    refined = posebus("refine", store, "--stream", "test")
    assert refined.status == 0, refined.errors()
    assert migrations(store) == MIGRATIONS and content(store) == before
    assert len(query(store, "SELECT * FROM refined")) == 8


def test_a_store_of_a_later_release_is_refused_by_all_and_untouched(tmp_path, posebus):
    store = later(tmp_path / "poses.sqlite")
    before = store.read_bytes()
    session = sessions(store, "test")[0]["uuid"]
    pipeline = Pipeline(tmp_path)
    try:
        sink = harness.run("posebus-sink", *pipeline.arguments("sink"), folder=tmp_path)
    finally:
        pipeline.close()
    tools = [
        sink, posebus("verify", store), posebus("export", "--store", store), posebus("refine", store, "--session", session),
        posebus("view", store, "--http", "127.0.0.1:0"),
        posebus("up", "test:?frames=3", "--engine", "none", "--ephemeral", "--store", store),
    ]
    for tool in tools:
        assert tool.status != 0, tool.command
        assert f"store {store}: a later release of PoseBus wrote it. Update PoseBus on this machine" in tool.errors(), tool.command
    assert store.read_bytes() == before


def test_a_gateway_refuses_the_jobs_of_a_later_release(tmp_path, start, posebus):
    pipeline = start()
    arguments = [
        "--bind-http", "127.0.0.1:0", "--state", tmp_path / "gateway", "--results", pipeline.at["results"], "--replay",
        pipeline.at["replay"], "--ingest", pipeline.at["request"], "--preview", pipeline.at["preview"],
    ]
    gateway = harness.Program("posebus-gateway", *arguments, folder=tmp_path)
    gateway.ready()
    assert gateway.terminate() == 0
    (jobs,) = (tmp_path / "gateway").glob("*.sqlite")
    with sqlite3.connect(jobs) as connection:
        connection.execute("INSERT INTO grdb_migrations VALUES ('v999')")
    connection.close()
    gateway = harness.run("posebus-gateway", *arguments, folder=tmp_path)
    assert gateway.status != 0
    assert f"{jobs} was written by a later release of PoseBus. Update PoseBus on this machine" in gateway.errors()


def test_a_spool_of_a_later_release_is_refused_and_untouched(tmp_path, start):
    spool = tmp_path / "spool"
    pipeline = start(ingest=["--spool", spool])
    pipeline.kill("infer")
    assert pipeline.request(header("door"), tiny_jpeg()).startswith("OK")
    pipeline.kill("ingest")
    (segment,) = (file for file in spool.iterdir() if file.read_bytes().startswith(b"PBSPOOL1"))
    with open(segment, "r+b") as file:
        file.write(b"PBSPOOL2")
    before = segment.read_bytes()
    ingest = harness.run("posebus-ingest", *pipeline.arguments("ingest"), folder=tmp_path)
    assert ingest.status == 73
    assert "another release of PoseBus wrote segment" in ingest.errors() and str(spool) in ingest.errors()
    assert segment.read_bytes() == before
    # Back at the release that wrote it, its frame is still there.
    with open(segment, "r+b") as file:
        file.write(b"PBSPOOL1")
    pipeline.start("infer")
    pipeline.start("ingest")
    until(lambda: stored(pipeline.store, "door"), "the frame of the spool is stored")
    assert pipeline.drain() == [0, 0, 0]
    assert stored(pipeline.store, "door") == [(0, None)]
