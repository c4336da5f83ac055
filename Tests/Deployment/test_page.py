"""docs/deployment.md, followed word for word by someone with three machines: at the end there are poses."""

import subprocess

import pytest

from machines import rendered
from network import CannotRun, Network
from page import Reader, blocks
from pipeline import ROOT

PAGE = ROOT / "docs" / "deployment.md"
MACHINES = ("hub", "gpu", "archive")
FRAMES = 90


def test_every_block_of_the_page_is_run():
    found = blocks(PAGE)
    assert len(found) == PAGE.read_text().count("\n```") / 2
    for block in found:
        assert block.language == "sh" and block.machine in MACHINES, block
    assert {block.machine for block in found if block.stays} == set(MACHINES)


@pytest.fixture
def reader(tmp_path, models):
    try:
        with Network(MACHINES, tmp_path / "machines") as network:
            reader = Reader(network, models)
            try:
                yield reader
            finally:
                reader.close()
    except CannotRun as reason:
        pytest.skip(str(reason))


@pytest.fixture
def video(tmp_path):
    """A person who walks, as an MP4."""
    frames = b"".join(rendered(tmp_path, FRAMES, (640, 480)))
    path = tmp_path / "ride.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "image2pipe", "-c:v", "mjpeg", "-r", "30", "-i", "-", "-c:v", "libx264",
         "-pix_fmt", "yuv420p", path], input=frames, check=True, timeout=120)
    return path


def test_the_page_leads_from_a_clone_to_poses(reader, video):
    """Each command does what the page says; strangers have no keys, and each machine no secret but its own."""
    folders = {name: reader.network[name].folder for name in MACHINES}
    printed = []
    watching = None
    for block in blocks(PAGE):
        if not block.stays:
            if "ride.mp4" in block.text:
                video.rename(folders["hub"] / "pose" / "ride.mp4")
            if "posebus verify" in block.text:
                reader.wait_for(watching, f"cam1 ends: {FRAMES} frames, {FRAMES} poses, 0 drops")
            printed.append(reader.do(block))
            continue
        shown = reader.leave_running(block)
        if "posebus watch" in block.text:
            watching = shown
            reader.wait_for(watching, "watching tcp://archive:5571")
        else:
            reader.wait_for(shown, " ready ")

    lines = [line for line in watching.read_text().splitlines() if line.startswith("cam1 #")]
    numbers = [int(line.split()[1].removeprefix("#")) for line in lines]
    assert numbers == list(range(numbers[0], FRAMES))
    assert sum("person 1 " in line for line in lines) > 0.8 * len(lines), reader.said()
    for words in ("infer at tcp://gpu:5560 is connected", "sink at tcp://archive:5572 is connected",
                  "the sink at tcp://archive:5570 is connected"):
        assert words in reader.said()
    said = "".join(printed)
    for port in ("gpu/5560", "archive/5572", "archive/5571", "archive/5570"):
        assert f"{port} can be reached" in said
    assert f"holds: 1 sessions, {FRAMES} outcomes, each frame once and in order" in said
    assert {name: {path.name for path in folder.rglob("*.cert_secret")} for name, folder in folders.items()} == {
        "hub": {"ingest.cert_secret", "cam1.cert_secret", "viewer.cert_secret"},
        "gpu": {"infer.cert_secret"}, "archive": {"sink.cert_secret"}}
