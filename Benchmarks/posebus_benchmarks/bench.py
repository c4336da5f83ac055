"""What the rows share: programs, peers, clips, a folder to work in, and how commands are run and remembered."""

import contextlib
import functools
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
# The end-to-end tests have what starts the stages and speaks to them.
sys.path.insert(0, str(ROOT / "Tests" / "EndToEnd"))
PEERS = HERE / "peers"
ENVIRONMENTS = ROOT / ".venv-benchmarks"
# In no registry.
PUBLIC_HMR2 = "https://github.com/shubham-goel/4D-Humans"
PUBLIC_HMR2_COMMIT = "6ec79656a23c33237c724742ca2a0ec00b398b53"


class Unavailable(Exception):
    """Something a row needs is not here; says what."""


class Failed(Exception):
    """A contender ended badly; says how."""


class Bench:
    def __init__(self, options, work):
        self.bin = options.bin.resolve() if options.bin else None
        self.clips = Path(options.clips).resolve()
        self.torch = options.torch
        if self.torch:
            # Every program of a bundle takes it from there.
            os.environ["POSEBUS_TORCH"] = str(self.torch.resolve())
        self.interpreters = dict(options.python)
        self.dry = options.dry_run
        self.seconds = options.seconds
        self.work = Path(work)
        self.commands = []  # Of the row that is measured.
        self._hmr2_dir = options.hmr2_dir

    # Programs and peers

    def program(self, name):
        """A program of PoseBus."""
        path = self.bin / name
        if not path.exists():
            raise Unavailable(f"there is no {name} in {self.bin}")
        return path

    def raw(self, name):
        """A peer in C."""
        if not (HERE / ".build" / "release" / name).exists():
            raise Unavailable(f"the peer {name} is not built; Benchmarks/run builds it unless --only-cuda is given")
        return HERE / ".build" / "release" / name

    @functools.lru_cache  # noqa: B019 - one Bench a run
    def python(self, peer):
        """The interpreter of a peer's environment, with what its requirements.txt names, or the one that --python names."""
        if peer in self.interpreters:
            return Path(self.interpreters[peer])
        environment = ENVIRONMENTS / peer
        if not (environment / "bin" / "python").exists():
            print(f"==> fetching {peer}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = subprocess.run(
            [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement",
             PEERS / peer / "requirements.txt"], capture_output=True, text=True)
        if pip.returncode:
            raise Unavailable(f"pip could not install the peer {peer}: {pip.stderr.strip().splitlines()[-1]}")
        return environment / "bin" / "python"

    def clip(self, name="kicker.mp4"):
        path = self.clips / name
        if not path.exists():
            raise Unavailable(f"{name} is not there; --clips FOLDER names the folder that holds it")
        return path

    @functools.cached_property
    def cuda_device(self):
        """The name of the first GPU that NVIDIA's driver has, or None."""
        try:
            said = subprocess.run(
                ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader", "--id=0"], capture_output=True, text=True)
        except OSError:
            return None
        return said.stdout.strip() if said.returncode == 0 else None

    @functools.cached_property
    def hmr2_dir(self):
        """Weights of HMR2: those named, or random ones of the same size. What they are does not change what they cost."""
        if self._hmr2_dir:
            return Path(self._hmr2_dir)
        size = "tiny" if self.dry else "full"
        folder = ENVIRONMENTS / f"hmr2-weights-{size}"
        if not (folder / "complete").exists():
            print(f"==> making a folder of random weights of HMR2's size ({'small' if self.dry else '2.6 GB'})", file=sys.stderr)
            peer = "hmr2-cuda" if self.cuda_device else "hmr2"
            subprocess.run(
                [self.python(peer), ROOT / "Tests" / "Fixtures" / "hmr2" / "make_folder.py", folder, "--size", size], check=True)
            (folder / "complete").touch()
        return folder

    @functools.cached_property
    def public_hmr2(self):
        """A clone of 4D-Humans: the one that POSEBUS_4D_HUMANS names, else one of the commit that was compared with."""
        named = os.environ.get("POSEBUS_4D_HUMANS")
        folder = Path(named) if named else ENVIRONMENTS / "4D-Humans"
        if not named and not (folder / "hmr2").exists():
            for step in (["init", "--quiet", folder], ["-C", folder, "fetch", "--quiet", "--depth", "1", PUBLIC_HMR2, PUBLIC_HMR2_COMMIT],
                         ["-C", folder, "checkout", "--quiet", "FETCH_HEAD"]):
                if subprocess.run(["git", *step]).returncode:
                    raise Unavailable(f"{PUBLIC_HMR2} could not be cloned; POSEBUS_4D_HUMANS can name a clone")
        if not (folder / "hmr2").exists():
            raise Unavailable(f"{folder} is no clone of 4D-Humans; POSEBUS_4D_HUMANS names one")
        return folder

    # Running

    def remember(self, command):
        """Keeps a command for the table, without this machine's folders and this run's ports: the same in every round."""
        text = shlex.join(map(str, command))
        for path, name in ((str(self.work), "WORK"), (str(self.bin), "."), (str(ROOT), "."), (str(self.clips), "CLIPS")):
            text = text.replace(path, name)
        text = re.sub(r"\bWORK/tmp\w{8}\b", "WORK", text)
        text = re.sub(r"(://127\.0\.0\.1:)[1-9]\d*", r"\1PORT", text)
        if text not in self.commands:
            self.commands.append(text)

    def run(self, command, environment=None, deadline=900):
        """Runs to the end and returns standard output."""
        self.remember(command)
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=deadline, cwd=self.work,
            env={**os.environ, **(environment or {})})
        if done.returncode:
            raise Failed(f"{shlex.join(map(str, command))} ended with status {done.returncode}:\n{done.stderr[-3000:]}")
        return done.stdout

    def json(self, command, **options):
        """Runs a contender that prints its figures as the last line, a JSON object."""
        return json.loads(self.run(command, **options).strip().splitlines()[-1])

    def timed(self, command, **options):
        """Wall-clock seconds of a whole process, and what it printed."""
        start = time.perf_counter()
        printed = self.run(command, **options)
        return time.perf_counter() - start, printed

    @contextlib.contextmanager
    def folder(self):
        """A folder of its own for one run of one contender."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def pipeline(self, folder, **options):
        """Sink, infer and ingest as the end-to-end tests start them: see Tests/EndToEnd/pipeline.py."""
        import pipeline as harness

        harness.BIN = self.bin
        with harness.Pipeline(folder, **options) as pipeline:
            for stage in pipeline.stages.values():
                self.remember(stage.command)
            yield pipeline
