"""deploy/monitoring: every query is one, asks for what the stages measure, and every alert is tested and has its section in
docs/runbook.md."""

import enum
import json
import re
import types
import typing

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from pipeline import ROOT
from prometheus import (
    ADDED,
    MONITORING,
    OWN,
    alerts,
    metrics_of,
    panels,
    promtool,
    rules,
    with_variables,
)

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text())


def queries():
    """Every query, with where it stands."""
    for rule in rules():
        yield f"alerts.yaml, {rule.get('alert') or rule['record']}", rule["expr"]
    for panel in panels(DASHBOARD):
        for target in panel["targets"]:
            yield f"dashboard, {panel['title']} {target['refId']}", with_variables(target["expr"])
    kubernetes = ROOT / "deploy/kubernetes"
    adapter = yaml.safe_load((kubernetes / "overlays/several-gpus/prometheus-adapter.yaml").read_text())["rules"]["custom"][0]
    yield "prometheus-adapter.yaml", adapter["seriesQuery"]
    for template, text in {"<<.Series>>": adapter["name"]["as"], "<<.LabelMatchers>>": 'namespace="posebus",pod="a"',
                           "<<.GroupBy>>": "pod"}.items():
        adapter["metricsQuery"] = adapter["metricsQuery"].replace(template, text)
    yield "prometheus-adapter.yaml", adapter["metricsQuery"]
    scaled = yaml.safe_load((kubernetes / "components/keda/scaledobject.yaml").read_text())
    yield "scaledobject.yaml", scaled["spec"]["triggers"][0]["metadata"]["query"]


def test_every_query_is_one(tmp_path):
    """As rules, since old versions of promtool check no query by itself."""
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [
        {"name": f"{number}: {where}", "rules": [{"record": "r", "expr": query}]}
        for number, (where, query) in enumerate(queries())]}))
    checked = promtool("check", "rules", "--lint=none", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_takes_its_configuration(tmp_path):
    """For prometheus-kubernetes.yaml see test_kubernetes.py."""
    for file in ("prometheus.yaml", "alerts.yaml"):
        (tmp_path / file).write_text((MONITORING / file).read_text())
    (tmp_path / "posebus-api-key").write_text("secret\n")
    checked = promtool("check", "config", tmp_path / "prometheus.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_and_stay_silent():
    checked = promtool("test", "rules", MONITORING / "alerts.test.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    cases = [case for test in yaml.safe_load((MONITORING / "alerts.test.yaml").read_text())["tests"]
             for case in test["alert_rule_test"]]
    for alert in alerts():
        found = [bool(case["exp_alerts"]) for case in cases if case["alertname"] == alert["alert"]]
        assert sorted(set(found)) == [False, True], f"{alert['alert']} needs a test that it fires and one that it does not"


def test_every_alert_has_its_section():
    sections = {title: text for title, text in re.findall(r"^## (PoseBus\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)}
    assert list(sections) == [alert["alert"] for alert in alerts()], "as many as alerts.yaml has, in its order"
    for alert in alerts():
        name, annotations = alert["alert"], alert["annotations"]
        assert annotations["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert set(annotations) == {"summary", "description", "runbook_url"}
        assert alert["labels"]["severity"] in ("critical", "warning")
        for part in ("What it means", "What to look at", "What to do"):
            assert f"**{part}.**" in sections[name], (name, part)
    # Each is in the table at the start, too, with its severity.
    table = dict(re.findall(r"^\| \[(\w+)\]\(#\w+\) \| (\w+) \|", RUNBOOK, re.MULTILINE))
    assert table == {alert["alert"]: alert["labels"]["severity"] for alert in alerts()}


def test_the_dashboard_is_what_grafana_reads():
    """Grafana's own types take it, lose nothing of it, and find in each field what belongs there."""
    register_default_plugins()
    dashboard = Dashboard.from_json(DASHBOARD)
    kept_in(DASHBOARD, json.loads(JSONEncoder().encode(dashboard)), "dashboard")
    typed(dashboard, "dashboard")
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"]))) - {"__rate_interval"}
    assert used == names


def kept_in(mine, theirs, where):
    """Whether all of `mine` is in `theirs`, which may hold defaults besides."""
    if isinstance(mine, dict):
        for key, value in mine.items():
            assert isinstance(theirs, dict) and key in theirs, f"{where}: Grafana knows no {key} here"
            kept_in(value, theirs[key], f"{where}.{key}")
    elif isinstance(mine, list):
        assert len(mine) == len(theirs), where
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            kept_in(one, other, f"{where}[{number}]")
    else:
        assert mine == theirs, where


def typed(value, where):
    """Whether every field of an object of Grafana's types holds what its annotation says."""
    hints = {}
    for cls in reversed(type(value).__mro__):
        hints |= typing.get_type_hints(cls) if cls is not object else {}
    for field, hint in hints.items():
        fits(getattr(value, field), hint, f"{where}.{field}")


def fits(value, hint, where):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any or hint is object:
        if hasattr(value, "from_json"):
            typed(value, where)
        return
    if origin in (typing.Union, types.UnionType):
        failures = []
        for one in arguments:
            try:
                return fits(value, one, where)
            except AssertionError as failure:
                failures.append(str(failure))
        raise AssertionError("; ".join(failures))
    if origin is typing.Literal:
        assert value in arguments, f"{where} is {value!r}, not one of {arguments}"
    elif origin is list:
        assert isinstance(value, list), f"{where} is {value!r}, no list"
        for number, one in enumerate(value):
            fits(one, arguments[0], f"{where}[{number}]")
    elif origin is dict:
        assert isinstance(value, dict), f"{where} is {value!r}, no object"
        for key, one in value.items():
            fits(one, arguments[1], f"{where}.{key}")
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        assert value in [one.value for one in hint], f"{where} is {value!r}, not one of {[one.value for one in hint]}"
    elif hint is float:
        assert isinstance(value, int | float) and not isinstance(value, bool), f"{where} is {value!r}, no number"
    elif hint is int:
        assert isinstance(value, int) and not isinstance(value, bool), f"{where} is {value!r}, no whole number"
    else:
        if isinstance(value, dict) and hasattr(hint, "from_json"):
            # Some lists are left as they were read.
            raw, value = value, hint.from_json(value)
            kept_in(raw, json.loads(JSONEncoder().encode(value)), where)
        assert isinstance(value, hint), f"{where} is {value!r}, no {hint.__name__}"
        if hasattr(value, "from_json"):
            typed(value, where)


def known_metrics():
    """The metrics of docs/monitoring.md, each with its labels: the first and the third column of its tables."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (?:counter|gauge|histogram) \|([^|]*)\|", (ROOT / "docs/monitoring.md").read_text(),
                      re.MULTILINE)
    return OWN | {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def test_every_query_asks_for_what_is_measured():
    known = known_metrics()
    assert len(known) > 50, "docs/monitoring.md has no table of metrics"
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for where, query in queries():
        metrics, groups = metrics_of(query)
        assert metrics, (where, query)
        labels = set(ADDED)
        for name, chosen in metrics.items():
            if name in recorded:
                labels |= {"outcome", "stage", "reason"}
                continue
            base = name if name in known else re.sub(r"_(bucket|sum|count)$", "", name)
            assert base in known, f"{where}: {name} is not in docs/monitoring.md"
            assert chosen <= known[base] | ADDED, f"{where}: {name} has no {chosen - known[base] - ADDED}"
            labels |= known[base]
        assert groups <= labels, f"{where}: {groups - labels}"


def test_names_are_found_in_queries():
    """The test above is as good as this."""
    query = 'sum by (job, le) (rate(a_total{x=~"b(c)|d",y!="}"}[5m])) > 1.5 * on (job) (a:b offset 6h) and time() - c > 256e6'
    assert metrics_of(query) == ({"a_total": {"x", "y"}, "a:b": set(), "c": set()}, {"job", "le"})
