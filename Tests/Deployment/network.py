"""Machines on one network, as network namespaces: each has an address, a name and a cable of its own.

Everything lies inside the namespaces, whose names are this run's alone, so that runs beside each other do not meet and
nothing of the machine that they run on changes. Needs root and ip(8).
"""

import atexit
import contextlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pipeline as harness

NETWORK = "10.83.0"
PREFIX = "posebus"
_numbers = itertools.count(1)


class CannotRun(Exception):
    """This machine allows no namespaces; the text says why."""


def ip(*words):
    """Runs ip(8)."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise CannotRun(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Machine:
    """One machine: a namespace, and a folder where its programs keep their files."""

    def __init__(self, network, name, address, folder):
        self.network, self.name, self.address, self.folder = network, name, address, folder
        self.namespace = network.namespace(name)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def prefix(self):
        """The words that put a program onto this machine: ip(8) becomes that program."""
        return ("ip", "netns", "exec", self.namespace)

    def start(self, name, *arguments, kind=harness.Program, **options):
        """Starts a program of PoseBus here."""
        return kind(name, *arguments, folder=self.folder, prefix=self.prefix, **options)

    def run(self, name, *arguments, **options):
        """Runs a program of PoseBus to its end here; `status` holds its exit status."""
        return harness.run(name, *arguments, folder=self.folder, prefix=self.prefix, **options)

    def call(self, *words, **options):
        """Runs any command to its end here."""
        return subprocess.run(
            [*self.prefix, *map(str, words)],
            **{"cwd": self.folder, "capture_output": True, "text": True, "timeout": harness.DEADLINE, **options})


class Network:
    """Machines that are all plugged into one switch, a bridge in a namespace of its own."""

    SWITCH = "switch"

    def __init__(self, names, folder, bad=()):
        """`bad` names those whose cable is a bad one, by the delay of each frame in ms and the share that is lost."""
        self._id = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        self._bad, self._wires = dict(bad), []
        self._names = [self.SWITCH, *names]
        self.folder = Path(folder)
        self.addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(names, 1)}
        self.machines = {}

    def __enter__(self):
        if os.geteuid() != 0:
            raise CannotRun("network namespaces need root")
        if not shutil.which("ip"):
            raise CannotRun("there is no ip(8); Debian's package is iproute2")
        remove_leftovers()
        atexit.register(self.close)
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def __getitem__(self, name):
        return self.machines[name]

    def namespace(self, name):
        return f"{self._id}-{name}"

    def _make(self):
        switch = self.namespace(self.SWITCH)
        ip("netns", "add", switch)
        ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", switch, "link", "set", "bridge", "up")
        hosts = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in self.addresses.items())
        for name, address in self.addresses.items():
            machine = Machine(self, name, address, self.folder / name)
            self.machines[name] = machine
            own = machine.namespace
            ip("netns", "add", own)
            # Both ends are born inside, so that their names meet nobody else's.
            if name in self._bad:
                self._wire(switch, name, own, *self._bad[name])
            else:
                ip("-n", switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", own)
            ip("-n", switch, "link", "set", name, "master", "bridge", "up")
            ip("-n", own, "addr", "add", f"{address}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                ip("-n", own, "link", "set", link, "up")
            # `ip netns exec` shows a program the files of this folder in place of those in /etc.
            etc = Path("/etc/netns") / own
            etc.mkdir(parents=True)
            (etc / "hosts").write_text(hosts)

    def _wire(self, switch, port, machine, delay, loss):
        wire = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("wire.py"), switch, port, machine, "eth0",
             "--delay", str(delay), "--loss", str(loss)], stdout=subprocess.PIPE, text=True)
        self._wires.append(wire)
        if wire.stdout.readline() != "ready\n":
            raise CannotRun("no TAP interface could be made (/dev/net/tun)")

    def unplug(self, name):
        """Pulls a machine's cable."""
        ip("-n", self.namespace(self.SWITCH), "link", "set", name, "down")

    def plug(self, name):
        """Puts a machine's cable back."""
        ip("-n", self.namespace(self.SWITCH), "link", "set", name, "up")

    def cut(self, one, other):
        """Lets nothing through between two machines any more, without telling either: their frames go to an address
        that nobody has. Both reach all others as before."""
        for near, far in ((one, other), (other, one)):
            ip("-n", self.namespace(near), "neigh", "replace", self.addresses[far], "lladdr", "02:00:00:00:00:01",
               "dev", "eth0", "nud", "permanent")

    def heal(self, one, other):
        """Undoes `cut`."""
        for near, far in ((one, other), (other, one)):
            ip("-n", self.namespace(near), "neigh", "del", self.addresses[far], "dev", "eth0")

    def close(self):
        """Removes everything, whatever state it is in."""
        atexit.unregister(self.close)
        for wire in self._wires:
            wire.kill()
            wire.wait()
            wire.stdout.close()
        self._wires = []
        for name in self._names:
            remove(self.namespace(name))


def remove(namespace):
    """Removes a namespace, and its processes' last hold on the network with it."""
    if (Path("/run/netns") / namespace).exists():
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True, timeout=60)
    shutil.rmtree(Path("/etc/netns") / namespace, ignore_errors=True)
    with contextlib.suppress(OSError):
        Path("/etc/netns").rmdir()


def remove_leftovers():
    """Removes what runs left behind that were killed: their names say whose they are."""
    for folder in (Path("/run/netns"), Path("/etc/netns")):
        for entry in folder.glob(f"{PREFIX}-*-*-*"):
            owner = re.fullmatch(rf"{PREFIX}-(\d+)-\d+-.+", entry.name)
            if owner and not Path("/proc", owner[1]).exists():
                remove(entry.name)
