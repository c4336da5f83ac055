"""The network between the stages."""

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

from flow import CannotRun, Flow
from pipeline import Pipeline
from proxy import Proxy

RECOVERY = 5.0


class ProxiedPipeline(Pipeline):
    """Stages that reach each other only through proxies."""

    seed = 0

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.proxies = {}

    def arguments(self, stage):
        words = super().arguments(stage)
        links = {"infer": [("--sink", "outcomes")], "ingest": [("--infer", "frames"), ("--acks", "acks")]}
        for option, name in links.get(stage, []):
            if name not in self.proxies:
                self.proxies[name] = Proxy(self.at[name], self.seed)
            words[words.index(option) + 1] = self.proxies[name].endpoint
        return words

    def close(self):
        super().close()
        for proxy in self.proxies.values():
            proxy.stop()


def faults(folder, seed, long):
    """Resets, black holes, slowness, half-closed connections, flipped bits between stages: healed within 5 s.

    Plain TCP cannot tell a flipped bit in what a message says; CURVE can. So after flipped bits only that is asked that
    every stream goes on.
    """
    rng = random.Random(seed)
    count = 100 if long else 10
    kinds = ["reset", "black_hole", "slow", "half_close", "corrupt"]
    order = [kinds[number % len(kinds)] for number in range(count)]
    rng.shuffle(order)
    ProxiedPipeline.seed = seed
    times = {kind: [] for kind in kinds}
    with Flow(Path(folder) / "clean", rate=30, make=ProxiedPipeline) as flow:
        for kind in order:
            if kind != "corrupt":
                _strike(flow, kind, rng, times)
        found = flow.finish()
    with Flow(Path(folder) / "corrupt", rate=30, make=ProxiedPipeline, trusting=False) as flow:
        for _ in range(order.count("corrupt")):
            _strike(flow, "corrupt", rng, times)
    worst = _worst(times)
    late = [(kind, *one) for kind, took in times.items() for one in took if one[0] > RECOVERY]
    assert not late, f"{len(late)} of {count} took longer than {RECOVERY:.0f} s: {late[:5]}; worst {worst}"
    return f"{count} faults, worst recovery: {worst}; {found}"


def _strike(flow, kind, rng, times):
    proxies = flow.pipeline.proxies
    name = rng.choice(sorted(proxies))
    proxy = proxies[name]
    if kind == "slow":
        proxy.rate = 2000
        time.sleep(1.5)
        proxy.rate = None
    else:
        getattr(proxy, kind)()
    since = time.monotonic()
    # Something accepted after the fault has come out of each stream, and keeps coming.
    time.sleep(0.3)
    try:
        flow.until_moving(deadline=30)
    except AssertionError as error:
        raise AssertionError(f"{kind} of {name}: {error}; before: {_worst(times)}") from error
    times[kind].append((time.monotonic() - since, name))
    time.sleep(rng.random() * 0.5)


def _worst(times):
    return ", ".join(
        f"{kind} {len(took)} times, worst {max(took)[0]:.1f} s ({max(took)[1]})"
        for kind, took in times.items() if took)


def links(folder, seed, long):
    """A network link between two machines (namespaces) goes down and comes back: healed within 5 s."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        raise CannotRun("network namespaces need root and ip(8)")
    rng = random.Random(seed)
    name = f"pbc{os.getpid()}"

    def ip(*words):
        return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20)

    made = ip("netns", "add", name)
    if made.returncode:
        raise CannotRun(f"ip netns add: {made.stderr.strip()}")
    try:
        for words in (
            ["link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name],
            ["addr", "add", "10.213.77.1/30", "dev", f"{name}a"],
            ["link", "set", f"{name}a", "up"],
            ["-n", name, "addr", "add", "10.213.77.2/30", "dev", f"{name}b"],
            ["-n", name, "link", "set", f"{name}b", "up"],
            ["-n", name, "link", "set", "lo", "up"],
        ):
            made = ip(*words)
            if made.returncode:
                raise CannotRun(f"ip {' '.join(words)}: {made.stderr.strip()}")
        return _links(folder, rng, name, ip, 20 if long else 3)
    finally:
        ip("netns", "del", name)
        ip("link", "del", f"{name}a")


def _links(folder, rng, name, ip, count):
    class SplitPipeline(Pipeline):
        """Infer lives in the other namespace."""

        def arguments(self, stage):
            words = super().arguments(stage)
            if stage == "infer":
                words[words.index("--bind") + 1] = "tcp://10.213.77.2:5560"
                words.append("--anyone-may-connect")
            return words

        def start(self, stage):
            if stage != "infer":
                return super().start(stage)
            import pipeline as harness

            # Program starts what BIN holds; a wrapper there enters the namespace.
            wrapper = self.folder / "bin"
            wrapper.mkdir(exist_ok=True)
            script = wrapper / "posebus-infer"
            script.write_text(f'#!/bin/sh\nexec ip netns exec {name} {harness.BIN}/posebus-infer "$@"\n')
            script.chmod(0o755)
            own, harness.BIN = harness.BIN, wrapper
            try:
                return super().start(stage)
            finally:
                harness.BIN = own

    remote = ["--bind-outcomes", "tcp://10.213.77.1:*"]
    took = []

    class Split(SplitPipeline):
        def arguments(self, stage):
            words = super().arguments(stage)
            if stage == "sink" and self.at["outcomes"].endswith("*"):
                words[words.index("--bind-outcomes") + 1] = remote[1]
            if stage == "sink":
                words.append("--anyone-may-connect")
            return words

    flow = Flow(folder, rate=30, make=Split)
    flow.__enter__()
    try:
        for _ in range(count):
            assert ip("link", "set", f"{name}a", "down").returncode == 0
            time.sleep(rng.choice([0.5, 2, 4]))
            assert ip("link", "set", f"{name}a", "up").returncode == 0
            since = time.monotonic()
            time.sleep(0.3)
            flow.until_moving(deadline=60)
            took.append(time.monotonic() - since)
        found = flow.finish()
    finally:
        flow.__exit__()
    assert max(took) < RECOVERY, f"recovery took {max(took):.1f} s"
    return f"{count} times down, worst recovery {max(took):.1f} s, {found}"
