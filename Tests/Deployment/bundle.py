"""Makes the bundle once for all tests, and runs its programs with next to nothing around them."""

import functools
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from pipeline import ROOT

# What the bundle expects of any machine: glibc, and the C++ runtime of GCC 12.
GLIBC = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2", "libutil.so.1",
         "ld-linux-x86-64.so.2"}
CPP = {"libstdc++.so.6", "libgcc_s.so.1"}


def make(folder):
    """Makes the archive and unpacks it into `folder`, or takes the one that $POSEBUS_BUNDLE names.

    Returns the archive's path and that of its folder. With the wheel that deploy/test has installed, infer can use it.
    """
    if not (archive := os.environ.get("POSEBUS_BUNDLE")):
        torches = ["--torch", os.environ.get("POSEBUS_TORCH") or "system"]
        if wheel():
            torches += ["--torch", wheel()]
        done = subprocess.run(
            [ROOT / "deploy" / "bundle", "--out", folder, *torches], stdout=subprocess.PIPE, text=True, timeout=900)
        assert done.returncode == 0, "deploy/bundle failed; what it said is above"
        archive = done.stdout.strip()
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="tar")
        name = tar.getnames()[0]
    return Path(archive), Path(folder) / name


def wheel():
    """The folder torch of the wheel in .venv-torch, or None."""
    if os.environ.get("POSEBUS_TORCH"):
        return None
    return next(iter(ROOT.glob(".venv-torch/lib/python3*/site-packages/torch")), None)


def objects(tree):
    """Every program and library in a bundle."""
    for folder, _, names in os.walk(tree):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
                yield path


def bare(tree, *command, binds=(), stdin=None, environment=(), timeout=120):
    """Runs a program of a bundle where there is nothing but the bundle, glibc and the C++ runtime: no shell, no Swift,
    no network. `binds` are further paths, read-only. Returns the finished process."""
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--setenv", "HOME", "/tmp",
             "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", tree, "/srv/some where/posebus"]
    for name in sorted(GLIBC | CPP):
        for folder in ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"):
            if (path := Path(folder, name)).exists():
                words += ["--ro-bind", path.resolve(), path]
                break
    if Path("/lib64/ld-linux-x86-64.so.2").exists():
        words += ["--ro-bind", Path("/lib64/ld-linux-x86-64.so.2").resolve(), "/lib64/ld-linux-x86-64.so.2"]
    for path in binds:
        words += ["--ro-bind", path, path]
    for name, value in dict(environment).items():
        words += ["--setenv", name, value]
    words += [f"/srv/some where/posebus/bin/{command[0]}", *command[1:]]
    return subprocess.run([*map(str, words)], input=stdin, capture_output=True, timeout=timeout)


@functools.cache
def missing():
    """What this machine lacks for `bare`, or None."""
    if not shutil.which("bwrap"):
        return "there is no bwrap: apt-get install bubblewrap"
    probe = subprocess.run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True)
    return f"bwrap may not: {probe.stderr.strip()}" if probe.returncode else None
