"""One site of deploy/kubernetes with every pod as a process: the real programs with what their pods would have, watched by a real
Prometheus with the rules and the dashboard's queries of deploy/monitoring."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import models_folder
from kubernetes_objects import kustomize, new_site
from network import CannotRun
from pipeline import DEADLINE, Late, until
from pods import Pods, may_run
from prometheus import (
    MONITORING,
    alerts,
    discovered,
    metrics_of,
    panels,
    with_variables,
)

STREAMS = ("door", "yard1", "yard2", "yard3", "yard4", "yard5")
FRAMES = 12


@pytest.fixture(autouse=True)
def programs_of_this_test():
    """In place of the one that ends what a test has started: the pods run for all tests of this file."""


@pytest.fixture(scope="module")
def pods(tmp_path_factory):
    """A site as a person makes it, its one infer scaled to two, with its pods started, and frames fed by two cameras."""
    if may_run():
        pytest.skip(may_run())
    folder = tmp_path_factory.mktemp("pods")
    # Those who are not root go through it.
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    site = folder / "site"
    done = new_site(site, "--camera", "door", "--camera", "yards=yard*")
    assert done.returncode == 0, done.stderr
    with open(site / "kustomization.yaml", "a") as file:
        file.write("replicas:\n  - {name: posebus-infer, count: 2}\n")
    try:
        with Pods(kustomize(site), folder / "run", ("camera", "prometheus"), {"posebus-models": models_folder()}) as pods:
            pods.site = site
            # In any order: the one that needs the others first.
            for pod in sorted(pods.objects.stages, key=lambda pod: pod.stage):
                pods.start(pod)
            for program in list(pods.running.values()):
                program.ready()
            until(lambda: metric(pods, "ingest", "posebus_ingest_infer_connected{") == 2, "ingest's ways to both infers")
            feed(pods)
            yield pods
    except CannotRun as reason:
        pytest.skip(str(reason))


def pod_of(pods, stage):
    return next(pod for pod in pods.objects.pods if pod.stage == stage)


def metric(pods, name, series):
    """The sum of the series that begin so, in the pod of that stage or name."""
    pod = next(pod for pod in pods.objects.stages if name in (pod.stage, pod.name))
    status, text = pods.get("prometheus", f"http://{pods.address(pod)}:{pod.ports['status']}/metrics")
    assert status == 200, text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(series))


def feed(pods):
    """Feeds all streams from a machine outside, which has its two secrets and ingest's certificate."""
    keys = pods.folder / "camera-keys"
    (keys / "ingest").mkdir(parents=True)
    shutil.copy2(pods.site / "keys/ingest/ingest.cert", keys / "ingest")
    feeders = [camera(pods, stream, f"test:?frames={FRAMES}&width=320&height=240&realtime=no") for stream in STREAMS]
    for feeder in feeders:
        assert feeder.end() == 0, feeder.errors()


def camera(pods, stream, source, key=None):
    key = key or ("door" if stream == "door" else "yards")
    return pods.network["camera"].start(
        "posebus", "feed", source, "--stream", stream, "--to", "tcp://posebus-ingest:5551",
        "--keys", pods.folder / "camera-keys", "--key", pods.site / f"keys/{key}.cert_secret")


def test_probes_are_answered(pods):
    """From outside the pod, without any key, as the kubelet asks."""
    for pod in pods.objects.stages:
        for name in ("startup", "liveness", "readiness"):
            probe = pod.container[f"{name}Probe"]["httpGet"]
            url = f"http://{pods.address(pod)}:{pod.ports[probe['port']]}{probe['path']}"

            def answer(url=url):
                return pods.get("prometheus", url)[0] == 200

            until(answer, f"200 from {url} of {pod.name}")


def test_every_frame_is_in_the_store(pods):
    """As the CronJob says, and by both infers."""
    def stored():
        verified = pods.run(pod_of(pods, "verify"))
        assert verified.status == 0, verified.output() + verified.errors()
        return verified.output().count("complete") >= len(STREAMS) and verified.output()

    said = until(stored, "all sessions to be complete")
    assert f"{len(STREAMS) * FRAMES}" in said, said
    for number in range(2):
        assert metric(pods, f"posebus-infer-{number}", 'posebus_infer_outcomes_total{outcome="pose"}') >= FRAMES


def test_the_gateway_wants_its_key(pods):
    url = f"http://{pods.address(pod_of(pods, 'gateway'))}:5000/v1/sessions"
    assert pods.get("camera", url)[0] == 401
    key = (pods.site / "api-keys").read_text().strip()
    status, text = pods.get("camera", url, Authorization=f"Bearer {key}")
    assert status == 200 and all(stream in text for stream in STREAMS)


# Asks several things at once, since each way into a namespace takes its time.
ASK = """
import json, sys, urllib.parse, urllib.request
for path, query in json.loads(sys.argv[1]):
    url = f"http://127.0.0.1:9090/api/v1/{path}?{urllib.parse.urlencode(query)}"
    print(urllib.request.urlopen(url, timeout=30).read().decode())
"""


@pytest.fixture(scope="module")
def prometheus(pods):
    """A Prometheus in the namespace `monitoring`, which finds the pods by their labels; what is returned asks it."""
    program = shutil.which("prometheus")
    assert program, "there is no prometheus; deploy/setup --test installs it"
    folder = pods.folder / "prometheus"
    folder.mkdir()
    config = yaml.safe_load((MONITORING / "prometheus-kubernetes.yaml").read_text())
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    del config["alerting"]
    for job in config["scrape_configs"]:
        del job["kubernetes_sd_configs"]
        job["static_configs"] = discovered(pods.objects, {pod.name: pods.address(pod) for pod in pods.objects.pods})
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    shutil.copy2(MONITORING / "alerts.yaml", folder)
    shutil.copy2(pods.site / "api-keys", folder / "posebus-api-key")
    # Something to watch.
    live = camera(pods, "yard9", "test:?frames=0&width=320&height=240&fps=5&realtime=yes")
    machine = pods.network["prometheus"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [*machine.prefix, program, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
             "--web.listen-address=127.0.0.1:9090"], stdout=log, stderr=log)

    def ask(*questions):
        assert process.poll() is None, (folder / "log").read_text()
        done = machine.call(sys.executable, "-c", ASK, json.dumps(questions))
        return [json.loads(line)["data"] for line in done.stdout.splitlines()] if done.returncode == 0 else None

    yield ask
    live.kill()
    process.terminate()
    process.wait(DEADLINE)


def test_prometheus_reads_every_stage(pods, prometheus):
    def up():
        found = prometheus(("query", {"query": "up"}))
        return found and {one["metric"]["pod"] for one in found[0]["result"] if one["value"][1] == "1"}

    names = {pod.name for pod in pods.objects.stages}
    until(lambda: up() == names, "a scrape of every stage")


# What only shows when something goes wrong, or is done that nobody does here.
RARE = {
    "ALERTS", "posebus_ingest_drops_total", "posebus_infer_drops_total", "posebus_sink_drops_total",
    "posebus_ingest_stream_moves_total", "posebus_ingest_refusals_total", "posebus_gateway_jobs", "posebus:drops:rate5m"}


def test_every_panel_of_the_dashboard_has_something_to_show(pods, prometheus):
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    waiting = {with_variables(target["expr"]): panel["title"] for panel in panels(dashboard) for target in panel["targets"]}
    waiting = {query: title for query, title in waiting.items() if not RARE & set(metrics_of(query)[0])}

    def shown():
        queries = list(waiting)
        for query, found in zip(queries, prometheus(*(("query", {"query": query}) for query in queries)), strict=True):
            if found["result"]:
                del waiting[query]
        return not waiting

    try:
        until(shown, "something to show in every panel")
    except Late:
        raise AssertionError(f"nothing is found by {waiting}") from None


def test_an_alert_fires_when_it_should(pods, prometheus):
    """And none that is critical: how fast frames go through a busy machine is no matter of this test."""

    def firing():
        rules = [rule for group in prometheus(("rules", {}))[0]["groups"] for rule in group["rules"]]
        assert {rule["name"] for rule in rules if rule["type"] == "alerting"} == {alert["alert"] for alert in alerts()}
        assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
        now = {rule["name"] for rule in rules for alert in rule.get("alerts", []) if alert["state"] == "firing"}
        assert not now & {alert["alert"] for alert in alerts() if alert["labels"]["severity"] == "critical"}
        return now

    assert "PoseBusKeyRefused" not in firing()
    # A counter that begins with its first event has not increased.
    for alert in alerts():
        for selector in re.findall(r"increase\(([^[]+)\[10m\]\)", alert["expr"]):
            assert prometheus(("query", {"query": selector}))[0]["result"], (alert["alert"], selector)
    feeder = camera(pods, "yard1", "test:?frames=1", key="door")
    try:
        until(lambda: "PoseBusKeyRefused" in firing(), "the alert that somebody feeds what is not theirs")
    finally:
        feeder.kill()
