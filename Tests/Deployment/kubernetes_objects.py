"""What Kubernetes would make of rendered objects, as far as one can say without a cluster: pods, volumes, names, allowed ways."""

import base64
import ipaddress
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from pipeline import BIN, ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("one-node", "many-cameras", "several-gpus")
NAMESPACE = "posebus"


def kustomize(folder):
    """The objects that `kubectl apply -k` would send."""
    # The one that Tests/EndToEnd/requirements.txt brings, if there is one.
    kubectl = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert kubectl, "there is no kubectl; Tests/EndToEnd/requirements.txt has it"
    done = subprocess.run([kubectl, "kustomize", folder], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr, done.stderr
    return Objects([one for one in yaml.safe_load_all(done.stdout) if one])


def new_site(folder, *arguments, **options):
    """deploy/kubernetes/new-site, with the programs under test."""
    done = subprocess.run(
        [FOLDER / "new-site", folder, *arguments], check=False, capture_output=True, text=True, timeout=120,
        env={"PATH": f"{BIN}:/usr/bin:/bin:/usr/sbin:/sbin"}, **options)
    return done


@dataclass
class Pod:
    """One pod of a workload."""

    name: str
    owner: dict
    template: dict

    @property
    def labels(self):
        labels = dict(self.template["metadata"]["labels"])
        if self.owner["kind"] == "StatefulSet":
            labels["statefulset.kubernetes.io/pod-name"] = self.name
        return labels

    @property
    def spec(self):
        return self.template["spec"]

    @property
    def stage(self):
        return self.labels["app.kubernetes.io/component"]

    @property
    def container(self):
        return self.spec["containers"][0]

    @property
    def ports(self):
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", [])}

    def volume(self, name):
        for claim in self.owner["spec"].get("volumeClaimTemplates", []):
            if claim["metadata"]["name"] == name:
                return {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-{self.name}"}}
        return next(volume for volume in self.spec["volumes"] if volume["name"] == name)


class Objects(list):
    """Rendered objects."""

    def of(self, kind):
        return [one for one in self if one["kind"] == kind]

    def get(self, kind, name):
        found = [one for one in self.of(kind) if one["metadata"]["name"] == name]
        assert len(found) == 1, f"{kind} {name}: {len(found)} of it among {[one['metadata']['name'] for one in self.of(kind)]}"
        return found[0]

    @property
    def workloads(self):
        jobs = [{**one, "kind": "Job", "spec": one["spec"]["jobTemplate"]["spec"]} for one in self.of("CronJob")]
        return self.of("Deployment") + self.of("StatefulSet") + self.of("Job") + jobs

    @property
    def pods(self):
        """The pods that run, each once; two where an autoscaler says how many."""
        pods = []
        for owner in self.workloads:
            name = owner["metadata"]["name"]
            for number in range(1 if owner["kind"] == "Job" else owner["spec"].get("replicas", 2)):
                pods.append(Pod(f"{name}-{number}", owner, owner["spec"]["template"]))
        return pods

    @property
    def templates(self):
        """One pod of each workload, also where none runs until it is asked for."""
        return [Pod(owner["metadata"]["name"], owner, owner["spec"]["template"]) for owner in self.workloads]

    @property
    def stages(self):
        """The pods that run all the time."""
        return [pod for pod in self.pods if pod.owner["kind"] != "Job"]

    def data(self, kind, name):
        """What a ConfigMap or Secret holds, as text by key."""
        one = self.get(kind, name)
        data = dict(one.get("data") or {})
        if kind == "Secret":
            data = {key: base64.b64decode(value).decode() for key, value in data.items()}
        return data

    def files(self, volume):
        """The files of a volume and their modes; None where it is no projection of objects."""
        if "secret" in volume:
            source = volume["secret"]
            data = self.data("Secret", source["secretName"])
            return self._items(data, source.get("items")), source.get("defaultMode", 0o644)
        if "configMap" in volume:
            source = volume["configMap"]
            return self._items(self.data("ConfigMap", source["name"]), source.get("items")), 0o644
        if "projected" in volume:
            files = {}
            for source in volume["projected"]["sources"]:
                source = source["configMap"]
                files |= self._items(self.data("ConfigMap", source["name"]), source.get("items"))
            return files, 0o644
        return None

    @staticmethod
    def _items(data, items):
        if items is None:
            return data
        return {item["path"]: data[item["key"]] for item in items}

    @property
    def config(self):
        """posebus.yaml, as text."""
        names = {pod.volume("config")["configMap"]["name"] for pod in self.stages}
        assert len(names) == 1
        return self.data("ConfigMap", names.pop())["posebus.yaml"]

    @property
    def settings(self):
        return yaml.safe_load(self.config)

    def service_pods(self, service):
        """Which pods a Service leads to."""
        return [pod for pod in self.pods if selects({"matchLabels": service["spec"]["selector"]}, pod.labels)]

    def allows(self, source, target, port):
        """Whether the policies let `source` open a connection to `port` of `target`; each is a Pod or `Outside`."""
        return self._passes("egress", source, target, port) and self._passes("ingress", target, source, port)

    def _passes(self, direction, one, other, port):
        if isinstance(one, Outside):
            return True
        policies = [
            policy["spec"] for policy in self.of("NetworkPolicy")
            if direction.capitalize() in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], one.labels)]
        if not policies:
            return True
        ends, key = ("to", other) if direction == "egress" else ("from", one)
        for policy in policies:
            for rule in policy.get(direction) or []:
                if any(same_port(entry, port, key) for entry in rule["ports"]) and any(
                        matches(peer, other) for peer in rule[ends]):
                    return True
        return False


@dataclass
class Outside:
    """Whoever is no pod of the render: a pod with labels of its own, perhaps of another namespace, or an address."""

    labels: dict
    namespace: dict
    address: str = ""
    ports: tuple = ()


def selects(selector, labels):
    assert set(selector) <= {"matchLabels"}, selector
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())


def same_port(entry, port, target):
    if isinstance(entry["port"], str):
        return dict(target.ports).get(entry["port"]) == port
    return entry["port"] == port


def matches(peer, other):
    if "ipBlock" in peer:
        if not getattr(other, "address", ""):
            return False
        address = ipaddress.ip_address(other.address)
        block = peer["ipBlock"]
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(cidr) for cidr in block.get("except", []))
    if getattr(other, "address", ""):
        return False
    namespace = other.namespace if isinstance(other, Outside) else {"kubernetes.io/metadata.name": NAMESPACE}
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], namespace):
            return False
    elif namespace.get("kubernetes.io/metadata.name") != NAMESPACE:
        return False
    return "podSelector" not in peer or selects(peer["podSelector"], other.labels)


def lay_down(objects, volume, folder, group):
    """Makes a volume's folder as the kubelet does: files of root's behind links to a folder with a date, whose group, with
    fsGroup, may read them whatever the mode says."""
    files, mode = objects.files(volume)
    dated = folder / "..2026_01_01_00_00_00.1"
    dated.mkdir(parents=True)
    for name, text in files.items():
        path = dated / name
        path.write_text(text)
        path.chmod(mode | 0o440)
        os.chown(path, 0, group)
        (folder / name).symlink_to(Path("..data") / name)
    (folder / "..data").symlink_to(dated.name)
    for path in (folder, dated):
        path.chmod(0o755)
    return folder
