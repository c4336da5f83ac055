"""Clients that are dropped without being closed, as when an exception passes."""

import subprocess
import sys

import pytest

from fakes import DEADLINE


@pytest.mark.parametrize(
    "client",
    [
        'Feeder("door", "tcp://127.0.0.1:9")',
        'Subscriber("tcp://127.0.0.1:9", "tcp://127.0.0.1:9")',
        'asking(Archive("tcp://127.0.0.1:9"))',
    ],
)
def test_a_client_in_a_cycle_is_collected_without_waiting(client):
    script = f"""
import gc
from posebus import Archive, ArchiveTimeout, Feeder, Subscriber
def asking(archive):
    try:
        archive.sessions(timeout=0.05)
    except ArchiveTimeout:
        archive._connected()
    return archive
for _ in range(20):
    cycle = [{client}]
    cycle.append(cycle)
    del cycle
gc.collect()
print("collected")
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert result.stdout == "collected\n"
