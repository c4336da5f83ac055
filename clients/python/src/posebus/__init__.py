"""Feed frames to PoseBus and receive its poses, without missing one.

>>> from posebus import Subscriber
>>> for outcome in Subscriber("tcp://127.0.0.1:5571", "tcp://127.0.0.1:5573", streams=["door"]):
...     print(outcome.sequence, len(outcome.persons))
"""

from .archive import Archive, Page, Revision, SessionSummary, Timeline, TimelineDrop
from .errors import (
    ArchiveError,
    ArchiveTimeout,
    CurveError,
    FeederTimeout,
    FrameRefused,
    PoseBusError,
    UnknownSession,
)
from .feeder import Feeder
from .follower import Position, Statistics
from .outcomes import SMPL, Drop, Outcome, Person, ProtobufOutcome, SessionEvent, Timing
from .security import Curve
from .subscriber import AsyncSubscriber, Subscriber

__all__ = [
    "SMPL",
    "Archive",
    "ArchiveError",
    "ArchiveTimeout",
    "AsyncSubscriber",
    "Curve",
    "CurveError",
    "Drop",
    "Feeder",
    "FeederTimeout",
    "FrameRefused",
    "Outcome",
    "Page",
    "Person",
    "PoseBusError",
    "Position",
    "ProtobufOutcome",
    "Revision",
    "SessionEvent",
    "SessionSummary",
    "Statistics",
    "Subscriber",
    "Timeline",
    "TimelineDrop",
    "Timing",
    "UnknownSession",
]
