"""deploy/bundle: an archive that runs on any machine with glibc, against the libtorch it finds there."""

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import bundle
from pipeline import BIN, ROOT

sys.path.insert(0, str(ROOT / "Tests/Fixtures/hmr2"))
import make_folder

PROGRAMS = ("posebus", "posebus-ingest", "posebus-infer", "posebus-sink", "posebus-gateway", "posebus-image")


@pytest.fixture
def footage(clips):
    """A person in 20 frames of a real video, as JPEGs one after another."""
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clips / "kicker.mp4", "-frames:v", "20", "-q:v", "3", "-f", "mjpeg", "-"],
        check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def hmr2(tmp_path_factory):
    """A small HMR2 of the official structure."""
    folder = tmp_path_factory.mktemp("hmr2")
    make_folder.make(folder, "tiny", "b")
    return folder


def readelf(*arguments):
    words = ["readelf", "--wide", *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def version(text):
    return tuple(map(int, text.split(".")))


def test_the_archive_is_small_and_keeps_to_its_folder(bundled):
    archive, tree = bundled
    assert archive.stat().st_size < 64e6, f"{archive} has {archive.stat().st_size / 1e6:.1f} MB"
    with tarfile.open(archive) as tar:
        for member in tar:
            assert member.name.split("/")[0] == tree.name and ".." not in Path(member.name).parts
            assert (member.uid, member.gid) == (0, 0) and not member.mode & 0o6022, member.name
            if member.issym():
                assert (Path(tree, *Path(member.name).parts[1:-1]) / member.linkname).exists(), member.name
    for name in ("README.txt", "install", "share/posebus/viewer/index.html", "share/posebus/client/posebus.js",
                 "share/posebus/three/build/three.module.js", "share/posebus/systemd/posebus-ingest.service",
                 "share/doc/posebus/LICENSE"):
        assert (tree / name).is_file(), name
    readme = (tree / "README.txt").read_text()
    assert re.search(r"pip install torch==[0-9.]+ ", readme) and "@" not in readme
    # Everything inside has its terms beside it.
    licences = {path.name for path in (tree / "share/doc/posebus/licences").iterdir()}
    assert {"swift-runtime.txt", "swift-nio.LICENSE.txt", "GRDB.swift.LICENSE.txt", "libjs-three.txt"} <= licences
    assert len(licences) >= len(list((tree / "lib").glob("*.so*")))


def test_it_needs_nothing_but_glibc_and_the_runtime_of_cpp(bundled):
    _, tree = bundled
    carried = {path.name for path in (tree / "lib").iterdir()}
    torch = re.compile(r"libtorch_cpu\.so|libc10\.so")
    for path in bundle.objects(tree):
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", path)))
        rest = needed - carried - bundle.GLIBC - bundle.CPP
        if path.name == "libposebus-ctorch.so":
            assert all(torch.match(name) for name in rest), f"{path} needs {rest}"
        else:
            assert not rest, f"{path} needs {rest}"
        asked = re.findall(r"Name: (GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)", readelf("--version-info", path))
        limits = {"GLIBC": "2.36", "GLIBCXX": "3.4.30", "CXXABI": "1.3.13", "GCC": "12"}
        for name, number in asked:
            assert version(number) <= version(limits[name]), f"{path} needs {name}_{number}"
    dynamic = readelf("--dynamic", tree / "bin" / "posebus")
    assert re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic) == ["$ORIGIN/../lib"]


def test_nothing_of_the_machine_it_was_made_on_is_inside(bundled):
    """But for the folder of the wheel's headers, which libtorch's macros write into their own messages."""
    _, tree = bundled
    wheel = os.fsencode(f"{ROOT}/.venv-torch/")
    for path in bundle.objects(tree):
        content = path.read_bytes()
        if path.name == "libposebus-ctorch.so":
            content = content.replace(wheel, b"")
        assert os.fsencode(f"{ROOT}/") not in content, f"{path} names {ROOT}"


@pytest.mark.skipif(bundle.missing() is not None, reason=str(bundle.missing()))
class TestWithNothingAround:
    """A machine without a shell, a network, or a home folder; the bundle's path has a space."""

    def test_every_program_answers_to_its_name(self, bundled):
        _, tree = bundled
        release = re.search(r'version = "(.*)"', (ROOT / "Sources/Stage/Release.swift").read_text())[1]
        for name in PROGRAMS:
            done = bundle.bare(tree, name, "--version")
            assert done.stdout.decode().strip() == release, f"{name}: {done}"
            assert f"USAGE: {name} " in bundle.bare(tree, name, "--help").stdout.decode()

    def test_a_pipeline_without_models(self, bundled):
        done = self.up(bundled[1], "test:?frames=30&realtime=no", "--engine", "none")
        assert re.search(rb"30 frames in, 30 outcomes out: 30 poses", done.stdout), done

    @pytest.mark.parametrize("torch, said", [
        ("system", "this machine has no libtorch"),
        ("/srv", "/srv is no torch folder"),
        ("/nowhere", "/nowhere is no torch folder"),
    ])
    def test_without_a_libtorch_it_says_what_to_install(self, bundled, torch, said):
        done = bundle.bare(bundled[1], "posebus-infer", "--engine", "hmr2", "--torch", torch)
        assert done.returncode == 78, done
        assert said in done.stderr.decode() and "apt-get install libtorch1.13" in done.stderr.decode(), done

    def test_people_are_found_without_any_libtorch(self, bundled, models, footage):
        done = self.up(bundled[1], "-", "--models", models, stdin=footage, binds=(models,))
        assert re.search(rb"20 frames in, 20 outcomes out: 20 poses \(20 with persons\), 0 drops", done.stdout), done

    def test_bodies_are_found_with_the_libtorch_of_a_wheel(self, bundled, models, hmr2, footage):
        if not (torch := bundle.wheel()):
            pytest.skip("there is no wheel in .venv-torch; deploy/test installs one")
        done = self.up(bundled[1], "-", "--engine", "hmr2", "--hmr2-dir", hmr2, "--models", models, "--torch", torch,
                       stdin=footage, binds=(models, hmr2, torch))
        assert re.search(rb"20 frames in, 20 outcomes out: 20 poses \(20 with persons\), 0 drops", done.stdout), done

    @staticmethod
    def up(tree, *arguments, status=0, **options):
        """Runs a whole pipeline. Its gateway has no other machine to be seen from."""
        done = bundle.bare(tree, "posebus", "up", *arguments, "--store", "/tmp/poses.sqlite", "--ephemeral", **options)
        assert done.returncode == status, done.stdout.decode() + done.stderr.decode()
        return done


@pytest.mark.parametrize("engine", ["blazepose", "hmr2"])
def test_it_computes_what_the_programs_of_the_clone_compute(bundled, models, hmr2, tmp_path, engine):
    """With Debian's libtorch where the engine needs one, to the last digit; of frames whose times are always the same."""
    found = []
    for programs in (bundled[1] / "bin", BIN):
        store = tmp_path / f"{len(found)}.sqlite"
        done = subprocess.run(
            [programs / "posebus", "up", "test:?frames=20&realtime=no", "--store", store, "--models", models,
             "--engine", engine, "--hmr2-dir", hmr2, "--ephemeral"],
            capture_output=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        exported = subprocess.run(
            [programs / "posebus", "export", "--store", store, "--format", "json"],
            capture_output=True, text=True, timeout=60, check=True)
        found.append([json.loads(line)["persons"] for line in exported.stdout.splitlines()])
    assert len(found[0]) == 20 and all(found[0])
    assert found[0] == found[1]
