"""What can go wrong, as exceptions a program can tell apart."""

from __future__ import annotations

__all__ = ["CurveError", "FeederTimeout", "FrameRefused", "PoseBusError"]


class PoseBusError(Exception):
    """The base of this package's exceptions."""


class CurveError(PoseBusError):
    """A key file cannot be used."""


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
