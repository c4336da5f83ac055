"""Starts the real programs as the pods of rendered objects: with their arguments, variables, files, user and names, each at an
address of its own. What is missing is a cluster: nobody places, restarts or probes them."""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pipeline as harness
from kubernetes_objects import lay_down
from network import Network


class Pods:
    """The pods of `objects`, and machines beside them that are no pods. `claims` are folders for claims that hold something
    before anything starts."""

    def __init__(self, objects, folder, beside=(), claims=()):
        self.objects, self.folder = objects, Path(folder)
        self.claims = dict(claims)
        self.network = Network([*(machine(pod) for pod in objects.pods), *beside], self.folder / "machines")
        self.running = {}

    def __enter__(self):
        self.network.__enter__()
        # Of the cluster's names: a Service without an address of its own has those of all its pods.
        lines = ["127.0.0.1 localhost"]
        for service in self.objects.of("Service"):
            name = service["metadata"]["name"]
            lines += [f"{self.address(pod)} {name} {name}.posebus.svc" for pod in self.objects.service_pods(service)]
        self.hosts = self.folder / "hosts"
        self.hosts.write_text("\n".join(lines) + "\n")
        for machine in self.network.machines.values():
            (Path("/etc/netns") / machine.namespace / "hosts").write_text(self.hosts.read_text())
        return self

    def __exit__(self, *_):
        for program in self.running.values():
            if program.alive():
                program.kill()
        self.network.close()

    def address(self, pod):
        return self.network.addresses[machine(pod)]

    def start(self, pod):
        """Starts a pod that runs all the time, without waiting for anything."""
        program = f"posebus-{pod.stage}"
        self.running[pod.name] = harness.Program(
            program, *pod.container["args"], folder=self.folder, prefix=self.prefix(pod), environment=self.environment)
        return self.running[pod.name]

    def run(self, pod):
        """Runs a pod that ends by itself, whose command is one of the programs under test, to its end."""
        program, *arguments = pod.container["command"]
        return harness.run(Path(program).name, *arguments, folder=self.folder, prefix=self.prefix(pod),
                           environment=self.environment)

    @functools.cached_property
    def environment(self):
        """For enter-pod: the cluster's names, and the folders in which the programs under test and Swift's libraries lie."""
        folders = {harness.ROOT, harness.BIN}
        for stage in ("ingest", "infer", "sink", "gateway"):
            linked = subprocess.run(["ldd", harness.BIN / f"posebus-{stage}"], check=True, capture_output=True, text=True).stdout
            folders |= {Path(path).parent for path in re.findall(r"=> (/\S+)", linked)}
        outer = [folder for folder in sorted(folders) if not folders & set(folder.parents)]
        return {"HOSTS": str(self.hosts), "PROGRAMS": " ".join(map(str, outer))}

    def prefix(self, pod):
        """The words that become a program in the pod."""
        security = pod.spec["securityContext"]
        root = self.folder / pod.name / "root"
        root.mkdir(parents=True, exist_ok=True)
        mounts = []
        for mount in pod.container["volumeMounts"]:
            source = self.volume(pod, mount["name"], security["fsGroup"])
            below = mount.get("subPath") or mount.get("subPathExpr", "").replace("$(POD_NAME)", pod.name)
            mounts += ["ro" if mount.get("readOnly") else "rw", (source / below).resolve(), mount["mountPath"]]
        # As the images set them.
        variables = {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}
        for variable in pod.container.get("env", []):
            assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}, variable
            variables[variable["name"]] = pod.name
        words = [Path(__file__).with_name("enter-pod"), root, security["runAsUser"], security["runAsGroup"], *mounts, "--",
                 *(f"{name}={value}" for name, value in variables.items())]
        return [*self.network[machine(pod)].prefix, *map(str, words)]

    def volume(self, pod, name, group):
        """The folder of a volume, made when it is first asked for."""
        volume = pod.volume(name)
        if "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            folder = Path(self.claims.get(claim) or self.folder / "claims" / claim)
        else:
            folder = self.folder / pod.name / name
        if folder.exists():
            return folder
        if self.objects.files(volume) is not None:
            return lay_down(self.objects, volume, folder, group)
        folder.mkdir(parents=True)
        shutil.chown(folder, 0, group)
        folder.chmod(0o2775)
        return folder

    def get(self, place, url, **fields):
        """What is answered to an HTTP request from a machine: the status and the text."""
        done = self.network[place].call(sys.executable, "-c", GET, url, *(f"{k}={v}" for k, v in fields.items()))
        assert done.returncode == 0, done.stderr
        status, _, text = done.stdout.partition("\n")
        return int(status), text


def machine(pod):
    """The name of a pod's machine, which is short enough for an interface's."""
    return pod.name.removeprefix("posebus-")


GET = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], headers=dict(word.split("=", 1) for word in sys.argv[2:]))
try:
    answer = urllib.request.urlopen(request, timeout=60)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status)
sys.stdout.write(answer.read().decode(errors="replace"))
"""


def may_run():
    """Why pods cannot be started on this machine, or nothing."""
    if os.geteuid() != 0:
        return "mounts and namespaces need root"
    missing = [name for name in ("ip", "mount", "chroot", "setpriv") if not shutil.which(name)]
    return f"there is no {', '.join(missing)}" if missing else ""
