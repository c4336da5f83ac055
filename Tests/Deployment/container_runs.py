"""Runs what Compose files say, without an engine: each service in namespaces of its own, from its mounted image.

As in a container: the image's root read-only, its user, entry point and environment, the service's command, volumes and
secrets, no capabilities, no way to new rights, its own processes, and a network that it shares with nobody but the
other services, which it finds by their names.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import yaml
from pipeline import Program

IN_NAMESPACE = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], headers=dict(word.split("=", 1) for word in sys.argv[2:]))
try:
    answer = urllib.request.urlopen(request, timeout=30)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status)
sys.stdout.write(answer.read().decode(errors="replace"))
"""


def compose(path, **values):
    """A Compose file with its variables replaced, as Compose does it."""

    def value(match):
        name, default = match.group(1), match.group(2)
        if name in values:
            return values[name]
        assert default and default.startswith(":-"), f"{path}: {name} has no value"
        return default[2:]

    return yaml.safe_load(re.sub(r"\$\{(\w+)(:[-?][^}]*)?\}", value, path.read_text()))


def isolated(user, root):
    """Words that start a command without rights, with processes of its own, and with `root` as its root, read-only."""
    return (
        "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs", "--bounding-set=-all",
        "--inh-caps=-all",
        "bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1", "--new-session",
        "--die-with-parent", "--clearenv", "--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev")


class Network:
    """A network namespace with nothing but a loopback, which stands for the network of the containers."""

    def __init__(self):
        reading, writing = os.pipe()
        self._keeper = subprocess.Popen(
            ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--info-fd", str(writing),
             "sleep", "infinity"], pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as info:
            self._pid = json.load(info)["child-pid"]

    @property
    def prefix(self):
        """Words that put a command into this network."""
        return ("nsenter", f"--net=/proc/{self._pid}/ns/net", "--")

    def get(self, url, **headers):
        """What is answered to an HTTP request: the status and the body."""
        done = subprocess.run(
            [*self.prefix, sys.executable, "-c", IN_NAMESPACE, url, *(f"{k}={v}" for k, v in headers.items())],
            capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            return None, done.stderr
        status, _, body = done.stdout.partition("\n")
        return int(status), body

    def close(self):
        self._keeper.kill()
        self._keeper.wait()


class Services:
    """The services of Compose files, all on one network. `images` are those of the stages, by the services' names."""

    def __init__(self, folder, images, *files, names=()):
        self.folder, self.images = folder, images
        self.services, self._secrets = {}, {}
        for file in files:
            self.services.update(file["services"])
            self._secrets.update({name: secret["file"] for name, secret in file.get("secrets", {}).items()})
        self.network = Network()
        self.running = {}
        folder.mkdir(mode=0o755, exist_ok=True)
        # They share one network, so all are at one address.
        (folder / "hosts").write_text(f"127.0.0.1 localhost {' '.join([*self.services, *names])}\n")

    def volume(self, name, user):
        """The folder of a named volume; like an engine, made with the image's owner."""
        path = self.folder / name
        if not path.exists():
            path.mkdir(mode=0o750)
            os.chown(path, user, user)
        return path

    def _mounts(self, name):
        """Bubblewrap's words for what the Compose file mounts into a service."""
        service = self.services[name]
        words = []
        for mount in service.get("tmpfs", []):
            words += ["--perms", "1777", "--tmpfs", mount.split(":")[0]]
        for mount in service.get("volumes", []):
            source, target, *mode = mount.split(":")
            source = source if source.startswith("/") else self.volume(source, self.images[name].user)
            words += ["--ro-bind" if mode == ["ro"] else "--bind", source, target]
        if service.get("secrets"):
            words += ["--tmpfs", "/run"]
            for secret in service["secrets"]:
                words += ["--ro-bind", self._secrets[secret], f"/run/secrets/{secret}"]
        return [*words, "--ro-bind", self.folder / "hosts", "/etc/hosts"]

    def start(self, name):
        """Starts a service with its image's entry point."""
        image = self.images[name]
        command = [*image.configuration["Entrypoint"], *self.services[name].get("command", [])]
        self.running[name] = Container(image, command, self._mounts(name), self.network, self.folder)
        return self.running[name]

    def run(self, name, *command, volumes=()):
        """Runs another command in a service's place, to its end; returns what it printed.

        `volumes` are pairs of a folder and where it is mounted.
        """
        words = self._mounts(name)
        for source, target in volumes:
            words += ["--bind", source, target]
        container = Container(self.images[name], command, words, self.network, self.folder)
        assert container.end() == 0, container.output() + container.errors()
        return container.output()

    def close(self):
        for container in self.running.values():
            if container.alive():
                container.kill()
        self.network.close()


class Container(Program):
    """A program that runs from its image. `mounts` are bubblewrap's words for what is mounted into it."""

    def __init__(self, image, command, mounts, network, folder):
        self.image = image
        self.environment = dict(word.split("=", 1) for word in image.configuration["Env"])
        variables = [word for name, value in self.environment.items() for word in ("--setenv", name, value)]
        reading, writing = os.pipe()
        self.name = Path(command[0]).name
        self.command = [*map(str, [
            *network.prefix, *isolated(image.user, image.root), *variables, *mounts, "--info-fd", writing,
            "--chdir", image.configuration.get("WorkingDir") or "/", "--", *command])]
        self.log = Path(tempfile.mkstemp(prefix=f"{self.name}-", suffix=".log", dir=folder)[1])
        self.lines, self._queue = [], queue.Queue()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, pass_fds=[writing])
        os.close(writing)
        threading.Thread(target=self._read, daemon=True).start()
        Program.started.append(self)
        with os.fdopen(reading) as info:
            said = info.read()
        assert said, f"{self.name} did not start:\n{self.errors()}"
        self.pid = json.loads(said)["child-pid"]

    def signal(self, number):
        """Sends a signal to the program, which is the first process of its container."""
        os.kill(self.pid, number)

    def terminate(self):
        self.signal(getattr(signal, self.image.configuration["StopSignal"]))
        return self.end()

    def check_health(self):
        """Runs the image's health check inside: the exit status and what it said."""
        word, *command = self.image.configuration["Healthcheck"]["Test"]
        assert word == "CMD"
        done = subprocess.run(
            ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--net", "--ipc",
             "--setuid", str(self.image.user), "--setgid", str(self.image.user), "--", *command],
            env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def is_healthy(self):
        assert self.alive(), f"{self.name} has ended:\n{self.errors()}"
        return self.check_health()[0] == 0

    def status(self):
        """What the kernel says about the program."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {line.split(":")[0]: line.split(":", 1)[1].split() for line in lines}

    def mounts(self):
        """What is mounted where inside, with its options."""
        lines = Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()
        return {line.split()[4]: line.split()[5].split(",") for line in lines}

