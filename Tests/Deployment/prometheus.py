"""What a query in PromQL asks for, as far as names and labels go; whether it is one at all, promtool says."""

import re
import shutil
import subprocess

import yaml
from pipeline import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
# Prometheus' own, beside those of the stages.
OWN = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
# What Prometheus adds to every series (job, instance) and prometheus-kubernetes.yaml on top.
ADDED = {"job", "instance", "namespace", "pod", "le"}
KEYWORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}
_SELECTOR = re.compile(r'([a-zA-Z_:][\w:]*)\s*(\{(?:[^"}]|"(?:\\.|[^"\\])*")*\})?\s*(\()?')


def promtool(*words, **options):
    """Runs promtool, which Debian's package prometheus has."""
    assert shutil.which("promtool"), "there is no promtool; deploy/setup --test installs it"
    return subprocess.run(["promtool", *map(str, words)], check=False, capture_output=True, text=True, timeout=120, **options)


def metrics_of(query):
    """The metrics that a query names, each with the labels by which it chooses or groups."""
    groups = set()
    for match in re.finditer(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", query):
        groups |= {label.strip() for label in match.group(1).split(",") if label.strip()}
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", query)
    bare = re.sub(r"\[[^]]*\]", " ", bare)
    bare = re.sub(r"\boffset\s+\w+", " ", bare)
    found = {}
    for name, selector, call in _SELECTOR.findall(re.sub(r"(?<![\w:])\d[\w.]*", " ", bare)):
        if call or name in KEYWORDS:
            continue
        found.setdefault(name, set()).update(re.findall(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"', selector))
    return found, groups


def alerts():
    """The alerts of alerts.yaml."""
    return [rule for rule in rules() if "alert" in rule]


def rules():
    """Its alerts and its recording rules."""
    return [rule for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]


def with_variables(query):
    """A query of the dashboard as Grafana sends it when everything is chosen."""
    return query.replace("$__rate_interval", "1m").replace("$namespace", ".*").replace("$stream", ".*")


def panels(dashboard):
    """The panels of a dashboard that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def discovered(objects, addresses):
    """What Kubernetes' discovery would find of the pods of rendered objects: every port of each, with labels about it."""
    return [{"targets": [f"{addresses[pod.name]}:{port}"], "labels": {
        "__meta_kubernetes_namespace": "posebus", "__meta_kubernetes_pod_name": pod.name,
        "__meta_kubernetes_pod_phase": "Running", "__meta_kubernetes_pod_container_port_name": name,
        **{"__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", key): value for key, value in pod.labels.items()}}}
        for pod in objects.pods for name, port in pod.ports.items()]
