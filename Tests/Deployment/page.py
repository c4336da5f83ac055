"""A page whose commands are run as they stand there, each on the machine that its block names.

A block that begins with ```sh MACHINE is run by a login shell of that machine, from its home folder; one with a further
word, `stays`, is a program that stays in the foreground, in a terminal of its own.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pipeline as harness
from pipeline import BIN, DEADLINE, ROOT, until

_FENCE = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """Some lines of the page."""

    language: str
    words: list
    text: str

    @property
    def machine(self):
        return self.words[0] if self.words else None

    @property
    def stays(self):
        return "stays" in self.words[1:]


def blocks(page):
    """The page's blocks of code, in their order."""
    return [Block(language, words.split(), text) for language, words, text in _FENCE.findall(page.read_text())]


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


# What stands in for what these machines cannot have: a toolchain for deploy/build (the programs are there) and each
# other's SSH server. `ssh` and `scp` know no words but those on the page.
_SWIFT = """#!/bin/sh
case "$*" in
    --version) echo "Swift version 6.3" ;;
    "build --package-path $HOME/posebus -c release --show-bin-path") echo "$HOME/posebus/.build/release" ;;
    "build --package-path $HOME/posebus -c release --product posebus"*)
        mkdir -p "$HOME/posebus/.build" && ln -sfn {programs} "$HOME/posebus/.build/release" ;;
    *) echo "swift $*: not foreseen" >&2; exit 1 ;;
esac
"""
_SSH = """#!/bin/sh
machine=$1 && shift
cd {machines}/"$machine" && exec ip netns exec {namespace}-"$machine" env HOME="$PWD" "$@"
"""
_SCP = """#!/bin/bash
set -e
for target; do :; done
[[ $1 == -r ]] && shift
exec cp -rp "${{@:1:$#-1}}" {machines}/"${{target/:/\\/}}"
"""


class Reader:
    """Someone at three machines who does what the page says."""

    def __init__(self, network, models):
        self.network, self._staying = network, []
        for machine in network.machines.values():
            home = machine.folder
            own = home / ".stand-ins"
            _write(own / "swift", _SWIFT.format(programs=BIN))
            _write(own / "ssh", _SSH.format(machines=network.folder, namespace=network.namespace("X")[:-2]))
            _write(own / "scp", _SCP.format(machines=network.folder))
            (home / ".profile").write_text(f"PATH={own}:{os.environ['PATH']}\n")
            # The clone, and what the weights' server would have given.
            shutil.copytree(ROOT / "deploy", home / "posebus" / "deploy")
            folder = home / ".local" / "share" / "posebus"
            folder.mkdir(parents=True)
            (folder / "models").symlink_to(models)

    def _words(self, block):
        home = self.network[block.machine].folder
        environment = {"HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("POSEBUS_", "XDG_"))}
        return {"args": [*self.network[block.machine].prefix, "bash", "-l", "-e", "-c", block.text], "cwd": home,
                "env": {**kept, **environment}}

    def do(self, block):
        """Runs a block to its end; returns what it printed."""
        done = subprocess.run(
            **self._words(block), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, f"on {block.machine}:\n{block.text}\n{done.stdout}{done.stderr}{self.said()}"
        return done.stdout

    def leave_running(self, block):
        """Starts a block in a terminal of its own; returns the file with what it shows there."""
        shown = Path(tempfile.mkstemp(prefix="terminal-", dir=self.network[block.machine].folder)[1])
        with open(shown, "wb") as terminal:
            process = subprocess.Popen(
                **self._words(block), stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
                start_new_session=True)
        self._staying.append((block, process, shown))
        return shown

    def wait_for(self, shown, text):
        """Waits until a terminal shows some words."""

        def there():
            for block, process, _ in self._staying:
                assert process.poll() is None, f"ended on {block.machine}:\n{block.text}\n{self.said()}"
            return text in shown.read_text()

        try:
            until(there, repr(text))
        except harness.Late as late:
            raise harness.Late(f"{late}\n{self.said()}") from None

    def said(self):
        """What all terminals show."""
        return "".join(
            f"--- {block.machine}: {block.text}{shown.read_text(errors='replace')[-4000:]}"
            for block, _, shown in self._staying)

    def close(self):
        """Presses Ctrl-C in every terminal, the latest first."""
        for _, process, _ in reversed(self._staying):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                end = time.monotonic() + 15
                while process.poll() is None and time.monotonic() < end:
                    time.sleep(0.02)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
