"""What a frame costs the stages, counted: allocations, copies of its payload, instructions. Times are no test's business."""

import json
import os
import shutil
import subprocess
import sys

import counts
import pytest

THRESHOLDS = json.loads(counts.THRESHOLDS.read_text())


def check(measured):
    """Nothing above its threshold. Lower it when something became cheaper; raise it only for a reason."""
    above = {
        (stage, name): (value, THRESHOLDS[stage][name])
        for stage, figures in measured.items() for name, value in figures.items() if value > THRESHOLDS[stage][name]}
    assert not above, f"above the thresholds of {counts.THRESHOLDS.name}: {above}"


def test_the_counter_counts(tmp_path):
    """What nobody could see would never be above a threshold."""
    library = counts.preloaded("counting", tmp_path)
    file = tmp_path / "counts"
    subprocess.run(
        [sys.executable, "-c", "one = bytearray(100_000); [bytes(one) for _ in range(50)]"], check=True,
        env={**os.environ, "LD_PRELOAD": str(library), "POSEBUS_COUNTS": str(file)})
    allocations, copies, copied = counts.read(file)
    assert allocations > 100
    assert copies >= 50
    assert copied >= 50 * 100_000


def test_allocations_and_copies_of_a_frame(tmp_path):
    check(counts.memory_counts(tmp_path))


@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_instructions_of_a_frame(tmp_path):
    check(counts.instruction_counts(tmp_path))
