"""The gateway in front of real stages: what is live, what is stored, what is posted, and whether a stage is there."""

import json
import os
import signal
import time
from types import SimpleNamespace

import pytest
import zmq
from gateways import Gateway
from images import tiny_jpeg
from pipeline import DEADLINE, Feeder, header, own_socket, until
from test_security import Secured, make_keys, new_key


@pytest.fixture
def gateway(start):
    """A gateway in front of a pipeline that passes frames through and keeps them."""
    pipeline = start(sink=["--keep-frames", "50M"], infer=["--forward-frames"])
    with Gateway(pipeline) as gateway:
        gateway.pipeline = pipeline
        until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "the gateway reaches all stages")
        yield gateway


def feed(pipeline, stream, count, first=0, pictures=lambda number: tiny_jpeg(), end=False):
    """Feeds numbered frames; every picture differs."""
    with own_socket(pipeline, zmq.REQ, "request") as socket:
        for number in range(first, first + count):
            socket.send_multipart([header(stream, frame=number, delivery="lossless"), pictures(number)])
            assert socket.recv_string().startswith("OK")
        if end:
            socket.send_multipart([header(stream, end=True)])
            assert socket.recv_string().startswith("OK")


def marked(number):
    """A JPEG that says in a comment which frame it is."""
    jpeg, mark = tiny_jpeg(), str(number).encode()
    return jpeg[:2] + b"\xff\xfe" + (len(mark) + 2).to_bytes(2, "big") + mark + jpeg[2:]


def settle(gateway, live, stream):
    """Feeds single frames until one comes through: from then on nothing is missed."""
    feed(gateway.pipeline, stream, 1, pictures=marked)
    number = 1
    while not any(outcome["stream"] == stream for outcome, _, _ in live.outcomes):
        feed(gateway.pipeline, stream, 1, first=number, pictures=marked)
        number += 1
        time.sleep(0.05)
    return number


def test_a_viewer_gets_each_outcome_with_the_picture_it_was_made_from(gateway):
    with gateway.live("?stream=cam&frames=1") as live:
        first = settle(gateway, live, "cam")
        feed(gateway.pipeline, "cam", 200, first=first, pictures=marked)
        live.wait(lambda live: live.outcomes and live.outcomes[-1][0]["camera_frame"] == first + 199, "all outcomes")
        numbers = [outcome["sequence"] for outcome, _, _ in live.outcomes]
        assert numbers == sorted(set(numbers))
        # Whoever is too slow for a burst is told how many passed it by.
        skipped = sum(text["count"] for text in live.texts if text["type"] == "skipped")
        assert skipped == numbers[-1] - numbers[0] + 1 - len(numbers)
        with_picture = [(outcome, jpeg) for outcome, jpeg, _ in live.outcomes if jpeg]
        for outcome, jpeg in with_picture:
            assert jpeg == marked(outcome["camera_frame"])
        # A preview may be missed where a machine is busy; a wrong one never comes.
        assert len(with_picture) > 100
        assert live.texts[0]["type"] == "hello"
        live.wait(lambda live: any(text["type"] == "status" for text in live.texts), "the status")
        status = next(text for text in live.texts if text["type"] == "status")
        assert set(status["stages"]) == {"ingest", "infer", "sink"}


def test_viewers_get_what_they_asked_for_and_can_ask_for_more(gateway):
    with gateway.live("?stream=a") as one, gateway.live() as all_streams:
        settle(gateway, all_streams, "a")
        settle(gateway, all_streams, "b")
        one.of("a", 1)
        assert all(outcome["stream"] == "a" and not jpeg for outcome, jpeg, _ in one.outcomes)
        one.socket.send(json.dumps({"subscribe": ["b"], "frames": True}))
        number = [100]

        def arrived():
            feed(gateway.pipeline, "b", 1, first=number[0], pictures=marked)
            number[0] += 1
            return [jpeg for outcome, jpeg, _ in one.outcomes if outcome["stream"] == "b" and jpeg]

        until(arrived, "a picture of the other stream")


def test_a_session_is_announced_and_can_be_read_again(gateway):
    with gateway.live() as live:
        settle(gateway, live, "probe")
        feed(gateway.pipeline, "ride", 30, pictures=marked, end=True)
        live.wait(
            lambda live: [t for t in live.texts if t["type"] == "session" and t["event"] == "end"
                          and t["stream"] == "ride"], "the end of the session")
        end = next(t for t in live.texts if t["type"] == "session" and t["event"] == "end" and t["stream"] == "ride")
        assert (end["frames"], end["complete"]) == (30, True)
    sessions = gateway.json("/v1/sessions?stream=ride")["sessions"]
    assert [session["stream"] for session in sessions] == ["ride"]
    session = sessions[0]
    assert session["frames"] == 30 and session["kept_frames"] == 30
    base = f"/v1/sessions/{session['session']}"
    assert gateway.json(base) == session
    page = gateway.json(f"{base}/outcomes?from=10&limit=5")
    assert [outcome["sequence"] for outcome in page["outcomes"]] == [10, 11, 12, 13, 14]
    assert page["next"] == 15 and page["ended"] is True
    lines = gateway.get(f"{base}/outcomes", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == list(range(30))
    protobuf = gateway.get(f"{base}/outcomes", headers={"Accept": "application/x-protobuf"}).content
    count = 0
    while protobuf:
        length = shift = 0
        while True:
            byte, protobuf = protobuf[0], protobuf[1:]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        protobuf, count = protobuf[length:], count + 1
    assert count == 30
    timeline = gateway.json(f"{base}/timeline")
    assert timeline["next"] == 30 and len(timeline["capture_time_ns"]) == 30 and timeline["kept"] == [[0, 29]]
    picture = gateway.get(f"{base}/frames/7")
    assert picture.headers["Content-Type"] == "image/jpeg" and picture.content == marked(7)
    assert gateway.get(f"{base}/frames/7", 304, headers={"If-None-Match": picture.headers["ETag"]})
    assert "kept" in gateway.json(f"{base}/frames/99", 404)["error"]
    export = gateway.get(f"{base}/export?format=json")
    assert len(export.text.splitlines()) == 30
    assert "attachment" in export.headers["Content-Disposition"]
    until(lambda: not list((gateway.folder / "gateway" / "exports").iterdir()), "the export's folder goes")
    for path in ("/v1/sessions/none", "/v1/sessions/00000000-0000-0000-0000-000000000000"):
        assert gateway.json(path, 404)["error"]
    assert gateway.json(f"{base}/outcomes?limit=0", 400)["error"]
    assert gateway.json(f"{base}/export?format=docx", 400)["error"]


def test_a_posted_picture_is_fed_and_its_outcome_can_be_waited_for(gateway):
    jpeg = {"Content-Type": "image/jpeg"}
    answer = gateway.post("/v1/streams/phone/frames", 202, data=tiny_jpeg(), headers=jpeg)
    assert answer == {"stream": "phone", "frame": 0}

    def outcome():
        answer = gateway.http.post(
            gateway.url + "/v1/streams/phone/frames?wait=outcome&still=1", data=tiny_jpeg(),
            headers={**jpeg, "X-Capture-Time-Ns": "1234567890"}, timeout=DEADLINE)
        return answer.json() if answer.status_code == 200 else None

    found = until(outcome, "an outcome")
    assert found["stream"] == "phone" and found["capture_time_ns"] == 1234567890
    assert gateway.post("/v1/streams/phone/frames?end=1", 202, data=tiny_jpeg(), headers=jpeg)["stream"] == "phone"
    until(lambda: gateway.json("/v1/sessions?stream=phone")["sessions"][-1]["ended_ns"], "the session ends")
    refused = gateway.post("/v1/streams/phone/frames", 422, data=b"no picture", headers=jpeg)
    assert "Ingest did not take" in refused["error"]
    assert gateway.post("/v1/streams/a%2Fb/frames", 400, data=tiny_jpeg(), headers=jpeg)["error"]


def test_events_go_on_where_a_reader_was_cut_off(gateway):
    with gateway.live() as live:
        settle(gateway, live, "probe")
        feed(gateway.pipeline, "events", 20)
        live.of("events", 20)
    session = gateway.json("/v1/sessions?stream=events")["sessions"][0]["session"]
    events = gateway.get("/v1/events?stream=events", headers={"Last-Event-ID": f"{session}/4"}, stream=True)
    seen = []

    def more():
        feed(gateway.pipeline, "events", 10, first=20)

    feeder = Feeder(more)
    for line in events.iter_lines():
        if line.startswith(b"id: "):
            seen.append(int(line.rsplit(b"/", 1)[1]))
            if seen[-1] == 29:
                break
    feeder.finish()
    events.close()
    assert seen == list(range(5, 30))


@pytest.mark.parametrize("stage", ["ingest", "infer", "sink"])
def test_a_frozen_stage_is_down_until_it_goes_on(gateway, stage):
    program = gateway.pipeline.stages[stage]

    def state():
        return gateway.json("/v1/status")["stages"][stage]

    assert state()["state"] == "up"
    os.kill(program.process.pid, signal.SIGSTOP)
    try:
        down = until(lambda: state()["state"] == "down" and state(), f"{stage} is seen to be down")
        assert f"posebus-{stage}" in down["detail"]
        assert gateway.http.get(gateway.url + "/readyz").status_code == 503
    finally:
        os.kill(program.process.pid, signal.SIGCONT)
    until(lambda: state()["state"] == "up", f"{stage} is seen to be back")


def test_a_stage_that_was_killed_is_down_and_seen_when_it_is_back(gateway):
    gateway.pipeline.kill("infer")
    until(lambda: gateway.json("/v1/status")["stages"]["infer"]["state"] == "down", "infer is seen to be down")
    gateway.pipeline.start("infer")
    until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "infer is seen to be back")


def test_a_gateway_without_stages_says_what_is_missing(tmp_path):
    places = {name: "tcp://127.0.0.1:1" for name in ("results", "replay", "preview", "request", "frames")}
    with Gateway(SimpleNamespace(folder=tmp_path, at=places)) as gateway:
        assert gateway.json("/healthz")["status"] == "ok"
        problems = gateway.json("/readyz", 503)["problems"]
        assert len(problems) == 3
        status = gateway.json("/v1/status")
        assert all("posebus-" in stage["detail"] for stage in status["stages"].values())
        assert "sink" in gateway.json("/v1/sessions", 503)["error"]
        assert gateway.program.terminate() == 0


def test_it_stops_while_viewers_are_there(gateway):
    with gateway.live("?frames=1") as live, gateway.get("/v1/events", stream=True):
        live.wait(lambda live: live.texts, "hello")
        assert gateway.program.terminate() == 0
        live.wait(lambda live: live.error, "the farewell")
        assert live.socket.close_code == 1001


def test_it_works_with_keys(tmp_path):
    keys = make_keys(tmp_path / "keys")
    new_key(keys, "gateway", "subscribers")
    (keys / "feeders" / "gateway.cert").write_text(
        (keys / "subscribers" / "gateway.cert").read_text().replace("metadata", 'metadata\n    streams = "*"', 1))
    with Secured(tmp_path, keys) as pipeline, Gateway(pipeline, "--keys", keys) as gateway:
        # Infer refuses it, which shows that infer is there.
        until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "the gateway reaches all stages")
        assert "ingest/" in gateway.json("/v1/status")["stages"]["infer"]["detail"]
        with gateway.live("?frames=1") as live:
            def posted():
                gateway.post("/v1/streams/phone/frames", 202, data=tiny_jpeg(), headers={"Content-Type": "image/jpeg"})
                return [jpeg for _, jpeg, _ in live.outcomes if jpeg == tiny_jpeg()]

            until(posted, "a posted picture comes back with its outcome")
        assert gateway.json("/v1/sessions?stream=phone")["sessions"]
        pipeline.kill("infer")
        until(lambda: gateway.json("/v1/status")["stages"]["infer"]["state"] == "down", "infer is seen to be down")
