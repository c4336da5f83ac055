"""Fixtures that the tests share."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "Tests" / "EndToEnd")]


@pytest.fixture
def pipeline(tmp_path):
    """The real stages, ended with the test."""
    import pipeline as harness

    missing = [name for name in ("sink", "infer", "ingest") if not (harness.BIN / f"posebus-{name}").exists()]
    if missing:
        pytest.skip(f"no programs in {harness.BIN}: build them, or set POSEBUS_BIN")
    running = harness.Pipeline(tmp_path)
    with running:
        yield running
