#!/usr/bin/env python3
"""Makes the pictures of the viewer that the README shows: PoseBus's own rendered person, processed and played for real.

    docs/images/screenshots.py [FOLDER WITH THE BUILT PROGRAMS]

Needs the built programs, the weights (posebus models fetch), Debian's chromium and Playwright (pip install playwright).
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
BIN = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / ".build" / "release")
SOURCE = "test:?frames=240&width=960&height=720&persons=2"
FRAME = 130
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


def main():
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "log", "w+") as log:
            up = subprocess.Popen(
                [BIN / "posebus", "up", SOURCE, "--stay", "--ephemeral", "--store", Path(folder) / "store.sqlite"],
                stdout=subprocess.DEVNULL, stderr=log)
            try:
                take(wait_for_address(Path(folder) / "log"))
            finally:
                up.send_signal(signal.SIGINT)
                up.wait(60)


def wait_for_address(log):
    """The viewer's address, once everything is stored."""
    for _ in range(3000):
        found = re.search(r"look at it: (http://\S+)", log.read_text())
        if found:
            return found[1].rstrip("/")
        time.sleep(0.1)
    raise SystemExit(f"posebus up came to no end: {log.read_text()}")


def take(address):
    with urllib.request.urlopen(f"{address}/v1/sessions") as answer:
        session = json.load(answer)["sessions"][-1]["session"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
        for name, options in [("viewer", DESKTOP), ("viewer-phone", PHONE)]:
            page = browser.new_context(color_scheme="dark", **options).new_page()
            page.goto(f"{address}/#/recording/{session}?t={FRAME}")
            while not page.evaluate(f"window.posebus?.frameSequence === {FRAME}"):
                page.wait_for_timeout(100)
            page.wait_for_timeout(2000)
            page.screenshot(path=HERE / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
