"""The trials of Tests/Chaos in their short form; `Tests/Chaos/run --long` has the full figures."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Tests" / "Chaos"), str(ROOT / "clients" / "python" / "src")]

import trials  # noqa: E402



@pytest.mark.parametrize("name", list(trials.ALL))
def test_trial(name, tmp_path, record_property):
    seed = int(os.environ.get("POSEBUS_CHAOS_SEED", 1))
    print(f"seed {seed}: repeat with Tests/Chaos/run --seed {seed} {name}")
    record_property("seed", seed)
    try:
        print(trials.ALL[name](tmp_path, seed, False))
    except trials.CannotRun as reason:
        pytest.skip(str(reason))
