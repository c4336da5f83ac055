"""Feed frames to PoseBus and receive its poses, without missing one.

>>> from posebus import Subscriber
>>> for outcome in Subscriber("tcp://127.0.0.1:5571", "tcp://127.0.0.1:5573", streams=["door"]):
...     print(outcome.sequence, len(outcome.persons))
"""

from .errors import CurveError, FeederTimeout, FrameRefused, PoseBusError
from .feeder import Feeder
from .follower import Position, Statistics
from .outcomes import SMPL, Drop, Outcome, Person, ProtobufOutcome, SessionEvent, Timing
from .security import Curve
from .subscriber import AsyncSubscriber, Subscriber

__all__ = [
    "SMPL",
    "AsyncSubscriber",
    "Curve",
    "CurveError",
    "Drop",
    "Feeder",
    "FeederTimeout",
    "FrameRefused",
    "Outcome",
    "Person",
    "PoseBusError",
    "Position",
    "ProtobufOutcome",
    "SessionEvent",
    "Statistics",
    "Subscriber",
    "Timing",
]
