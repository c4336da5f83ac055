"""The viewer in a browser with the real gateway and stages: picture and pose in step, live and recorded, and what is down."""

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from browser import WATCH_CODE, Pages, chromium, coded_picture, shot, until
from images import jpegs_of
from images import video as make_video
from pipeline import BIN, DEADLINE, ROOT, Feeder, Program, header, own_socket
from pipeline import until as wait

pytestmark = pytest.mark.skipif(not (BIN / "posebus-gateway").exists(), reason="no posebus-gateway in POSEBUS_BIN")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def stages(start, tmp_path):
    """Starts the stages and a gateway in front of them; `url` is where the viewer is."""

    def stages(engine="none", gateway=(), infer=()):
        pipeline = start(engine=engine, sink=["--keep-frames", "500M"], infer=["--forward-frames", *infer])
        at = pipeline.at
        program = Program(
            "posebus-gateway", "--bind-http", "127.0.0.1:0", "--results", at["results"], "--replay", at["replay"],
            "--preview", at["preview"], "--ingest", at["request"], "--infer", at["frames"], "--state",
            tmp_path / "gateway", *gateway, folder=tmp_path)
        pipeline.gateway = program
        pipeline.url = program.ready()["http"]
        return pipeline

    return stages


@pytest.fixture
def pages(browser, stages):
    # Closed before the gateway, so that the end of that is no error of the page's.
    pages = Pages(browser)
    yield pages
    pages.close()
    assert pages.wrong == []


def ask(pipeline, path):
    with urllib.request.urlopen(pipeline.url + path, timeout=DEADLINE) as answer:
        return json.load(answer)


def feed(pipeline, stream, jpegs, rate, again=lambda: False):
    """Feeds pictures at a rate, each with the time at which it was sent; `again` says whether to go round once more."""

    def work():
        import zmq

        with own_socket(pipeline, zmq.PUSH, "push") as socket:
            number = 0
            while True:
                for jpeg in jpegs:
                    keys = {"frame": number, "capture_time_ns": time.time_ns(), "delivery": "lossless"}
                    socket.send_multipart([header(stream, **keys), jpeg])
                    number += 1
                    time.sleep(1 / rate)
                if not again():
                    break
            socket.send_multipart([header(stream, end=True)])

    return Feeder(work)


def recording(pipeline, stream, frames):
    """The session of a stream once all of it is stored."""

    def ended():
        sessions = [s for s in ask(pipeline, "/v1/sessions")["sessions"] if s["stream"] == stream]
        return next((s for s in sessions if s["ended_ns"] is not None and s["poses"] + s["drops"] == frames), None)

    return wait(ended, f"{stream} is stored")


def check_in_step(seen, count=100):
    assert len(seen) >= count
    for reading in seen:
        assert reading["number"] == reading["frameSequence"] == reading["poseSequence"], reading


def test_picture_and_pose_are_in_step_live_and_recorded(stages, pages):
    pipeline = stages()
    jpegs = jpegs_of(coded_picture(n) for n in range(240))
    page = pages.open(f"{pipeline.url}/#/live/coded", settings={"scene": False})
    until(page, "window.posebus.status?.stages.infer.state === 'up'")
    page.evaluate(WATCH_CODE)
    feeder = feed(pipeline, "coded", jpegs, rate=10)
    until(page, "window.seen.length >= 100", timeout=240_000)
    check_in_step(page.evaluate("window.seen"))
    shot(page, "real-live")
    feeder.finish()
    page.get_by_role("link", name="Watch the recording").click()
    session = recording(pipeline, "coded", 240)
    assert session["kept_frames"] == 240
    until(page, f"window.posebus.session === '{session['session']}' && window.posebus.frameSequence === 0")
    page.get_by_label("Speed").select_option("0.5")
    page.evaluate(WATCH_CODE)
    page.keyboard.press("k")
    until(page, "window.seen.length > 105", timeout=240_000)
    seen = page.evaluate("window.seen")
    check_in_step(seen)
    numbers = [reading["number"] for reading in seen]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    shot(page, "real-recorded")


def pictures_of(clip):
    """A video's frames as JPEGs."""
    stream = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(clip), "-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "4", "-"],
        check=True, capture_output=True, timeout=120).stdout
    return [b"\xff\xd8\xff" + part for part in stream.split(b"\xff\xd8\xff")[1:]]


def test_a_real_ride_live_recorded_and_exported(stages, pages, models, tmp_path, request):
    pipeline = stages(engine="blazepose")
    page = pages.open(f"{pipeline.url}/#/live/ride")
    until(page, "window.posebus.status?.stages.infer.state === 'up'")
    try:
        clips = request.getfixturevalue("clips")
        jpegs = pictures_of(clips / "kicker.mp4")
        frames, feeder = len(jpegs), feed(pipeline, "ride", jpegs, rate=10)
    except pytest.skip.Exception:
        frames, feeder = 150, None
        Program("posebus", "feed", f"test:?frames={frames}&fps=10&width=640&height=360", "--stream", "ride", "--to",
                pipeline.at["request"], folder=tmp_path)
    until(page, "window.posebus.drawn.length >= 40", timeout=240_000)
    assert all(entry["frame"] == entry["pose"] for entry in page.evaluate("window.posebus.drawn"))
    page.get_by_role("button", name="Person 1").wait_for()
    shot(page, "real-ride-live")
    if feeder:
        feeder.finish()
    session = recording(pipeline, "ride", frames)
    page.goto(f"{pipeline.url}/#/recording/{session['session']}?t=30")
    until(page, "window.posebus.frameSequence === 30 && window.posebus.poseSequence === 30")
    page.get_by_label("Speed").select_option("0.5")
    page.keyboard.press("k")
    until(page, "window.posebus.drawn.length >= 100", timeout=240_000)
    drawn = page.evaluate("window.posebus.drawn")
    assert all(entry["frame"] == entry["pose"] for entry in drawn)
    poses = [entry["pose"] for entry in drawn]
    assert poses == list(range(poses[0], poses[0] + len(poses)))
    shot(page, "real-ride-recorded")
    page.keyboard.press("k")
    page.locator("summary").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="json", exact=False).first.click()
    lines = download.value.path().read_text().splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == list(range(frames))


def test_the_javascript_client_in_node(stages, tmp_path):
    if not shutil.which("node"):
        pytest.skip("Node is not installed (deploy/setup --test)")
    pipeline = stages()
    files = []
    for number, jpeg in enumerate(jpegs_of(coded_picture(n) for n in range(6))):
        files.append(tmp_path / f"{number}.jpg")
        files[-1].write_bytes(jpeg)
    script = ROOT / "clients" / "javascript" / "test" / "with-gateway.mjs"
    run = subprocess.run(["node", script, pipeline.url, *files], capture_output=True, text=True, timeout=DEADLINE)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "inStep": [True] * 6, "sequences": list(range(6)), "kept": True, "persons": [0] * 6,
        "events": ["1", "2", "3", "4", "5"], "refused": 404, "sink": "up"}


def test_a_stage_that_stands_still_is_said_and_its_return(stages, pages):
    pipeline = stages()
    page = pages.open(f"{pipeline.url}/")
    until(page, "window.posebus.status?.stages.infer.state === 'up'")
    infer = pipeline.stages["infer"].process
    infer.send_signal(signal.SIGSTOP)
    try:
        wait(lambda: ask(pipeline, "/v1/status")["stages"]["infer"]["state"] == "down", "the gateway notices")
        noticed = time.monotonic()
        until(page, "document.getElementById('banner').textContent.includes('infer is down')")
        print(f"infer was seen down in the page {time.monotonic() - noticed:.2f} s after the gateway had noticed")
        shot(page, "real-infer-down")
    finally:
        infer.send_signal(signal.SIGCONT)
    until(page, "document.getElementById('banner').textContent.includes('infer is back')")
    until(page, "window.posebus.status.stages.infer.state === 'up'")


def test_a_gateway_that_is_started_again_is_found(stages, pages, tmp_path):
    pipeline = stages()
    page = pages.open(f"{pipeline.url}/", expected=("Failed to load resource", "WebSocket"))
    until(page, "window.posebus.status !== null")
    port = pipeline.url.rsplit(":", 1)[1]
    command = pipeline.gateway.command[1:]
    pipeline.gateway.kill()
    until(page, "document.getElementById('banner').textContent.includes('The gateway does not answer')")
    command[command.index("--bind-http") + 1] = f"127.0.0.1:{port}"
    Program("posebus-gateway", *command, folder=tmp_path).ready()
    until(page, "document.getElementById('banner').textContent.includes('The gateway is back')")


def test_an_uploaded_video_is_processed_and_opened(stages, pages, tmp_path):
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    pipeline = stages()
    page = pages.open(f"{pipeline.url}/")
    until(page, "window.posebus.status?.stages.infer.state === 'up'")
    file = make_video(tmp_path / "afternoon ride.mp4", frames=50)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a video").click()
    chooser.value.set_files(file)
    until(page, "window.posebus.mode === 'recording' && window.posebus.frameSequence === 0", timeout=240_000)
    page.keyboard.press("End")
    until(page, "window.posebus.frameSequence === 49 && window.posebus.poseSequence === 49")


def test_bodies_lie_on_their_persons(stages, pages, models, tmp_path):
    """A small SMPL model: in the picture the mesh covers its own keypoints, and in 3D there is a body."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "Fixtures" / "hmr2"))
    import make_folder

    folder = tmp_path / "hmr2"
    make_folder.make(folder, "tiny", "b")
    pipeline = stages(engine="hmr2", infer=["--hmr2-dir", folder], gateway=["--hmr2-dir", folder])
    feeder = Program("posebus", "feed", "test:?frames=30&width=640&height=480&realtime=no", "--stream", "body", "--to",
                     pipeline.at["request"], folder=tmp_path)
    assert feeder.end() == 0
    session = recording(pipeline, "body", 30)
    outcome = ask(pipeline, f"/v1/sessions/{session['session']}/outcomes?from=20&limit=1")["outcomes"][0]
    person = outcome["persons"][0]
    assert person["smpl"]
    settings = {"picture": False, "skeleton": False, "names": False, "mesh": True, "scene": True}
    page = pages.open(f"{pipeline.url}/#/recording/{session['session']}?t=20", settings=settings)
    until(page, "window.posebus.poseSequence === 20")
    covered = """(points) => {
      const canvas = document.querySelector(".picture canvas"), scale = Math.min(canvas.width / 640, canvas.height / 480);
      return points.map(([x, y]) => {
        const [red, green, blue] = canvas.getContext("2d").getImageData(
          (canvas.width - 640 * scale) / 2 + x * scale, (canvas.height - 480 * scale) / 2 + y * scale, 1, 1).data;
        return blue > red + 25;
      });
    }"""
    inside = [point[:2] for point in person["keypoints_2d"][:25] if 0 <= point[0] < 640 and 0 <= point[1] < 480]
    assert inside
    until(page, f"({covered})({json.dumps(inside)}).filter(Boolean).length > 0")
    print(f"{sum(page.evaluate(covered, inside))} of {len(inside)} keypoints are covered by the mesh")
    page.keyboard.press("r")
    page.wait_for_timeout(1500)
    shot(page, "real-bodies")
