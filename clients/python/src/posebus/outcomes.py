"""What a subscriber receives: the outcome of each frame, and the beginning and end of each session."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ._protobuf import frame_identity

__all__ = [
    "SMPL",
    "Drop",
    "Outcome",
    "Person",
    "ProtobufOutcome",
    "SessionEvent",
    "Timing",
]

# The protocol version of this package; messages of another one are counted as unreadable.
PROTOCOL_VERSION = 1

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Drop:
    """Why a frame has no pose."""

    stage: str
    """The stage that decided: ``ingest``, ``infer`` or ``sink``."""
    reason: str
    """``corrupt_jpeg``, ``unsupported``, ``too_large``, ``shed``, ``expired`` or ``inference_failed``."""
    detail: str = ""
    """One sentence for a person."""


@dataclass(frozen=True)
class SMPL:
    """SMPL parameters of one person: 10 shape coefficients, and rotation matrices of the 23 joints and of the root."""

    betas: list[float]
    body_pose: list[list[list[float]]]
    global_orient: list[list[float]]


@dataclass(frozen=True)
class Person:
    """One person in one frame. Pixels are of the upright frame, origin top left; metres in camera axes."""

    track_id: int
    """The person's identity within the session."""
    score: float
    bbox: tuple[float, float, float, float]
    """x, y, width, height in pixels."""
    observed: bool
    """False where the tracker predicts a person it does not see."""
    keypoints_2d: list[Point]
    """x, y in pixels and a score, a keypoint each."""
    keypoints_3d: list[Point]
    """x, y, z in metres in the body's own frame: x right, y down, z forward."""
    camera_translation: Point | None = None
    """Moves the body's frame into the camera of the full image, in metres."""
    focal_length: float | None = None
    """Of the full image's camera, in pixels."""
    smpl: SMPL | None = None
    state: str | None = None
    """"tentative", "confirmed" or "predicted" (not observed); None where there is no tracker."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds a frame spent in each stage; ``total`` runs from its acceptance to its commit."""

    ingest: float = 0.0
    queue: float = 0.0
    infer: float = 0.0
    sink: float = 0.0
    total: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of one frame: the persons in it (perhaps none), or a drop. Exactly one for every sequence."""

    stream: str
    session: str
    sequence: int
    camera_frame: int | None
    capture_time_ns: int
    width: int
    height: int
    engine: str
    skeleton: str
    drop: Drop | None
    persons: tuple[Person, ...]
    timing: Timing
    json: dict[str, Any] = field(repr=False, compare=False)
    """The whole JSON object, with keys this class does not know."""
    trace_id: str | None = None
    """The frame's trace (W3C Trace Context), 32 hexadecimal digits; None for what an older release stored."""

    @classmethod
    def parse(cls, body: bytes) -> Outcome:
        """Reads the body of ``pose/json/<stream>``.

        Raises:
            ValueError: it is no outcome of this protocol version.
        """
        try:
            value = json.loads(body)
            if value["v"] != PROTOCOL_VERSION:
                raise ValueError(f"protocol version {value['v']} instead of {PROTOCOL_VERSION}")
            drop = value["drop"]
            return cls(
                stream=value["stream"],
                session=value["session"],
                sequence=int(value["sequence"]),
                camera_frame=value.get("camera_frame"),
                capture_time_ns=value["capture_time_ns"],
                width=value["width"],
                height=value["height"],
                engine=value["engine"],
                skeleton=value["skeleton"],
                drop=None if drop is None else Drop(drop["stage"], drop["reason"], drop.get("detail", "")),
                persons=tuple(_person(person) for person in value["persons"]),
                timing=_timing(value.get("timing_ms") or {}),
                json=value,
                trace_id=value.get("trace_id"),
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"not an outcome: {error!r}") from error


@dataclass(frozen=True)
class ProtobufOutcome:
    """An outcome as protobuf (``posebus.v1.Outcome``), for programs with classes generated from ``posebus.proto``."""

    stream: str
    session: str
    sequence: int
    body: bytes = field(repr=False)
    """The message; parse it with the generated ``Outcome.FromString``."""

    @classmethod
    def parse(cls, body: bytes) -> ProtobufOutcome:
        """Reads identity and number out of the message and keeps the rest as it is.

        Raises:
            ValueError: it is no outcome of this protocol version.
        """
        version, stream, session, sequence = frame_identity(body)
        if version != PROTOCOL_VERSION:
            raise ValueError(f"protocol version {version} instead of {PROTOCOL_VERSION}")
        return cls(stream, session, sequence, body)


@dataclass(frozen=True)
class SessionEvent:
    """The beginning or the end of a session: one run of one stream."""

    event: str
    """``begin`` or ``end``."""
    stream: str
    session: str
    frames: int
    """Outcomes in the store so far; at the end, all of them."""
    poses: int
    drops: int

    @classmethod
    def parse(cls, body: bytes) -> SessionEvent:
        """Reads the body of ``session/json/<stream>``.

        Raises:
            ValueError: it is no session event of this protocol version.
        """
        try:
            value = json.loads(body)
            if value["v"] != PROTOCOL_VERSION or value["event"] not in ("begin", "end"):
                raise ValueError("not a session event of this protocol version")
            return cls(
                value["event"], value["stream"], value["session"], value["frames"], value["poses"], value["drops"]
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a session event: {error!r}") from error


def _person(value: dict[str, Any]) -> Person:
    smpl = value.get("smpl")
    x, y, width, height = value["bbox"]
    return Person(
        track_id=value["track_id"],
        score=value["score"],
        bbox=(x, y, width, height),
        observed=value.get("observed", True),
        keypoints_2d=[_point(point) for point in value["keypoints_2d"]],
        keypoints_3d=[_point(point) for point in value["keypoints_3d"]],
        camera_translation=_point(value["camera_translation"]) if value.get("camera_translation") else None,
        focal_length=value.get("focal_length"),
        smpl=SMPL(smpl["betas"], smpl["body_pose"], smpl["global_orient"]) if smpl else None,
        state=value.get("state"),
    )


def _point(value: list[float]) -> Point:
    return (value[0], value[1], value[2])


def _timing(value: dict[str, Any]) -> Timing:
    return Timing(*(float(value.get(key, 0)) for key in ("ingest", "queue", "infer", "sink", "total")))
