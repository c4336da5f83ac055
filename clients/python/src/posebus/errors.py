"""What can go wrong, as exceptions a program can tell apart."""

from __future__ import annotations

__all__ = [
    "ArchiveError",
    "ArchiveTimeout",
    "CurveError",
    "FeederTimeout",
    "FrameRefused",
    "PoseBusError",
    "UnknownSession",
]


class PoseBusError(Exception):
    """The base of this package's exceptions."""


class CurveError(PoseBusError):
    """A key file cannot be used, or the other side does not let its key in."""


class ArchiveError(PoseBusError):
    """A sink does not answer what it was asked, for the reason that the message gives."""


class ArchiveTimeout(ArchiveError, TimeoutError):
    """A sink did not answer in time."""

    def __init__(self, endpoint: str, seconds: float) -> None:
        super().__init__(
            f"the sink at {endpoint} has not answered within {seconds:g} s; see that posebus-sink runs there and that"
            " this is its replay endpoint"
        )


class UnknownSession(ArchiveError, LookupError):
    """The store has no such session."""


class FeederTimeout(PoseBusError, TimeoutError):
    """Ingest did not confirm in time. Nothing is lost: the frames are still here and are sent again."""

    def __init__(self, endpoint: str, unconfirmed: int, seconds: float) -> None:
        super().__init__(f"ingest at {endpoint} has not confirmed {unconfirmed} frames within {seconds:g} s")
        self.unconfirmed = unconfirmed


class FrameRefused(PoseBusError):
    """Ingest did not take a frame (``ERR``).

    ``reason`` is one word. A frame that is recorded as a drop has a sequence and an outcome all the same
    (``corrupt_jpeg``, ``unsupported``, ``too_large``); others have not (``bad_header``, ``bad_stream``, …).
    """

    def __init__(self, reason: str, detail: str, frame: int | None) -> None:
        of = "" if frame is None else f" frame {frame}"
        super().__init__(f"ingest refused{of}: {reason}{': ' + detail if detail else ''}")
        self.reason = reason
        self.detail = detail
        self.frame = frame
