"""A browser for the tests of the viewer: Debian's Chromium, driven by Playwright, with WebGL in software."""

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}
# Where the pictures of the pages are left to be looked at.
SHOTS = Path(os.environ.get("POSEBUS_SHOTS") or Path(__file__).resolve().parents[2] / ".build" / "viewer-shots")
CODE = 12


@contextmanager
def chromium():
    """Yields a browser; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = shutil.which("chromium")
    if not program:
        pytest.skip("Chromium is not installed (deploy/setup --test)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
        yield browser
        browser.close()


class Pages:
    """Opens pages, and remembers what went wrong in them."""

    def __init__(self, browser):
        self.browser, self.wrong, self.contexts = browser, [], []

    def open(self, url, dark=True, expected=(), settings=None, **options):
        context = self.browser.new_context(color_scheme="dark" if dark else "light", **(options or DESKTOP))
        self.contexts.append(context)
        if settings:
            text = str(settings).replace("'", '"').replace("True", "true").replace("False", "false")
            context.add_init_script(f"localStorage.setItem('posebus.settings', '{text}')")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        # A refused or lost request shows as an error of the console; those a test provokes are named by it.
        page.on("console", lambda message: message.type == "error"
                and not any(text in message.text for text in ("GL Driver", *expected)) and self.wrong.append(message.text))
        page.goto(url)
        return page

    def close(self):
        for context in self.contexts:
            context.close()


def until(page, condition, timeout=60_000):
    """Waits for a condition in the page. From here, because the page's rules forbid a string to be run within it."""
    deadline = time.monotonic() + timeout / 1000
    while not page.evaluate(f"Boolean({condition})"):
        if time.monotonic() > deadline:
            shot(page, "failed")
            state = page.evaluate("JSON.stringify({...window.posebus, drawn: window.posebus.drawn.slice(-3)})")
            pytest.fail(f"waited in vain for {condition}; the page says {state} and {page.inner_text('body')[:600]!r}")
        page.wait_for_timeout(50)


def shot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def coded_picture(number, width=320, height=240):
    """A dark picture whose upper edge says its number: CODE blocks, white for 1, the lowest bit first. RGB."""
    picture = np.full((height, width, 3), 40, np.uint8)
    side = width // CODE
    for bit in range(CODE):
        picture[:side, bit * side:(bit + 1) * side] = 255 if number >> bit & 1 else 0
    return picture


# Reads the number from the canvas together with what the viewer says it has drawn, in one turn.
READ_CODE = """(selector) => {
  const canvas = document.querySelector(selector);
  const context = canvas.getContext("2d");
  const [width, height, bits] = [320, 240, 12];
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const x = (canvas.width - width * scale) / 2, y = (canvas.height - height * scale) / 2;
  const side = Math.floor(width / bits);
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const [red] = context.getImageData(x + (bit + 0.5) * side * scale, y + (side / 2) * scale, 1, 1).data;
    if (red > 127) number |= 1 << bit;
  }
  const { frameSequence, poseSequence } = window.posebus;
  return { number, frameSequence, poseSequence };
}"""

# Collects such readings after every turn in which something was drawn.
WATCH_CODE = """() => {
  const read = READ;
  const seen = window.seen = [];
  let last = null;
  const look = () => {
    // Another watch has begun.
    if (window.seen !== seen) return;
    const drawn = window.posebus.drawn.at(-1);
    // Between two pages there is no canvas.
    if (drawn && drawn !== last && document.querySelector(".picture canvas")) {
      last = drawn;
      seen.push(read(".picture canvas"));
    }
    requestAnimationFrame(look);
  };
  look();
}""".replace("READ", READ_CODE)
