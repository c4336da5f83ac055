"""The trials by name. Each takes a folder, a seed and whether to run in full, and returns what it found.

A trial raises an AssertionError where the promise is broken, and `CannotRun` where this machine does not allow it.
"""

from disk import disk
from durability import durability
from faults import faults, links
from flow import CannotRun
from frozen import frozen, stuck
from kills import kills
from memory import multipart, overload, stalled

__all__ = ["ALL", "CannotRun"]

ALL = {
    trial.__name__: trial
    for trial in (kills, faults, links, frozen, stuck, disk, overload, stalled, multipart, durability)
}
