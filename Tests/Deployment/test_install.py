"""deploy/install and the units in deploy/systemd, without and with a service manager that runs them."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

import machine
from conftest import models_folder
from pipeline import ROOT, until

SYSTEMD = ROOT / "deploy" / "systemd"
STAGES = ("ingest", "infer", "sink", "gateway")
UNITS = [f"posebus-{stage}.service" for stage in STAGES] + ["posebus-camera@.service"]
# The most that systemd-analyze may make of what a service can do, of 10; without any hardening it is 9.6.
EXPOSURE = {"ingest": 1.7, "infer": 1.9, "sink": 1.7, "gateway": 1.7, "camera@door": 1.9}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def install(tree, *arguments, status=0):
    done = subprocess.run(["bash", tree / "install", *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def image(bundled, tmp_path_factory):
    """The root of a machine that does not run, with everything installed."""
    root = tmp_path_factory.mktemp("image") / "root"
    (root / "etc").mkdir(parents=True)
    install(bundled[1], *STAGES, "camera", "--root", root)
    return root


@needs_root
class TestAnImage:
    def test_files_and_who_may_read_them(self, image, bundled):
        group = int(re.search(r"^posebus:[^:]*:(\d+)", (image / "etc/group").read_text(), re.M)[1])
        user = int(re.search(r"^posebus:[^:]*:(\d+)", (image / "etc/passwd").read_text(), re.M)[1])
        for path, mode, owner, its_group in (
            ("opt/posebus/bin/posebus", 0o755, 0, 0),
            ("etc/posebus/posebus.yaml", 0o640, 0, group),
            ("etc/posebus/keys", 0o750, 0, group),
            ("var/lib/posebus", 0o750, user, group),
            ("var/lib/posebus/sink", 0o750, user, group),
            ("opt/posebus/camera/posebus-camera", 0o755, 0, 0),
        ):
            found = (image / path).stat()
            assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (mode, owner, its_group), path
        for folder, _, names in os.walk(image / "opt"):
            for path in (Path(folder, name) for name in names):
                assert path.is_symlink() or not path.stat().st_mode & 0o6022, path
        assert (image / "usr/local/bin/posebus").readlink() == Path("/opt/posebus/bin/posebus")
        wants = image / "etc/systemd/system/multi-user.target.wants"
        assert {path.name for path in wants.iterdir()} == {f"posebus-{stage}.service" for stage in STAGES}

    def test_its_configuration_is_right(self, image, bundled):
        done = subprocess.run(
            [bundled[1] / "bin/posebus", "config", "check", image / "etc/posebus/posebus.yaml"],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_its_units_are_sound(self, image):
        """Every word is known to systemd, and every program is where a unit looks for it."""
        with_targets(image)
        units = [image / "usr/local/lib/systemd/system" / unit.replace("@", "@door") for unit in UNITS]
        (units[-1]).write_text((SYSTEMD / UNITS[-1]).read_text())
        done = subprocess.run(
            ["systemd-analyze", "verify", f"--root={image}", "--man=no", "--recursive-errors=no",
             *(unit.name for unit in units)],
            capture_output=True, text=True, timeout=60)
        units[-1].unlink()
        assert done.returncode == 0 and not done.stderr, done.stderr

    @pytest.mark.parametrize("stage", EXPOSURE)
    def test_services_can_do_little(self, image, stage):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", f"--root={image}", "--no-pager",
             f"--threshold={int(EXPOSURE[stage] * 10)}", f"posebus-{stage}.service"],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_memory_is_bounded(self, image):
        for unit in UNITS:
            text = (image / "usr/local/lib/systemd/system" / unit).read_text()
            assert re.search(r"^MemoryMax=\d", text, re.M) and re.search(r"^MemoryHigh=\d", text, re.M), unit

    def test_again_changes_nothing_of_ones_own(self, image, bundled):
        configuration = image / "etc/posebus/posebus.yaml"
        own = configuration.read_text() + "\n# mine\n"
        configuration.write_text(own)
        install(bundled[1], "ingest", "--root", image)
        assert configuration.read_text() == own
        assert (image / "opt/posebus/camera/posebus-camera").exists()
        assert not list(image.glob("opt/posebus.*"))

    def test_what_is_removed_and_what_is_kept(self, image, bundled):
        install(bundled[1], "--uninstall", "sink", "--root", image)
        units = image / "usr/local/lib/systemd/system"
        assert not (units / "posebus-sink.service").exists() and (units / "posebus-ingest.service").exists()
        assert (image / "opt/posebus").exists()
        install(bundled[1], "--uninstall", "--root", image)
        assert not (image / "opt/posebus").exists() and not list(units.iterdir())
        assert (image / "etc/posebus/posebus.yaml").exists() and (image / "var/lib/posebus/sink").exists()
        install(bundled[1], "--uninstall", "--purge", "--root", image)
        assert not (image / "etc/posebus").exists() and not (image / "var/lib/posebus").exists()


def with_targets(image):
    """Puts the targets there that the units name."""
    for target in ("basic", "sysinit", "shutdown", "network-online", "nss-lookup", "multi-user"):
        path = image / f"usr/lib/systemd/system/{target}.target"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[Unit]\nDescription=Target\nDefaultDependencies=no\n")


def test_wrong_words_are_explained(bundled):
    done = subprocess.run(["bash", bundled[1] / "install", "ingset"], capture_output=True, text=True)
    assert done.returncode == 1 and "unknown word ingset" in done.stderr
    done = subprocess.run(["bash", bundled[1] / "install"], capture_output=True, text=True)
    assert done.returncode == 1 and "say which stages" in done.stderr


@pytest.fixture(scope="module")
def running(bundled, tmp_path_factory):
    """A machine on which the stages run as services, with frames from a camera of its own."""
    if machine.missing():
        pytest.skip(machine.missing())
    folder = tmp_path_factory.mktemp("machine")
    binds = {"/mnt/bundle": bundled[1]}
    models = models_folder()
    has_models = (models / "pose_landmark_full.tflite").exists()
    if has_models:
        binds["/mnt/models"] = models
    booted = machine.Machine(folder, binds)
    try:
        booted.run("/mnt/bundle/install", *STAGES, "camera")
        configuration = booted.run("cat", "/etc/posebus/posebus.yaml")
        booted.write("/etc/posebus/posebus.yaml", configuration.replace(
            "infer:\n", f"infer:\n  engine: {'blazepose' if has_models else 'none'}\n", 1).replace(
            "/var/lib/posebus/infer/models", "/mnt/models"))
        booted.run("systemctl", "start", *(f"posebus-{stage}" for stage in STAGES))
        yield booted
    except BaseException:
        print(booted.journal())
        raise
    finally:
        booted.close()


@needs_root
class TestRunning:
    def test_all_are_ready_and_say_where_they_are(self, running):
        for stage in STAGES:
            told = running.properties(
                f"posebus-{stage}", "ActiveState", "StatusText", "NRestarts", "User", "MemoryMax", "WatchdogUSec")
            assert told["ActiveState"] == "active" and told["NRestarts"] == "0" and told["User"] == "posebus", told
            assert told["StatusText"].startswith(f"posebus-{stage} ready "), told
            assert told["MemoryMax"].isdecimal() and told["WatchdogUSec"] == "30s", told

    def test_nobody_writes_where_he_should_not(self, running):
        """What a stage is denied holds for it in fact."""
        pid = running.properties("posebus-ingest", "MainPID")["MainPID"]
        status = running.run("cat", f"/proc/{pid}/status")
        assert re.search(r"NoNewPrivs:\s+1", status) and re.search(r"Seccomp:\s+2", status), status
        assert re.search(r"CapEff:\s+0+$", status, re.M), status
        mounts = running.run("cat", f"/proc/{pid}/mounts")
        writable = {line.split()[1] for line in mounts.splitlines()
                    if "rw" in line.split()[3].split(",") and line.split()[2] in ("overlay", "ext4", "tmpfs")}
        assert "/" not in writable and "/var/lib/posebus/ingest" in writable, writable

    def test_a_camera_feeds_and_every_picture_has_its_outcome(self, running):
        running.write(
            "/etc/posebus/cameras/door.conf",
            "CAMERA=-- ffmpeg -v error -re -f lavfi -i testsrc=size=320x240:rate=20 -t 4 -c:v mjpeg -f mjpeg -\n")
        # This one ends by itself; a real camera would be started again.
        running.write("/etc/systemd/system/posebus-camera@door.service.d/once.conf", "[Service]\nRestart=no\n")
        running.run("systemctl", "daemon-reload")
        running.run("systemctl", "start", "posebus-camera@door")
        until(lambda: running.properties("posebus-camera@door", "ActiveState")["ActiveState"] in ("inactive", "failed"),
              "the camera has ended")
        assert "posebus-camera: 80 pictures accepted by ingest, 0 left out" in running.journal(), running.journal()
        store = "/var/lib/posebus/sink/poses.sqlite"
        until(lambda: "frames 0 to 79" in running.run("posebus", "verify", store), "the outcomes are stored")

    def test_a_stage_that_hangs_is_started_again(self, running):
        running.write("/run/systemd/system/posebus-sink.service.d/soon.conf", "[Service]\nWatchdogSec=2\n")
        running.run("systemctl", "daemon-reload")
        running.run("systemctl", "restart", "posebus-sink")
        time.sleep(3)
        told = running.properties("posebus-sink", "NRestarts", "ActiveState")
        assert told == {"NRestarts": "0", "ActiveState": "active"}, "it tells in time that it lives"
        running.run("systemctl", "kill", "--signal=STOP", "posebus-sink")
        until(lambda: running.properties("posebus-sink", "NRestarts")["NRestarts"] == "1", "it is started again")
        until(lambda: running.properties("posebus-sink", "ActiveState")["ActiveState"] == "active", "it is ready again")

    def test_a_wrong_configuration_is_said_and_not_tried_for_ever(self, running):
        started = re.search(r"^ExecStart=(.*)$", (ROOT / "deploy/systemd/posebus-infer.service").read_text(), re.M)[1]
        running.write("/run/systemd/system/posebus-infer.service.d/wrong.conf",
                      f"[Service]\nEnvironment=POSEBUS_TORCH=/srv\nExecStart=\nExecStart={started} --engine hmr2\n")
        running.run("systemctl", "daemon-reload")
        running.run("systemctl", "restart", "posebus-infer", status=1)
        told = running.properties("posebus-infer", "ActiveState", "ExecMainStatus", "NRestarts")
        assert told == {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"}
        assert "/srv is no torch folder" in running.journal()
        running.run("rm", "-r", "/run/systemd/system/posebus-infer.service.d")
        running.run("systemctl", "daemon-reload")
        running.run("systemctl", "reset-failed", "posebus-infer")
        running.run("systemctl", "restart", "posebus-infer")

    def test_everything_stops_in_order_and_goes(self, running):
        running.run("systemctl", "stop", *(f"posebus-{stage}" for stage in STAGES))
        for stage in STAGES:
            told = running.properties(f"posebus-{stage}", "Result", "ExecMainStatus")
            assert told == {"Result": "success", "ExecMainStatus": "0"}, (stage, told)
        running.run("/mnt/bundle/install", "--uninstall", "--purge")
        left = running.run("sh", "-c", "ls -d /opt/posebus* /etc/posebus /var/lib/posebus /usr/local/bin/posebus 2>&1; "
                           "systemctl list-unit-files 'posebus-*' --no-legend; getent passwd posebus", status=2)
        assert not re.search(r"^(/|posebus)", left, re.M), left
