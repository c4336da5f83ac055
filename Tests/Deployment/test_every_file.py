"""Nothing lies in deploy/ that no test has looked at."""

import ast
import os
import re
import shutil
import subprocess

import pytest

from pipeline import BIN, DEADLINE, ROOT

DEPLOY = ROOT / "deploy"


def files():
    """What git knows of, and what it would take in."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "deploy"], check=True, capture_output=True,
        text=True, timeout=DEADLINE).stdout.splitlines()
    return sorted(ROOT / name for name in listed if (ROOT / name).is_file())


def interpreter(file):
    first = file.read_bytes()[:80].split(b"\n", 1)[0]
    return first.decode() if first.startswith(b"#!") else ""


SHELL = [file for file in files() if "bash" in interpreter(file) or interpreter(file).endswith("/sh") or file.suffix == ".sh"]
PYTHON = [file for file in files() if "python" in interpreter(file) or file.suffix == ".py"]


def name(file):
    return str(file.relative_to(DEPLOY))


def test_the_shell_scripts_pass_shellcheck():
    checked = subprocess.run(
        ["shellcheck", "--external-sources", *SHELL], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("script", PYTHON, ids=name)
def test_the_python_scripts_can_be_read(script):
    ast.parse(script.read_text(), script.name)


@pytest.mark.parametrize("script", [file for file in SHELL + PYTHON if interpreter(file)], ids=name)
def test_a_script_can_be_started(script):
    assert os.access(script, os.X_OK), f"chmod +x {name(script)}"


@pytest.mark.parametrize("stage", ["ingest", "infer", "sink", "gateway"])
def test_the_script_of_a_stage_starts_it(tmp_path, stage):
    """The compiler is played: deploy/test has built the programs already, and each of these scripts would plan it anew."""
    compiler = tmp_path / "swift"
    compiler.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
case "$*" in *--show-bin-path*) echo {BIN} ;; --version) exec {shutil.which("swift")} --version ;; esac
""")
    compiler.chmod(0o755)
    started = subprocess.run(
        [DEPLOY / stage, "--version"], capture_output=True, text=True, timeout=DEADLINE,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert started.returncode == 0, started.stderr
    assert re.fullmatch(r"\d+\.\d+\.\d+", started.stdout.strip())
    asked = (tmp_path / "asked").read_text()
    assert f"-c release --product posebus-{stage}" in asked


@pytest.mark.parametrize("file", files(), ids=name)
def test_each_file_is_somebodys(file):
    """Every file, or a folder it lies in, is named by a test, by deploy/test itself, or by a file beside it that is."""
    tests = "\n".join(
        test.read_text() for folder in ("Deployment", "EndToEnd") for test in (ROOT / "Tests" / folder).glob("*.py")
        if test.name != "test_every_file.py") + (DEPLOY / "test").read_text()
    stages = {"ingest", "infer", "sink", "gateway"}
    if file.parent == DEPLOY and (file.name in stages or file in SHELL and re.search(rf"deploy/{file.name}\b", tests)):
        return
    names = [file.name, *(str(each.relative_to(DEPLOY)) for each in file.parents if each != DEPLOY and DEPLOY in each.parents)]
    assert any(re.search(rf"\b{re.escape(each)}\b", tests) for each in names), "no test reads, runs or validates it"
