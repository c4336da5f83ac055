"""deploy/kubernetes, as far as it can be known without a cluster: schemas, names, ports, volumes, ways, and the real programs started
with what their pods would give them."""

import itertools
import json
import re

import kubernetes_validate
import pytest
import yaml
from kubernetes_objects import (
    FOLDER,
    NAMESPACE,
    OVERLAYS,
    Outside,
    kustomize,
    new_site,
    selects,
)
from pipeline import ROOT, run
from prometheus import MONITORING, discovered, promtool

# The oldest that knows every field used, and the newest with a schema.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
SITES = [*OVERLAYS, "several-gpus-keda"]
# What each stage binds, by the option that says where, and the name of its port.
BOUND = {
    "ingest": {"bind-push": "push", "bind-request": "request", "bind-preview": "preview", "status": "status"},
    "infer": {"bind": "frames", "status": "status"},
    "sink": {"bind-outcomes": "outcomes", "bind-results": "results", "bind-acks": "acks", "bind-replay": "replay",
             "status": "status"},
    "gateway": {"bind-http": "http"},
}
# Which options name what other stages bind, and how its port is called there.
CALLED = {
    "ingest": {"infer": ("infer", "frames"), "acks": ("sink", "acks")},
    "infer": {"sink": ("sink", "outcomes")},
    "sink": {},
    "gateway": {"results": ("sink", "results"), "replay": ("sink", "replay"), "ingest": ("ingest", "request"),
                "preview": ("ingest", "preview"), "infer": ("infer", "frames")},
}
SERVED = {"/livez", "/readyz", "/healthz", "/metrics"}


@pytest.fixture(scope="session")
def sites(tmp_path_factory):
    """A site for each overlay, made as a person makes it, with real keys: its folder and its objects, by name."""
    made = {}

    def site(name):
        if name not in made:
            overlay = name.removesuffix("-keda")
            folder = tmp_path_factory.mktemp("sites") / name
            done = new_site(
                folder, "--overlay", overlay, "--camera", "door", "--camera", "yards=yard*", "--viewer", "screen",
                "--images", "registry.example.org/posebus", "--tag", "1.0", *(["--keda"] if overlay != name else []))
            assert done.returncode == 0, done.stderr
            made[name] = folder, kustomize(folder)
        return made[name]

    return site


@pytest.fixture(params=SITES)
def site(request, sites):
    return sites(request.param)[1]


def listed(value):
    return value if isinstance(value, list) else [value]


def port_of(endpoint):
    return int(endpoint.rsplit(":", 1)[1])


@pytest.mark.parametrize("name", ["base", *(f"overlays/{overlay}" for overlay in OVERLAYS)])
def test_what_is_committed_renders_and_holds_no_key(name):
    objects = kustomize(FOLDER / name)
    check_schemas(objects)
    for secret in objects.of("Secret"):
        for text in objects.data("Secret", secret["metadata"]["name"]).values():
            assert "new-site makes the real one" in text


def test_schemas(site):
    check_schemas(site)


def check_schemas(objects):
    for one, version in itertools.product(objects, VERSIONS):
        if one["kind"] == "ScaledObject":
            continue
        kubernetes_validate.validate(one, version, strict=True)
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    for kind, namespace, name in names:
        assert namespace == (None if kind == "Namespace" else "posebus"), (kind, name)


def test_selectors_find_what_they_are_for(site):
    for workload in site.workloads:
        if workload["kind"] != "Job":
            assert selects(workload["spec"]["selector"], workload["spec"]["template"]["metadata"]["labels"])
        if workload["kind"] == "StatefulSet":
            site.get("Service", workload["spec"]["serviceName"])
    for service in site.of("Service"):
        pods = site.service_pods(service)
        # One kind of pod, and one pod where a connection must always lead to the same.
        assert len({pod.stage for pod in pods}) == 1, service["metadata"]["name"]
        assert len(pods) == 1 or service["spec"].get("clusterIP") == "None", service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            assert pods[0].ports[port["targetPort"]] == port["port"], service["metadata"]["name"]
    guarded = []
    for budget in site.of("PodDisruptionBudget"):
        guarded += [pod.name for pod in site.pods if selects(budget["spec"]["selector"], pod.labels)]
    assert sorted(guarded) == sorted(pod.name for pod in site.stages)


def test_ports_are_those_that_the_stages_bind(site):
    for pod in site.stages:
        settings = site.settings[pod.stage]
        assert pod.ports == {name: port_of(settings[option]) for option, name in BOUND[pod.stage].items()}
        # For others than this machine.
        for option in BOUND[pod.stage]:
            assert re.match(r"(tcp://\*|0\.0\.0\.0):", settings[option]), (pod.stage, option)


def test_names_in_the_settings_lead_to_services(site):
    for stage, options in CALLED.items():
        for option, (other, port) in options.items():
            for endpoint in listed(site.settings[stage][option]):
                scheme, host, number = re.fullmatch(r"(tcp|dns\+tcp)://([\w-]+):(\d+)", endpoint).groups()
                service = site.get("Service", host)
                assert {pod.stage for pod in site.service_pods(service)} == {other}
                assert {entry["name"]: entry["port"] for entry in service["spec"]["ports"]}[port] == int(number)
                if scheme == "dns+tcp":
                    assert service["spec"]["clusterIP"] == "None"
    assert site.settings["ingest"]["infer"] == ["dns+tcp://posebus-infer:5560"]
    # The gateway shows the pictures of every ingest.
    shown = {pod.name for endpoint in site.settings["gateway"]["preview"]
             for pod in site.service_pods(site.get("Service", re.search("//(.*):", endpoint).group(1)))}
    assert shown == {pod.name for pod in site.pods if pod.stage == "ingest"}


def test_every_setting_is_known(site, tmp_path):
    file = tmp_path / "posebus.yaml"
    file.write_text(site.config)
    checked = run("posebus", "config", "check", file, folder=tmp_path)
    assert checked.status == 0, checked.output() + checked.errors()


def test_probes_ask_what_is_served(site):
    for pod in site.stages:
        probes = {name: pod.container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        for probe in probes.values():
            assert probe["path"] in SERVED and probe["port"] in pod.ports
        # A stage whose neighbour is away is not mended by a restart.
        assert probes["startup"]["path"] == probes["liveness"]["path"] == "/livez"
        assert probes["readiness"]["path"] == ("/livez" if pod.stage == "gateway" else "/readyz")


def test_volumes_hold_what_the_settings_name(site):
    claims = {claim["metadata"]["name"] for claim in site.of("PersistentVolumeClaim")}
    claims |= {f"{claim['metadata']['name']}-{pod.name}" for pod in site.pods
               for claim in pod.owner["spec"].get("volumeClaimTemplates", [])}
    for pod in site.pods:
        mounts = {}
        for mount in pod.container["volumeMounts"]:
            volume = pod.volume(mount["name"])
            mounts[mount["mountPath"]] = mount, volume
            files = site.files(volume)
            if files is not None:
                assert files[0] and mount["readOnly"]
                assert mount.get("subPath", "posebus.yaml") in files[0] or "subPath" not in mount
            if "secret" in volume:
                assert files[1] == 0o440
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
        if pod not in site.stages:
            continue
        settings = site.settings[pod.stage]
        writable = {path for path, (mount, _) in mounts.items() if not mount.get("readOnly")}
        for option, path in settings.items():
            if not isinstance(path, str) or not path.startswith("/"):
                continue
            assert any(path == at or path.startswith(at + "/") for at in mounts), (pod.stage, option)
            if option in ("spool", "store", "state"):
                assert any(path == at or path.startswith(at + "/") for at in writable), (pod.stage, option)
        # Of all secret keys a stage sees its own.
        key, = (mount for path, mount in mounts.items() if path.startswith("/etc/posebus/key") and "secret" in mount[1])
        names = set(site.files(key[1])[0])
        if "subPathExpr" in key[0]:
            assert key[0]["mountPath"] == settings["key"]
            assert key[0]["subPathExpr"].replace("$(POD_NAME)", pod.name) in names
        else:
            assert names == {f"{pod.stage}.cert_secret"} and settings["key"] == f"{key[0]['mountPath']}/{names.pop()}"


def test_keys_are_where_docs_security_says(sites, site):
    """The folders that a stage needs, and no others: what each is for is written in docs/security.md."""
    needed = {"ingest": {"feeders", "subscribers", "infer", "sink"}, "infer": {"ingest", "sink"},
              "sink": {"subscribers", "ingest", "infer"}, "gateway": {"ingest", "infer", "sink"}}
    ingests = {f"{name}.cert" for name in (
        ["ingest"] if len([pod for pod in site.pods if pod.stage == "ingest"]) == 1
        else [pod.name for pod in site.pods if pod.stage == "ingest"])}
    expected = {"feeders": {"door.cert", "yards.cert", "gateway.cert"}, "subscribers": {"screen.cert", "gateway.cert"},
                "ingest": ingests, "infer": {"infer.cert"}, "sink": {"sink.cert"}}
    for pod in site.stages:
        folders = {mount["mountPath"].removeprefix("/etc/posebus/keys/"): set(site.files(pod.volume(mount["name"]))[0])
                   for mount in pod.container["volumeMounts"] if mount["mountPath"].startswith("/etc/posebus/keys/")}
        wanted = {folder: expected[folder] for folder in needed[pod.stage]}
        if pod.stage == "infer":
            wanted["ingest"] = ingests | {"gateway.cert"}
        assert folders == wanted, pod.name


def test_the_store_can_be_verified(site):
    verify, = (pod for pod in site.pods if pod.stage == "verify")
    sink, = (pod for pod in site.pods if pod.stage == "sink")
    assert verify.container["command"][1:] == ["verify", site.settings["sink"]["store"]]
    assert verify.volume("state") == sink.volume("state")
    near, = verify.spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert selects(near["labelSelector"], sink.labels)


def test_pods_are_restricted(site):
    """The Pod Security Standard `restricted`, and what goes beyond it."""
    labels = site.get("Namespace", "posebus")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in site.templates:
        spec = pod.spec
        assert not spec["automountServiceAccountToken"] and not spec["enableServiceLinks"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        security = spec["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] > 0 and security["fsGroup"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"] + (spec.get("initContainers") or []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert "memory" in container["resources"]["limits"] and "cpu" in container["resources"]["requests"]
            assert not any("hostPort" in port for port in container.get("ports", []))
        kinds = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim"}
        for volume in spec.get("volumes", []):
            assert set(volume) - {"name"} <= kinds


def test_a_pod_has_time_to_end(site):
    for pod in site.stages:
        grace = pod.spec["terminationGracePeriodSeconds"]
        first = pod.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert grace >= first + site.settings[pod.stage].get("drain-seconds", 10) + 20, pod.name
        if pod.stage == "infer":
            # Ingest asks every 5 s, and names are cached for 30 in most clusters.
            assert first > 5 + 30


def test_memory_and_volumes_are_enough_for_the_limits(site):
    def number(text):
        units = {"Mi": 1 << 20, "Gi": 1 << 30, "G": 10 ** 9, "M": 10 ** 6}
        value, unit = re.fullmatch(r"(\d+)(\w*)", str(text)).groups()
        return int(value) * units.get(unit, 1)

    ingest = next(pod for pod in site.pods if pod.stage == "ingest")
    sink = next(pod for pod in site.pods if pod.stage == "sink")
    volume = {pod.stage: number(pod.owner["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"])
              for pod in (ingest, sink)}
    settings = site.settings
    windows = settings["ingest"]["max-streams"] * settings["ingest"]["window-bytes"]
    assert 1.5 * windows < number(ingest.container["resources"]["limits"]["memory"])
    assert 1.1 * settings["ingest"]["spool-bytes"] < volume["ingest"]
    assert 2 * number(settings["sink"].get("keep-frames", 0)) < volume["sink"]


def test_the_network_lets_through_what_is_needed_and_no_more(site):
    monitoring = Outside({"app": "prometheus"}, {"kubernetes.io/metadata.name": "monitoring"})
    own = {"kubernetes.io/metadata.name": "posebus"}
    others = {
        "feeder": Outside({"posebus/client": "feeder"}, own),
        "subscriber": Outside({"posebus/client": "subscriber"}, own),
        "reader": Outside({"posebus/client": "reader"}, own),
        "stranger": Outside({}, own),
        "controller": Outside({}, {"kubernetes.io/metadata.name": "ingress", "posebus/client": "reader"}),
        "elsewhere": Outside({"posebus/client": "feeder", "app.kubernetes.io/name": "posebus-ingest"},
                             {"kubernetes.io/metadata.name": "elsewhere"}),
        "monitoring": monitoring,
        "camera": Outside({}, {}, address="192.168.7.9"),
        "internet": Outside({}, {}, address="198.51.100.7"),
    }
    allowed = {
        ("feeder", "ingest"): {5550, 5551}, ("gateway", "ingest"): {5551, 5552}, ("subscriber", "ingest"): {5552},
        ("ingest", "infer"): {5560}, ("gateway", "infer"): {5560}, ("infer", "sink"): {5570}, ("ingest", "sink"): {5572},
        ("gateway", "sink"): {5571, 5573}, ("subscriber", "sink"): {5571, 5573}, ("reader", "gateway"): {5000},
        ("controller", "gateway"): {5000}, ("monitoring", "gateway"): {5000}, ("monitoring", "ingest"): {5580},
        ("monitoring", "infer"): {5581}, ("monitoring", "sink"): {5582},
    }
    if any(service["spec"].get("type") == "LoadBalancer" for service in site.of("Service")):
        allowed["camera", "ingest"] = {5550, 5551}
    ports = sorted({port for pod in site.stages for port in pod.ports.values()} | {22})
    sources = {pod.stage: pod for pod in site.pods} | others
    for (name, source), target in itertools.product(sources.items(), site.stages):
        if source is target:
            continue
        found = {port for port in ports if site.allows(source, target, port)}
        assert found == allowed.get((name, target.stage), set()), (name, target.stage)
    # Out: names for all, and HTTPS for who fetches weights.
    names = Outside({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"})
    for pod in site.pods:
        assert site.allows(pod, names, 53) and not site.allows(pod, names, 80)
        assert site.allows(pod, others["internet"], 443) == (pod.stage == "models")
        assert not site.allows(pod, others["camera"], 443) and not site.allows(pod, others["stranger"], 443)


def test_infers_come_and_go_by_the_length_of_their_queues(sites):
    objects = sites("several-gpus")[1]
    assert "replicas" not in objects.get("Deployment", "posebus-infer")["spec"]
    scaler, = objects.of("HorizontalPodAutoscaler")
    target = scaler["spec"]["scaleTargetRef"]
    assert objects.get(target["kind"], target["name"])["apiVersion"] == target["apiVersion"]
    metric = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    rules = yaml.safe_load((FOLDER / "overlays/several-gpus/prometheus-adapter.yaml").read_text())["rules"]["custom"]
    assert [rule["name"]["as"] for rule in rules] == [metric]


def test_keda_scales_as_the_autoscaler_does(sites):
    plain, objects = sites("several-gpus")[1], sites("several-gpus-keda")[1]
    assert not objects.of("HorizontalPodAutoscaler")
    scaled, = objects.of("ScaledObject")
    assert scaled["apiVersion"] == "keda.sh/v1alpha1"
    scaler, = plain.of("HorizontalPodAutoscaler")
    spec, other = scaled["spec"], scaler["spec"]
    # The fields that the CRD of KEDA 2.17 and later has.
    assert set(spec) <= {"scaleTargetRef", "pollingInterval", "cooldownPeriod", "minReplicaCount", "maxReplicaCount",
                         "fallback", "advanced", "triggers"}
    assert spec["scaleTargetRef"] == other["scaleTargetRef"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (other["minReplicas"], other["maxReplicas"])
    assert spec["advanced"] == {"horizontalPodAutoscalerConfig": {"behavior": other["behavior"]}}
    trigger, = spec["triggers"]
    assert set(trigger) == {"type", "metricType", "metadata"} and trigger["type"] == "prometheus"
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert trigger["metadata"]["threshold"] == other["metrics"][0]["pods"]["target"]["averageValue"]


def test_prometheus_finds_every_stage(sites, tmp_path):
    """Debian's Prometheus is built without Kubernetes' discovery: it is given what that would find, and chooses among it."""
    objects = sites("many-cameras")[1]
    addresses = {pod.name: f"10.1.0.{number}" for number, pod in enumerate(objects.pods, 1)}
    pods = discovered(objects, addresses)
    stranger = {**pods[0], "labels": {**pods[0]["labels"], "__meta_kubernetes_pod_label_app_kubernetes_io_part_of": "other"}}
    ended = {**pods[0], "labels": {**pods[0]["labels"], "__meta_kubernetes_pod_phase": "Failed"}}
    config = yaml.safe_load((MONITORING / "prometheus-kubernetes.yaml").read_text())
    for job in config["scrape_configs"]:
        assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
        job["static_configs"] = [*pods, stranger, ended]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "alerts.yaml").write_text((MONITORING / "alerts.yaml").read_text())
    (tmp_path / "posebus-api-key").write_text("secret\n")
    checked = promtool("check", "config", tmp_path / "prometheus.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    found = []
    for job in config["scrape_configs"]:
        done = promtool("check", "service-discovery", "--timeout=1s", tmp_path / "prometheus.yaml", job["job_name"])
        assert done.returncode == 0, done.stderr
        found += [one["labels"] for one in json.loads(done.stdout) if one["labels"]]
    scraped = sorted((one["job"], one["namespace"], one["pod"], int(one["__address__"].rsplit(":")[-1])) for one in found)
    assert scraped == sorted((f"posebus-{pod.stage}", NAMESPACE, pod.name, pod.ports.get("status") or pod.ports["http"])
                             for pod in objects.stages)


def test_images_are_those_that_deploy_containers_builds(site):
    """By their names, and with the user that the pods give them."""
    containers = [(pod, container) for pod in site.templates
                  for container in pod.spec["containers"] + (pod.spec.get("initContainers") or [])]
    for pod, container in containers:
        prefix, tag = container["image"].rsplit(":", 1)
        assert prefix.startswith("registry.example.org/posebus/") and tag == "1.0"
        image = prefix.rsplit("/", 1)[1]
        file = (ROOT / f"deploy/containers/{image}.Dockerfile").read_text()
        security = pod.spec["securityContext"]
        assert f"USER {security['runAsUser']}:{security['runAsGroup']}\n" in file
        if "command" not in container:
            assert f'ENTRYPOINT ["/opt/posebus/bin/posebus{"" if image == "models" else f"-{pod.stage}"}"' in file
        else:
            assert container["command"][0] in ("/opt/posebus/bin/posebus", "sleep")
    used = {pod.stage: container["image"].rsplit("/", 1)[1] for pod, container in containers}
    gpu = "nvidia.com/gpu" in next(
        pod for pod in site.pods if pod.stage == "infer").container["resources"]["limits"]
    assert used["infer"] == ("infer-cuda:1.0" if gpu else "infer:1.0")


def test_a_site_is_not_made_twice(tmp_path):
    assert new_site(tmp_path / "site").returncode == 0
    assert (tmp_path / "site/api-keys").stat().st_mode & 0o077 == 0
    again = new_site(tmp_path / "site")
    assert again.returncode == 1 and "holds a site already" in again.stderr
    unknown = new_site(tmp_path / "other", "--overlay", "moon")
    assert unknown.returncode == 1 and "many-cameras" in unknown.stderr


def test_placeholders_are_no_keys(tmp_path):
    """A stage that is applied without keys of its own does not start, and says what is missing."""
    objects = kustomize(FOLDER / "base")
    name, = (one["metadata"]["name"] for one in objects.of("Secret") if "sink-key" in one["metadata"]["name"])
    file = tmp_path / "sink.cert_secret"
    file.write_text(objects.data("Secret", name)["sink.cert_secret"])
    file.chmod(0o600)
    sink = run("posebus-sink", "--key", file, "--store", tmp_path / "s.sqlite", folder=tmp_path)
    assert sink.status == 78 and "sink.cert_secret" in sink.errors(), sink.errors()
