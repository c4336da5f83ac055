"""Fixtures that all end-to-end tests share."""

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "clients" / "python" / "src")]

import pipeline as harness  # noqa: E402


@pytest.fixture(autouse=True)
def programs_of_this_test(request):
    """Ends what a test left running, so that a failure does not disturb the next."""
    shared = len(harness.Program.started)
    yield
    for program in harness.Program.started[shared:]:
        if program.alive():
            program.kill()
    del harness.Program.started[shared:]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows with a failure what the programs said."""
    report = (yield).get_result()
    if report.failed:
        for program in harness.Program.started:
            title = f"{' '.join(program.command)} (status {program.process.poll()})"
            report.sections.append((title, program.output()[-2000:] + program.errors()[-6000:]))


@pytest.fixture
def start(tmp_path):
    """Starts pipelines that end with the test."""
    running = []

    def start(**options):
        running.append(harness.Pipeline(tmp_path, **options))
        return running[-1].__enter__()

    yield start
    for pipeline in running:
        pipeline.close()


@pytest.fixture
def posebus(tmp_path):
    """Runs the person's tool to its end."""

    def posebus(*arguments, **options):
        return harness.run("posebus", *arguments, folder=tmp_path, **options)

    return posebus


def models_folder():
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(os.environ.get("POSEBUS_MODELS") or data / "posebus" / "models")


WEIGHTS = ("pose_detection.tflite", "pose_landmark_full.tflite")


@pytest.fixture
def models():
    """The folder with the weights."""
    folder = models_folder()
    if not all((folder / name).exists() for name in WEIGHTS):
        pytest.skip(f"no weights in {folder}; fetch them with `posebus models fetch`")
    return folder


@pytest.fixture
def clips():
    """The folder with real footage, which is no part of this repository."""
    folder = os.environ.get("POSEBUS_CLIPS")
    if not folder:
        pytest.skip("POSEBUS_CLIPS names no folder with kicker.mp4, kicker.boxes.json and park.mov")
    return Path(folder)
