"""One frame is followed by its trace id: from the feeder's traceparent through the logs of all stages to its outcome."""

import json
import uuid

import pytest
import zmq
from gateways import Gateway
from images import tiny_jpeg
from pipeline import header, own_socket, run, until
from store import query
from test_security import Secured, make_keys, new_key

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
JSON_LOGS = ["--log-format", "json", "--log-level", "debug"]
# As hostile to a line of a log as a stream's name can be.
NAME = 'cam "1" \\ {"level":"critical"} \u2028 größe'


def lines(program):
    """The log of a program, of which every line has to be one JSON object."""
    entries = [json.loads(line) for line in program.errors().split("\n") if line]
    for entry in entries:
        assert {"time", "level", "stage", "message"} <= set(entry), entry
        assert program.name == f"posebus-{entry['stage']}"
    return entries


def own_trace(outcome):
    """The trace id of a frame whose feeder gave none."""
    return (uuid.UUID(outcome["session"]).int ^ outcome["sequence"]).to_bytes(16, "big").hex()


@pytest.fixture
def traced(start):
    pipeline = start(sink=JSON_LOGS, infer=JSON_LOGS, ingest=JSON_LOGS)
    with Gateway(pipeline, *JSON_LOGS) as gateway:
        gateway.pipeline = pipeline
        until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "the gateway reaches all stages")
        yield gateway


def test_one_frame_is_found_by_its_trace_id_everywhere(traced, tmp_path):
    pipeline = traced.pipeline
    results = pipeline.results()
    with own_socket(pipeline, zmq.REQ, "request") as socket:
        for number, keys in enumerate([{}, {"traceparent": TRACEPARENT}, {"traceparent": "nonsense"}]):
            socket.send_multipart([header(NAME, frame=number, **keys), tiny_jpeg()])
            assert socket.recv_string() == f"OK {number}"
        # A frame that is no picture has a trace as well.
        socket.send_multipart([header(NAME, frame=3, traceparent=TRACEPARENT), b"no picture"])
        assert socket.recv_string().startswith("ERR corrupt_jpeg")
    outcomes = results.of(NAME, 4)
    traces = [own_trace(outcomes[0]), TRACE, own_trace(outcomes[2]), TRACE]
    assert [outcome["trace_id"] for outcome in outcomes] == traces

    # By HTTP, with the request header that instrumented clients send by themselves.
    posted = traced.post(
        "/v1/streams/posted/frames?wait=outcome", 200, data=tiny_jpeg(),
        headers={"Content-Type": "image/jpeg", "traceparent": TRACEPARENT.replace(TRACE, TRACE[::-1])})
    assert posted["trace_id"] == TRACE[::-1]
    unknown = traced.post(
        "/v1/streams/posted/frames?wait=outcome", 200, data=tiny_jpeg(),
        headers={"Content-Type": "image/jpeg", "traceparent": "nonsense"})
    assert unknown["trace_id"] == own_trace(unknown)

    # In the store: by replay, by export, and by whoever reads the protobuf.
    session = outcomes[0]["session"]
    page = traced.json(f"/v1/sessions/{session}/outcomes")
    assert [outcome["trace_id"] for outcome in page["outcomes"]] == traces
    exported = run("posebus", "export", "--store", pipeline.store, "--stream", NAME, "--format", "json", folder=tmp_path)
    assert [json.loads(line)["trace_id"] for line in exported.lines] == traces
    bodies = [row["body"] for row in query(
        pipeline.store, "SELECT body FROM outcomes o JOIN sessions s ON s.id = o.session WHERE s.uuid = ?"
        " ORDER BY sequence", uuid.UUID(session).bytes)]
    assert [bytes.fromhex(TRACE) in body for body in bodies] == [False, True, False, True]
    assert [bytes.fromhex(SPAN) in body for body in bodies] == [False, True, False, True]

    # In the log of every stage, under the same names.
    for program in (*pipeline.stages.values(), traced.program):
        def found(program=program):
            return [entry for entry in lines(program) if entry.get("trace_id") == TRACE and entry["sequence"] == 1]

        entries = until(found, f"a line of {program.name} about the frame")
        for entry in entries:
            assert (entry["stream"], entry["session"], entry["sequence"]) == (NAME, session, 1)
    warnings = [entry for entry in lines(pipeline.stages["ingest"]) if entry["level"] == "warning"]
    assert {(entry["sequence"], entry["trace_id"]) for entry in warnings if entry["stream"] == NAME} == {
        (2, traces[2]), (3, TRACE)}, "the traceparent that is none, and the picture that is none"

    assert traced.program.terminate() == 0 and pipeline.drain() == [0, 0, 0]
    for program in (*pipeline.stages.values(), traced.program):
        assert lines(program), "to the last line"


def test_logs_hold_no_secret_and_failures_are_json_too(tmp_path):
    keys = make_keys(tmp_path / "keys")
    new_key(keys, "gateway", "subscribers")
    level = ["--log-format", "json", "--log-level", "trace"]
    secrets = [line.split('"')[1] for path in keys.glob("*.cert_secret") for line in path.read_text().splitlines()
               if "secret-key" in line]
    assert len(secrets) == 8
    with Secured(tmp_path, keys, sink=level, infer=level, ingest=level) as pipeline:
        with pipeline.socket(zmq.REQ, "request", "cam1") as socket:
            socket.send_multipart([header("cam1"), tiny_jpeg()])
            assert socket.recv_string() == "OK"
            socket.send_multipart([header("cam2"), tiny_jpeg()])
            assert socket.recv_string().startswith("ERR not_allowed")
        assert pipeline.drain() == [0, 0, 0]
        for program in pipeline.stages.values():
            lines(program)
            assert not [secret for secret in secrets if secret in program.errors()]
        refused = [entry for entry in lines(pipeline.stages["ingest"]) if "not_allowed" in entry["message"]]
        assert [entry["stream"] for entry in refused] == ["cam2"]
    # What ends a stage before it runs stands in the same form.
    failed = run("posebus-sink", "--store", tmp_path / "no folder" / "s.sqlite", *level, folder=tmp_path)
    assert failed.status == 73
    assert lines(failed)[-1]["level"] == "critical" and "folder" in lines(failed)[-1]["message"]
