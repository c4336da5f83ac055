"""The programs in the README run as they stand there."""

import socket
import subprocess
import sys

import pytest

from images import jpegs
from pipeline import DEADLINE, ROOT, Pipeline, until

EXAMPLES = ROOT / "docs" / "examples"
PORTS = {"push": 5550, "request": 5551, "preview": 5552, "frames": 5560, "outcomes": 5570, "results": 5571,
         "acks": 5572, "replay": 5573}


@pytest.mark.parametrize("name", ["subscriber.py", "feeder.py"])
def test_readme_shows_the_example_verbatim(name):
    assert (EXAMPLES / name).read_text() in (ROOT / "README.md").read_text()


@pytest.fixture
def default_ports(tmp_path):
    """The stages on the ports that the README names."""
    for port in PORTS.values():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                pytest.skip(f"port {port}, which the README's examples use, is taken on this machine")
    pipeline = Pipeline(tmp_path)
    pipeline.at = {name: f"tcp://127.0.0.1:{port}" for name, port in PORTS.items()}
    with pipeline:
        yield pipeline


def test_feeder_and_subscriber(default_ports, tmp_path):
    pictures = []
    for number, frame in enumerate(jpegs(5)):
        pictures.append(tmp_path / f"{number}.jpg")
        pictures[-1].write_bytes(frame)
    log = open(tmp_path / "subscriber.txt", "w+")
    subscriber = subprocess.Popen([sys.executable, EXAMPLES / "subscriber.py"], stdout=log)
    try:
        def feed():
            return subprocess.run([sys.executable, EXAMPLES / "feeder.py", *pictures], check=True, timeout=DEADLINE,
                                  capture_output=True, text=True).stdout.splitlines()

        def seen():
            # A subscriber gets what is published after it has connected: feed until it has.
            answers = feed()
            assert [line.split(" OK")[0] for line in answers] == [str(picture) for picture in pictures]
            return (tmp_path / "subscriber.txt").read_text().splitlines()[2:]

        lines = until(seen, "the subscriber prints results")
        assert all(line.startswith("pictures ") and line.endswith(" 0") for line in lines), lines
    finally:
        subscriber.kill()
        subscriber.wait()
