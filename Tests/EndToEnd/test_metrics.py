"""What the stages say of themselves: figures that agree with what was fed and stored, and health that says where it hangs."""

import re
import socket
from types import SimpleNamespace

import pytest
import requests
import zmq
from gateways import Gateway
from images import jpegs
from pipeline import DEADLINE, ROOT, Pipeline, Program, header, own_socket, run, until
from prometheus_client.parser import text_string_to_metric_families
from store import query

GOOD, BAD, ENDED = 40, 3, 25


class Metrics:
    """One look at a stage's /metrics."""

    def __init__(self, url):
        answer = requests.get(url + "/metrics", timeout=DEADLINE)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = list(text_string_to_metric_families(answer.text))
        # The parser takes the ending of counters for no part of the name.
        self.types = {family.name + "_total" * (family.type == "counter"): family.type for family in families}
        assert len(self.types) == len(families), "a metric is there twice"
        assert all(family.documentation for family in families)
        self.samples = [sample for family in families for sample in family.samples]

    def __call__(self, name, **labels):
        """The sum of the samples that have these labels; None where there is none."""
        values = [sample.value for sample in self.samples
                  if sample.name == name and labels.items() <= sample.labels.items()]
        return sum(values) if values else None

    def labels(self, name):
        """The values of a metric's labels."""
        return [sample.labels for sample in self.samples if sample.name == name]


def health(url, path="/healthz"):
    """Status code and report."""
    answer = requests.get(url + path, timeout=DEADLINE)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


def check_health(stage, url, folder, option="--status"):
    """What --check-health says: exit status and text."""
    program = run(f"posebus-{stage}", "--check-health", option, url, *NEEDED.get(stage, ()), folder=folder)
    return program.status, program.output().strip()


# What a stage does not start without.
NEEDED = {"gateway": ("--state", "gateway")}


def bytes_of(store):
    """The size of a store, write-ahead log included."""
    return sum(file.stat().st_size for file in (store, store.with_name(store.name + "-wal")) if file.exists())


@pytest.fixture(scope="module")
def fed(tmp_path_factory):
    """A pipeline with a gateway that was fed good frames, bad ones and what is no frame, and has stored all of it."""
    folder = tmp_path_factory.mktemp("metrics")
    frames = jpegs(GOOD)
    with Pipeline(folder, ingest=["--spool", folder / "spool"]) as pipeline, Gateway(pipeline) as gateway:
        until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "the gateway reaches all stages")
        with own_socket(pipeline, zmq.REQ, "request") as feeder:
            def send(*parts):
                feeder.send_multipart(parts)
                return feeder.recv_string()

            for number, frame in enumerate(frames):
                assert send(header("yard", frame=number), frame) == f"OK {number}"
            for number in range(BAD):
                assert send(header("yard", frame=GOOD + number), b"no picture").startswith("ERR corrupt_jpeg")
            for number, frame in enumerate(frames[:ENDED]):
                assert send(header("ride", frame=number), frame) == f"OK {number}"
            assert send(header("ride", end=True)).startswith("OK")
            assert send(b"{no json", frames[0]).startswith("ERR")
        total = GOOD + BAD + ENDED
        until(lambda: query(pipeline.store, "SELECT count(*) AS n FROM outcomes")[0]["n"] == total, "all outcomes are stored")
        assert gateway.json("/v1/sessions")["sessions"]
        urls = {**pipeline.status, "gateway": gateway.url}

        def settled():
            """Most figures are told five times a second."""
            ingest, infer, sink = (Metrics(urls[stage]) for stage in ("ingest", "infer", "sink"))
            return (ingest("posebus_ingest_acknowledged_total") == infer("posebus_infer_frames_received_total")
                    == sink("posebus_sink_commit_outcomes_sum") == total + 1
                    and infer("posebus_infer_in_hand_frames") == 0
                    and sink("posebus_sink_store_bytes") == bytes_of(pipeline.store))

        until(settled, "the figures are told")
        yield SimpleNamespace(pipeline=pipeline, gateway=gateway, urls=urls, folder=folder, frames=frames)


def test_ingest_counts_what_was_fed(fed):
    metrics = Metrics(fed.urls["ingest"])
    total = GOOD + BAD + ENDED
    assert metrics("posebus_ingest_messages_received_total") == total + 2  # an end, and what has no header
    accepted = "posebus_ingest_frames_accepted_total"
    assert metrics(accepted, stream="yard") == GOOD + BAD and metrics(accepted, stream="ride") == ENDED
    sizes = "posebus_ingest_frame_bytes_total"
    assert metrics(sizes, stream="yard") == sum(map(len, fed.frames))
    assert metrics(sizes, stream="ride") == sum(map(len, fed.frames[:ENDED]))
    assert metrics("posebus_ingest_drops_total") == BAD
    assert metrics("posebus_ingest_drops_total", stream="yard", reason="corrupt_jpeg") == BAD
    assert metrics("posebus_ingest_refusals_total") == 1
    assert metrics("posebus_ingest_sent_total") == total + 1
    assert metrics("posebus_ingest_resent_total") == 0
    assert metrics("posebus_ingest_acknowledged_total") == total + 1
    for name in ("window_frames", "window_bytes", "oldest_unacknowledged_seconds"):
        assert metrics(f"posebus_ingest_{name}", stream="yard") == 0
    assert metrics("posebus_ingest_window_limit_frames", stream="yard") == 256
    assert metrics("posebus_ingest_held_frames") == 0
    assert metrics("posebus_ingest_streams") >= 1
    infer = fed.pipeline.at["frames"]
    assert metrics("posebus_ingest_infer_connected", infer=infer) == 1
    assert metrics("posebus_ingest_infer_in_flight_frames", infer=infer) == 0
    assert metrics("posebus_ingest_check_seconds_count") == total
    assert 0 < metrics("posebus_ingest_spool_bytes") <= metrics("posebus_ingest_spool_limit_bytes") == 4 << 30
    assert metrics("posebus_ingest_spool_sync_seconds_count") > 0


def test_infer_counts_what_it_did(fed):
    metrics = Metrics(fed.urls["infer"])
    assert metrics("posebus_infer_frames_received_total") == GOOD + BAD + ENDED + 1
    assert metrics("posebus_infer_outcomes_total", outcome="pose") == GOOD + ENDED
    assert metrics("posebus_infer_outcomes_total", outcome="drop") == BAD
    assert metrics("posebus_infer_drops_total") is None, "the drops are ingest's"
    assert metrics("posebus_infer_persons_total") == 0
    assert metrics("posebus_infer_batch_frames_sum") == GOOD + ENDED
    assert metrics("posebus_infer_engine_seconds_count") == metrics("posebus_infer_batch_frames_count") > 0
    assert metrics("posebus_infer_queue_seconds_count") == GOOD + ENDED
    for name in ("queue_frames", "in_hand_frames", "oldest_frame_seconds", "outbox_messages"):
        assert metrics(f"posebus_infer_{name}") == 0
    assert metrics("posebus_infer_sink_connected") == 1
    assert metrics("posebus_infer_sessions") == 2
    assert metrics("posebus_infer_engine_info", engine="none", device="cpu", precision="fp32") == 1


def test_the_sink_counts_what_is_stored(fed):
    metrics = Metrics(fed.urls["sink"])
    outcomes = "posebus_sink_outcomes_total"
    assert metrics(outcomes, stream="yard", outcome="pose") == GOOD
    assert metrics(outcomes, stream="yard", outcome="drop") == BAD
    assert metrics(outcomes, stream="ride", outcome="pose") == ENDED
    assert metrics("posebus_sink_drops_total") == metrics(
        "posebus_sink_drops_total", stage="ingest", reason="corrupt_jpeg") == BAD
    for name in ("duplicates_total", "waiting_outcomes", "commit_failures_total", "published_total"):
        assert metrics(f"posebus_sink_{name}") is not None
    assert metrics("posebus_sink_waiting_outcomes") == metrics("posebus_sink_commit_failures_total") == 0
    assert metrics("posebus_sink_open_sessions") == 1
    assert metrics("posebus_sink_commit_outcomes_count") == metrics("posebus_sink_commit_seconds_count") > 0
    total = GOOD + BAD + ENDED
    for name in ("latency", "capture_latency"):
        assert metrics(f"posebus_sink_{name}_seconds_count") == total
        assert 0 < metrics(f"posebus_sink_{name}_seconds_sum") < total * DEADLINE
    assert metrics("posebus_sink_store_bytes") == bytes_of(fed.pipeline.store)
    assert metrics("posebus_sink_disk_free_bytes") > 0
    assert metrics("posebus_sink_subscribers") == 3
    assert metrics("posebus_sink_replay_requests_total") >= 1


def test_the_gateway_counts_readers_and_requests(fed):
    def readers(kind):
        return Metrics(fed.urls["gateway"])("posebus_gateway_readers", kind=kind)

    assert readers("websocket") == readers("events") == 0
    with fed.gateway.live() as live, fed.gateway.get("/v1/events", stream=True):
        live.wait(lambda live: live.texts, "hello")
        assert readers("websocket") == readers("events") == 1
    until(lambda: readers("websocket") == 0, "a reader that went is not counted")
    before = Metrics(fed.urls["gateway"])
    for _ in range(3):
        fed.gateway.json("/v1/nothing", 404)
    after = Metrics(fed.urls["gateway"])
    requests_total = "posebus_gateway_requests_total"
    assert after(requests_total, status="404") == (before(requests_total, status="404") or 0) + 3
    # The second look counts the first.
    assert after(requests_total) == after("posebus_gateway_request_seconds_count") == before(requests_total) + 4
    assert after("posebus_gateway_readers_cut_off_total") == 0
    assert after("posebus_gateway_jobs", state="queued") == 0


@pytest.mark.parametrize("stage", ["ingest", "infer", "sink", "gateway"])
def test_every_stage_is_described_and_well(fed, stage):
    url = fed.urls[stage]
    metrics = Metrics(url)
    documented = table(stage)
    assert metrics.types == {name: kind for name, (kind, _) in documented.items()}
    for name, (kind, labels) in documented.items():
        for sample in metrics.samples:
            if sample.name.startswith(name) and sample.name.removeprefix(name) in (
                    "", "_bucket" * (kind == "histogram"), "_sum" * (kind == "histogram"),
                    "_count" * (kind == "histogram")):
                assert set(sample.labels) - {"le"} == labels, name
    assert metrics("posebus_build_info", stage=stage) == 1
    assert metrics("posebus_live") == metrics("posebus_ready") == metrics("posebus_progress") == 1
    assert metrics("process_resident_memory_bytes") > 1e6 and metrics("process_cpu_seconds_total") > 0
    assert metrics("process_open_fds") > 3 and metrics("process_start_time_seconds") > 1.7e9
    for path in ("/livez", "/readyz", "/healthz"):
        status, report = health(url, path)
        report = {key: report[key] for key in ("stage", "live", "ready", "progress", "reasons")}
        assert (status, report) == (
            200, {"stage": stage, "live": True, "ready": True, "progress": True, "reasons": []})
    option = "--bind-http" if stage == "gateway" else "--status"
    assert check_health(stage, url, fed.folder, option) == (0, f"{stage} is well")


def table(stage):
    """Type and labels of each metric of a stage, as docs/monitoring.md has them."""
    sections = re.split(r"^### ", (ROOT / "docs" / "monitoring.md").read_text(), flags=re.MULTILINE)
    rows = {}
    for section in sections:
        if section.split("\n", 1)[0].lower() in ("every stage", stage):
            for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", section, re.MULTILINE):
                rows[name] = (kind, set(re.findall(r"`(\w+)`", labels)))
    return rows


def test_a_stuck_engine_is_no_progress_and_then_not_live(start, tmp_path):
    """The engine's thread never comes back; what asks for its state is answered all the same."""
    pipeline = start(infer=["--inject-fault", "hang@3", "--stuck", "log", "--engine-patience-seconds", "1",
                            "--progress-seconds", "0.5"], ingest=["--progress-seconds", "0.5"])
    infer, ingest = pipeline.status["infer"], pipeline.status["ingest"]
    with own_socket(pipeline, zmq.REQ, "request") as feeder:
        for number, frame in enumerate(jpegs(6)):
            feeder.send_multipart([header("yard", frame=number), frame])
            assert feeder.recv_string() == f"OK {number}"
    _, report = until(lambda: (found := health(infer))[0] == 503 and found, "infer makes no progress")
    assert not report["progress"] and report["ready"]
    assert any(re.fullmatch(r"\d+ frames are in hand, and none was finished for [\d.]+ s", reason)
               for reason in report["reasons"])
    assert health(infer, "/livez")[1]["ready"]
    assert check_health("infer", infer, tmp_path)[0] == 1
    metrics = Metrics(infer)
    assert metrics("posebus_progress") == 0
    assert metrics("posebus_infer_oldest_frame_seconds") > 0 and metrics("posebus_infer_in_hand_frames") > 0
    # What waits for it says so too, and is live.
    until(lambda: health(ingest)[0] == 503, "ingest makes no progress")
    status, report = health(ingest, "/livez")
    assert status == 200 and not report["progress"] and "frames are not acknowledged" in report["reasons"][0]
    assert Metrics(ingest)("posebus_ingest_oldest_unacknowledged_seconds", stream="yard") > 0.5
    # Once that is longer than any batch may take, a restart is what helps.
    status, report = until(lambda: (found := health(infer, "/livez"))[0] == 503 and found, "the engine counts as stuck")
    assert any(reason.startswith("thread engine has not moved") for reason in report["reasons"])
    metrics = Metrics(infer)
    assert metrics("posebus_live") == 0 and metrics("posebus_thread_silence_seconds", thread="engine") >= 10
    assert metrics("posebus_log_messages_total", level="critical") + metrics(
        "posebus_log_messages_total", level="error") + metrics("posebus_log_messages_total", level="warning") > 0
    pipeline.kill("infer")
    pipeline.options["infer"] = []
    pipeline.start("infer")
    assert pipeline.status["infer"] == infer, "a restarted stage serves its status where it did"
    until(lambda: health(ingest)[0] == 200 and health(infer)[0] == 200, "all goes on")


def test_a_peer_out_of_reach_is_named(start, tmp_path):
    pipeline = start(ingest=["--progress-seconds", "0.5"])
    pipeline.kill("infer")
    pipeline.request(header("yard"), jpegs(1)[0])
    _, report = until(
        lambda: (found := health(pipeline.status["ingest"]))[0] == 503 and found, "ingest makes no progress")
    assert report["live"] and report["ready"]
    until(lambda: f"infer at {pipeline.at['frames']} is out of reach" in health(pipeline.status["ingest"])[1]["reasons"],
          "ingest says what it waits for")
    code, text = check_health("ingest", pipeline.status["ingest"], tmp_path)
    assert code == 1 and "is out of reach" in text and "1 frames are not acknowledged" in text
    assert check_health("infer", pipeline.status["infer"], tmp_path)[0] == 1
    assert check_health("ingest", "none", tmp_path) == (
        1, "posebus-ingest runs with --status none: nobody can ask it how it is.")
    assert check_health("sink", pipeline.status["ingest"], tmp_path)[1].endswith("is not the status of posebus-sink.")


def test_where_the_status_is_served(start, tmp_path):
    pipeline = start(sink=["--status", "none"])
    assert pipeline.status["sink"] is None
    taken = pipeline.status["infer"]
    second = Program("posebus-sink", *Pipeline(tmp_path / "x").arguments("sink"), "--status", taken, folder=tmp_path)
    assert second.end() == 69
    assert "cannot serve the status at 127.0.0.1:" in second.errors() and "--status" in second.errors()
    # It says nothing to who only connects, and serves others meanwhile.
    host, port = taken.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE):
        assert health(taken)[0] == 200
    assert requests.post(taken + "/metrics", timeout=DEADLINE).status_code == 405
