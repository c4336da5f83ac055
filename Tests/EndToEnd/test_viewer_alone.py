"""The viewer against a gateway of made-up data: what is drawn is what belongs together, and what is wrong is said."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

web = pytest.importorskip("aiohttp.web", reason="aiohttp is not installed")

from browser import PHONE, READ_CODE, WATCH_CODE, Pages, chromium, coded_picture, shot, until
from images import jpegs_of, turned
from mock_gateway import Mock, Session, made_up, outcome

LOST = "Failed to load resource"


class Gateway:
    """The mock in a thread of its own, at a port that stays the same when it is stopped and started."""

    def __init__(self, mock):
        self.mock, self.port = mock, 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.start()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def start(self):
        async def start():
            self.runner = web.AppRunner(self.mock.app(), shutdown_timeout=0.1)
            await self.runner.setup()
            await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
            return self.runner.addresses[0][1]
        self.port = self._call(start())
        self.url = f"http://127.0.0.1:{self.port}/"

    def stop(self):
        self._call(self.runner.cleanup())

    def close(self):
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def pages(browser, serve):
    # Closed before its gateway, so that the end of that is no error of the page's.
    pages = Pages(browser)
    yield pages
    pages.close()
    assert pages.wrong == []


@pytest.fixture
def serve():
    running = []

    def serve(*sessions, **options):
        running.append(Gateway(Mock(list(sessions), **options)))
        return running[-1]

    yield serve
    for gateway in running:
        gateway.close()


@pytest.fixture(scope="module")
def coded():
    return jpegs_of(coded_picture(n) for n in range(150))


def together(seen, count):
    """Asserts that `count` readings in a row show one frame after the other, each with its own pose."""
    assert len(seen) >= count
    for reading in seen:
        assert reading["number"] == reading["frameSequence"] == reading["poseSequence"]


def test_a_recording_is_drawn_frame_by_frame_with_its_poses(pages, serve, coded):
    session = made_up("ride", coded, persons=2)
    page = pages.open(f"{serve(session).url}#/recording/{session.id}", settings={"scene": False})
    until(page, "window.posebus.drawn.length > 0")
    page.get_by_label("Speed").select_option("0.5")
    page.evaluate(WATCH_CODE)
    page.keyboard.press("k")
    until(page, "window.seen.length > 105", timeout=120_000)
    seen = page.evaluate("window.seen")
    together(seen, 100)
    numbers = [reading["number"] for reading in seen]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    drawn = page.evaluate("window.posebus.drawn")
    assert all(entry["frame"] == entry["pose"] for entry in drawn)


def test_a_live_stream_is_drawn_with_the_frame_of_each_pose(pages, serve, coded):
    session = made_up("cam 1", coded)
    page = pages.open(f"{serve(session, live=[session], rate=15).url}#/live/cam%201", settings={"scene": False})
    until(page, "window.posebus.drawn.length > 0")
    page.evaluate(WATCH_CODE)
    until(page, "window.seen.length > 100", timeout=120_000)
    together(page.evaluate("window.seen"), 100)
    shot(page, "live")


def test_a_stream_that_ends_offers_its_recording(pages, serve, coded):
    session = made_up("cam", coded[:40])
    page = pages.open(f"{serve(session, live=[session], pause=600).url}#/live/cam", settings={"scene": False})
    page.get_by_role("link", name="Watch the recording").click()
    until(page, "window.posebus.mode === 'recording' && window.posebus.frameSequence === 0")


@pytest.mark.parametrize("options", [{"viewport": {"width": 1440, "height": 900}}, {"viewport": {"width": 777, "height": 500}, "device_scale_factor": 1.5}, PHONE])
def test_the_skeleton_lies_on_the_picture_at_any_size(pages, serve, coded, options):
    session = made_up("ride", coded)
    settings = {"scene": False, "names": False, "mesh": False}
    page = pages.open(f"{serve(session).url}#/recording/{session.id}?t=21", settings=settings, **options)
    until(page, "window.posebus.frameSequence === 21")
    person = session.outcomes[21]["persons"][0]
    # The white joint of the left knee, and the line's colour half way to the hip.
    knee, hip = (person["keypoints_2d"][index][:2] for index in (25, 23))
    middle = [(a + b) / 2 for a, b in zip(knee, hip)]
    read = """([points]) => {
      const canvas = document.querySelector(".picture canvas");
      const scale = Math.min(canvas.width / 320, canvas.height / 240);
      return points.map(([x, y]) => [...canvas.getContext("2d").getImageData(
        Math.round((canvas.width - 320 * scale) / 2 + x * scale - 0.5), Math.round((canvas.height - 240 * scale) / 2 + y * scale - 0.5), 1, 1).data]);
    }"""
    joint, bone = page.evaluate(read, [[knee, middle]])
    assert min(joint[:3]) > 220
    assert np.abs(np.array(bone[:3]) - [0x4D, 0xAB, 0xF7]).max() < 30
    sizes = page.evaluate("""() => { const c = document.querySelector(".picture canvas"), b = c.getBoundingClientRect();
                             return [c.width / b.width, c.height / b.height, devicePixelRatio]; }""")
    assert abs(sizes[0] - sizes[2]) < 0.02 and abs(sizes[1] - sizes[2]) < 0.02


def test_the_mesh_lies_on_the_picture(pages, serve, coded):
    session = made_up("ride", coded, bodies=True)
    settings = {"scene": False, "names": False, "skeleton": False, "mesh": True}
    page = pages.open(f"{serve(session).url}#/recording/{session.id}?t=21", settings=settings)
    until(page, "window.posebus.frameSequence === 21")
    person = session.outcomes[21]["persons"][0]
    # From the top of the head to the toes: a wrong focal length or middle would show in where they are.
    extent = """() => {
      const canvas = document.querySelector(".picture canvas"), scale = Math.min(canvas.width / 320, canvas.height / 240);
      const left = (canvas.width - 320 * scale) / 2, top = (canvas.height - 240 * scale) / 2;
      const { data, width } = canvas.getContext("2d").getImageData(left, top, 320 * scale, 240 * scale);
      let [x0, y0, x1, y1] = [Infinity, Infinity, -1, -1];
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 2] < 90 || data[i + 2] < data[i] + 30) continue;
        const x = ((i / 4) % width) / scale, y = Math.floor(i / 4 / width) / scale;
        [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
      }
      return [x0, y0, x1, y1];
    }"""
    until(page, f"({extent})()[2] > 0")
    points = np.array(person["keypoints_2d"])[:, :2]
    expected = [*points.min(0), *points.max(0)]
    # The tubes are up to nine pixels thick around the joints.
    assert np.abs(np.array(page.evaluate(extent)) - expected).max() < 12


def test_pictures_are_turned_upright(pages, serve):
    # Lying on its side: what is on the left of the file is at the top of the upright picture (orientation 6).
    lying = np.full((120, 160, 3), 30, np.uint8)
    lying[:, :40] = [255, 0, 0]
    jpeg = turned(jpegs_of([lying])[0], 6)
    session = Session("phone", [outcome("phone", "11111111-1111-4111-8111-111111111111", 0, 10**18, 120, 160, [])], [jpeg])
    page = pages.open(f"{serve(session).url}#/recording/{session.id}", settings={"scene": False})
    until(page, "window.posebus.frameSequence === 0")
    top, bottom = page.evaluate("""() => {
      const canvas = document.querySelector(".picture canvas"), c = canvas.getContext("2d");
      const x = canvas.width / 2, scale = Math.min(canvas.width / 120, canvas.height / 160), y = (canvas.height - 160 * scale) / 2;
      return [10, 150].map((row) => [...c.getImageData(x, y + row * scale, 1, 1).data]);
    }""")
    assert top[0] > 200 and top[1] < 60
    assert max(bottom[:3]) < 80


def test_what_is_down_is_said_and_that_it_is_back(pages, serve, coded):
    session = made_up("cam", coded[:30])
    gateway = serve(session)
    page = pages.open(gateway.url)
    until(page, "document.querySelector('.dot[data-state=up]')")
    gateway.mock.down["infer"] = "posebus-infer at tcp://127.0.0.1:5560 has not answered for 2 s. Start it."
    until(page, "document.getElementById('banner').textContent.includes('infer is down. posebus-infer at')")
    assert page.evaluate("window.posebus.status.stages.infer.state") == "down"
    shot(page, "infer-down")
    gateway.mock.down.clear()
    until(page, "document.getElementById('banner').textContent.includes('infer is back')")
    until(page, "document.getElementById('banner').hidden")


def test_a_lost_gateway_is_said_and_found_again(pages, serve, coded):
    session = made_up("cam", coded)
    gateway = serve(session, live=[session])
    page = pages.open(f"{gateway.url}#/live/cam", expected=(LOST, "WebSocket"), settings={"scene": False})
    until(page, "window.posebus.drawn.length > 3")
    gateway.stop()
    until(page, "document.getElementById('banner').textContent.includes('The gateway does not answer')")
    gateway.start()
    until(page, "document.getElementById('banner').textContent.includes('The gateway is back')")
    page.evaluate("window.posebus.drawn.length = 0")
    until(page, "window.posebus.drawn.length > 3")


def test_a_recording_goes_on_when_its_gateway_is_back(pages, serve, coded):
    session = made_up("ride", coded)
    gateway = serve(session)
    page = pages.open(f"{gateway.url}#/recording/{session.id}", expected=(LOST,), settings={"scene": False})
    until(page, "window.posebus.frameSequence === 0")
    gateway.stop()
    page.keyboard.press("End")
    page.get_by_text("does not answer").first.wait_for()
    gateway.start()
    until(page, "window.posebus.frameSequence === 149 && window.posebus.poseSequence === 149")


def test_without_three_js_the_rest_works_and_says_why(pages, serve, coded):
    session = made_up("ride", coded)
    gateway = serve(session)
    gateway.mock.three = Path("/nowhere")
    page = pages.open(f"{gateway.url}#/recording/{session.id}", expected=(LOST,))
    page.get_by_text("install libjs-three").wait_for()
    until(page, "window.posebus.frameSequence === 0")


def test_a_key_is_asked_for_and_kept_until_the_tab_is_closed(pages, serve, coded):
    session = made_up("cam", coded[:30])
    page = pages.open(serve(session, key="right").url, expected=(LOST, "WebSocket"))
    dialog = page.get_by_role("dialog", name="API key")
    dialog.get_by_label("Key", exact=True).fill("wrong")
    dialog.get_by_role("button").click()
    dialog.get_by_text("does not take this key").wait_for()
    dialog.get_by_label("Key", exact=True).fill("right")
    dialog.get_by_role("button").click()
    page.get_by_role("link", name="cam").first.wait_for()
    page.reload()
    page.get_by_role("link", name="cam").first.wait_for()
    assert page.get_by_role("dialog").count() == 0
    assert "right" not in page.url


def test_drops_gaps_and_pictures_that_were_not_kept(pages, serve, coded):
    drops = {12: "corrupt_jpeg", 60: "shed", 61: "shed"}
    session = made_up("ride", coded, drops=drops, gap=(80, 3_000_000_000), kept=[[0, 99]])
    page = pages.open(f"{serve(session).url}#/recording/{session.id}", settings={"scene": False})
    until(page, "window.posebus.poseSequence === 0")
    note = page.locator(".picture-note")
    for sequence, words in ((12, "the picture was damaged"), (60, "left out to keep up"), (80, ""), (12, "damaged")):
        page.keyboard.press("g")
        until(page, f"window.posebus.poseSequence === {sequence}")
        assert words in (note.text_content() or "")
    page.keyboard.press("End")
    until(page, "window.posebus.poseSequence === 149")
    assert page.evaluate("window.posebus.frameSequence") is None
    assert "not kept" in note.text_content()
    # The longest wait on the clock is two seconds: frame 12 of 150 and 40 ms lies where it is expected.
    box = page.locator(".timeline canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * (12.5 * 0.04) / (150 * 0.04 + 2 - 0.04), box["y"] + 20)
    until(page, "document.querySelector('.tip').textContent.includes('Frame 12')")
    assert "the picture was damaged (ingest: corrupt_jpeg)" in page.locator(".tip").text_content()
    shot(page, "drops")


def test_keys(pages, serve, coded):
    session = made_up("ride", coded, persons=2, revisions=[1])
    page = pages.open(f"{serve(session).url}#/recording/{session.id}?t=70", settings={"scene": False})

    def at(sequence):
        until(page, f"window.posebus.frameSequence === {sequence} && window.posebus.poseSequence === {sequence}")

    at(70)
    for key, sequence in (("ArrowRight", 71), ("ArrowRight", 72), ("ArrowLeft", 71), ("Shift+ArrowRight", 81), ("j", 71),
                          ("Home", 0), ("ArrowLeft", 0), ("End", 149), ("ArrowRight", 149)):
        page.keyboard.press(key)
        at(sequence)
        assert page.evaluate(READ_CODE, ".picture canvas")["number"] == sequence
    page.keyboard.press("2")
    assert page.get_by_role("button", name="Person 2").get_attribute("aria-pressed") == "true"
    page.keyboard.press("0")
    assert page.get_by_role("button", name="Person 2").get_attribute("aria-pressed") == "false"
    page.keyboard.press("+")
    assert page.get_by_label("Speed").input_value() == "2"
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    help_.wait_for()
    help_.get_by_role("button", name="Close").click()
    help_.wait_for(state="detached")
    page.get_by_label("Which poses").select_option("1")
    page.get_by_role("button", name="Person 12").wait_for()
    page.keyboard.press("Escape")
    until(page, "window.posebus.mode === 'start'")


def test_two_recordings_on_one_clock(pages, serve, coded):
    first, second = made_up("one", coded), made_up("two", coded)
    page = pages.open(f"{serve(first, second).url}#/compare/{first.id}/{second.id}?b=0.4", settings={"scene": False})
    last = "((view) => window.posebus.drawn.filter((d) => d.view === view).at(-1)?.frame)"
    until(page, f"{last}('A') === 0 && {last}('B') === 10")
    page.get_by_role("button", name="B alone one frame on").click()
    until(page, f"{last}('A') === 0 && {last}('B') === 11")
    page.keyboard.press("ArrowRight")
    until(page, f"{last}('A') === 1 && {last}('B') === 12")
    until(page, "location.hash.includes('b=0.44')")
    page.keyboard.press(" ")
    until(page, f"{last}('A') > 40", timeout=120_000)
    drawn = page.evaluate("window.posebus.drawn")
    assert all(entry["frame"] == entry["pose"] for entry in drawn)
    shot(page, "compare")


def test_an_uploaded_video_is_opened_and_a_bad_one_refused_in_words(pages, serve, coded):
    session = made_up("ride", coded)
    page = pages.open(serve(session).url)

    def upload(size):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Upload a video").click()
        chooser.value.set_files({"name": "ride.mp4", "mimeType": "video/mp4", "buffer": b"x" * size})

    upload(10)
    page.get_by_text("ride.mp4 is no video that ffmpeg can read").wait_for()
    upload(100_000)
    page.get_by_role("list", name="Videos being processed").get_by_text("ride.mp4").wait_for()
    until(page, f"window.posebus.session === '{session.id}' && window.posebus.frameSequence === 0")


def test_exports_say_what_they_need(pages, serve, coded):
    session = made_up("ride", coded)
    page = pages.open(f"{serve(session).url}#/recording/{session.id}", settings={"scene": False})
    page.locator("summary").click()
    assert page.get_by_role("menuitem", name="bvh").is_disabled()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="json").click()
    assert download.value.suggested_filename == "ride.json"
    assert len(download.value.path().read_text().splitlines()) == 150


@pytest.mark.parametrize("dark", [True, False])
def test_everything_fits_a_phone(pages, serve, coded, dark):
    first, second = made_up("a recording with a rather long name", coded, persons=3, drops={3: "shed"}, revisions=[1]), made_up("two", coded)
    gateway = serve(first, second, live=[first])
    for name, address in (("start", "#/"), ("live", f"#/live/{first.stream}"), ("recording", f"#/recording/{first.id}?t=5"),
                          ("compare", f"#/compare/{first.id}/{second.id}"), ("choose", "#/compare")):
        page = pages.open(gateway.url + address, dark=dark, **PHONE)
        until(page, "document.querySelector('#page > *:not(.empty)') !== null && window.posebus.status !== null")
        page.wait_for_timeout(1500)
        width, problems = page.evaluate("""() => [document.documentElement.scrollWidth, [...document.querySelectorAll("button, select, summary")]
          .filter((e) => e.offsetParent !== null).map((e) => [e.getBoundingClientRect(), e])
          .filter(([box]) => box.height < 43.5 || box.width < 34).map(([box, e]) => `${e.outerHTML.slice(0, 90)} ${box.width}x${box.height}`)]""")
        assert width <= 390, name
        assert problems == [], name
        shot(page, f"phone-{name}-{'dark' if dark else 'light'}")
        page.context.close()
    pages.contexts.clear()


def test_the_3d_view_shows_persons_and_presets(pages, serve, coded):
    session = made_up("ride", coded, persons=2, bodies=True)
    page = pages.open(f"{serve(session).url}#/recording/{session.id}?t=35")
    # Predicted persons are in it, too.
    until(page, "document.querySelector('.scene canvas') && window.posebus.poseSequence === 35")
    views = []
    for name in ("Front", "Side", "Top", "Camera"):
        page.get_by_role("button", name=name, exact=True).click()
        page.wait_for_timeout(700)
        views.append(page.locator(".scene canvas").screenshot())
    assert len(set(views)) == 4
    # From bodies to skeletons and back: none of it may fail while it is drawn.
    for _ in range(2):
        page.keyboard.press("m")
        page.wait_for_timeout(500)
        views.append(page.locator(".scene canvas").screenshot())
    assert views[-1] != views[-2] != views[-3]
    shot(page, "scene")
