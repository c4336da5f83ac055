"""Reads what a sink has stored: sessions, outcomes, pictures and timelines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Callable, TypeVar

import zmq
from zmq.utils.monitor import parse_monitor_message

from ._sockets import bounded_socket, monitor
from .errors import ArchiveError, ArchiveTimeout, CurveError, UnknownSession
from .follower import replay_end
from .outcomes import PROTOCOL_VERSION, Outcome
from .security import Curve

__all__ = ["Archive", "Page", "Revision", "SessionSummary", "Timeline", "TimelineDrop"]

REPLAY = "tcp://127.0.0.1:5573"

T = TypeVar("T")


@dataclass(frozen=True)
class Revision:
    """What ``posebus refine`` made of a session."""

    number: int
    """Counts from 1; the highest is the latest."""
    made_ns: int
    """When it was made, Unix time."""


@dataclass(frozen=True)
class SessionSummary:
    """What a store knows of one session."""

    stream: str
    session: str
    first: int
    """The first sequence that the store has."""
    next: int
    """The sequence after the last one that the store has."""
    poses: int
    drops: int
    began_ns: int
    """When its first outcome was stored, Unix time."""
    ended_ns: int | None
    """When its end was stored; None while it runs, or where it was cut off."""
    frames: int | None
    """How many frames it had; known once it has ended."""
    kept_frames: int
    """How many of its pictures are kept."""
    width: int
    """Of the latest frame, pixels; 0 where unknown."""
    height: int
    engine: str
    """What looked at the latest frame; empty where nothing did."""
    skeleton: str
    revisions: tuple[Revision, ...]
    """What was made of it later, the oldest first."""

    @classmethod
    def parse(cls, body: bytes) -> SessionSummary:
        """Reads one message of an answer.

        Raises:
            ValueError: it is no session of this protocol version.
        """
        value = _object(body)
        try:
            return cls(
                stream=value["stream"],
                session=value["session"],
                first=value["first"],
                next=value["next"],
                poses=value["poses"],
                drops=value["drops"],
                began_ns=value["began_ns"],
                ended_ns=value.get("ended_ns"),
                frames=value.get("frames"),
                kept_frames=value["kept_frames"],
                width=value["width"],
                height=value["height"],
                engine=value["engine"],
                skeleton=value["skeleton"],
                revisions=tuple(Revision(each["number"], each["made_ns"]) for each in value["revisions"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a session: {error!r}") from error


@dataclass(frozen=True)
class Page:
    """Some outcomes of a session, in order."""

    outcomes: list[Outcome]
    next: int
    """The sequence to go on with."""
    ended: bool
    """Whether the session has ended; `poses` and `drops` are then all it will ever have."""
    poses: int
    """Outcomes of the session in the store that are poses."""
    drops: int


@dataclass(frozen=True)
class TimelineDrop:
    """A frame without a pose."""

    sequence: int
    stage: str
    reason: str


@dataclass
class Timeline:
    """What a session's frames look like from afar, without their poses.

    The lists have one entry a frame: entry ``i`` is of sequence ``first + i``.
    """

    first: int = 0
    capture_time_ns: list[int] = field(default_factory=list)
    """When each frame was taken, Unix time."""
    persons: list[int] = field(default_factory=list)
    """How many persons were seen in each."""
    drops: list[TimelineDrop] = field(default_factory=list)
    """The frames without a pose, in order."""
    kept: list[tuple[int, int]] = field(default_factory=list)
    """The pictures that are kept: first and last sequence of each stretch, in order."""

    @property
    def next(self) -> int:
        """The sequence after the last entry."""
        return self.first + len(self.persons)

    def is_kept(self, sequence: int) -> bool:
        """Whether a frame's picture is kept."""
        return any(first <= sequence <= last for first, last in self.kept)

    @classmethod
    def parse(cls, body: bytes) -> Timeline:
        """Reads one message of an answer.

        Raises:
            ValueError: it is no timeline of this protocol version.
        """
        value = _object(body)
        try:
            timeline = value["timeline"]
            times, persons = timeline["capture_time_ns"], timeline["persons"]
            if len(times) != len(persons):
                raise ValueError(f"{len(times)} times of {len(persons)} frames")
            drops = [TimelineDrop(sequence, stage, reason) for sequence, stage, reason in timeline["drops"]]
            return cls(timeline["first"], times, persons, drops, [(first, last) for first, last in timeline["kept"]])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a timeline: {error!r}") from error

    def _append(self, other: Timeline) -> None:
        self.capture_time_ns += other.capture_time_ns
        self.persons += other.persons
        self.drops += other.drops
        for first, last in other.kept:
            if self.kept and self.kept[-1][1] + 1 == first:
                self.kept[-1] = (self.kept[-1][0], last)
            else:
                self.kept.append((first, last))


class Archive:
    """Reads what a sink has stored, over its replay socket.

    Each call asks and waits for the whole answer. Where the connection is lost meanwhile, as when the sink is
    restarted, it asks again. Use it on one thread.

    Args:
        replay: the sink's replay.
        timeout: seconds that one question may take; each call can say otherwise.
        max_message_bytes: the largest message that is accepted.
        curve: keys, where the sink demands them.
    """

    def __init__(
        self,
        replay: str = REPLAY,
        *,
        timeout: float = 10.0,
        max_message_bytes: int = 64 << 20,
        curve: Curve | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self.endpoint = replay
        self.timeout = timeout
        self._max_message_bytes = max_message_bytes
        self._curve = curve
        # Not a context of its own: see `Feeder`.
        self._context: zmq.Context[zmq.Socket[bytes]] = context or zmq.Context.instance()
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._closed = False

    # What can be asked

    def sessions(
        self, stream: str | None = None, limit: int = 1000, *, timeout: float | None = None
    ) -> list[SessionSummary]:
        """The newest sessions of a stream, or of all, in the order in which they began.

        Args:
            limit: at most so many; a sink tells of 10,000.

        Raises:
            ArchiveError: see its kinds.
        """
        request = {"sessions": True, "stream": stream, "limit": limit}
        sessions, _ = self._ask(request, _only(SessionSummary.parse), timeout)
        return sessions

    def page(
        self,
        session: str,
        first: int = 0,
        last: int | None = None,
        *,
        revision: str | int = "original",
        limit: int = 256,
        timeout: float | None = None,
    ) -> Page:
        """Some outcomes of a session, in order.

        Args:
            first: the sequence to begin with.
            last: the last one wanted, itself included; None: as many as there are.
            revision: ``"original"``, ``"latest"`` or a number: poses as ``posebus refine`` made them.
            limit: at most so many.

        Raises:
            UnknownSession: the store has no such session.
            ArchiveError: see its kinds.
        """
        end = first + max(1, limit) - 1
        request = {
            "session": session,
            "from": first,
            "to": end if last is None else min(last, end),
            "format": "json",
            "revision": revision,
        }
        outcomes, answer = self._ask(request, _only(Outcome.parse), timeout)
        return Page(
            outcomes,
            next=outcomes[-1].sequence + 1 if outcomes else int(answer.get("next") or first),
            ended=bool(answer.get("ended")),
            poses=int(answer.get("poses") or 0),
            drops=int(answer.get("drops") or 0),
        )

    def outcomes(
        self,
        session: str,
        first: int = 0,
        last: int | None = None,
        *,
        revision: str | int = "original",
        limit: int = 256,
        timeout: float | None = None,
    ) -> Iterator[Outcome]:
        """The outcomes of a session, in order, up to the last one stored by now. Asks for a page at a time.

        Args:
            limit: how many outcomes a page has.
            timeout: seconds that one page may take.

        Others as `page`.
        """
        while last is None or first <= last:
            page = self.page(session, first, last, revision=revision, limit=limit, timeout=timeout)
            yield from page.outcomes
            # A store that began in mid-session says where: an empty page before it is not the end.
            if page.next == first:
                return
            first = page.next

    def frame(self, session: str, sequence: int, *, timeout: float | None = None) -> bytes | None:
        """The picture of a frame, a JPEG as the camera sent it; None where the sink does not keep it, or not any more.

        Raises:
            UnknownSession: the store has no such session.
            ArchiveError: see its kinds.
        """

        def picture(parts: list[bytes]) -> bytes:
            if len(parts) != 2 or _object(parts[0]).get("sequence") != sequence:
                raise ValueError("not the picture that was asked for")
            return parts[1]

        request = {"session": session, "from": sequence, "to": sequence, "format": "jpeg"}
        pictures, _ = self._ask(request, picture, timeout)
        return pictures[0] if pictures else None

    def timeline(self, session: str, *, revision: str | int = "original", timeout: float | None = None) -> Timeline:
        """What a session's frames look like from afar, without their poses.

        Raises:
            UnknownSession: the store has no such session.
            ArchiveError: see its kinds.
        """
        request = {"session": session, "format": "timeline", "revision": revision}
        stretches, _ = self._ask(request, _only(Timeline.parse), timeout)
        if not stretches:
            return Timeline()
        whole = stretches[0]
        for stretch in stretches[1:]:
            whole._append(stretch)
        return whole

    def close(self) -> None:
        """Closes the connection. It is safe to call it again."""
        self._closed = True
        self._shut()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Asking

    def _ask(
        self, request: Mapping[str, object], parse: Callable[[list[bytes]], T], timeout: float | None
    ) -> tuple[list[T], dict[str, Any]]:
        """The items of the answer to a request, and its end."""
        if self._closed:
            raise ValueError("the archive is closed")
        seconds = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        try:
            while True:
                answer = self._ask_once(json.dumps(request).encode(), parse, deadline)
                if answer is not None:
                    break
                self._shut()
        except zmq.Again:
            self._shut()
            raise ArchiveTimeout(self.endpoint, seconds) from None
        except ValueError as error:
            self._shut()
            raise ArchiveError(
                f"the answer of the sink at {self.endpoint} cannot be read ({error}); it is of another release"
            ) from error
        except BaseException:
            # What was not read of this answer must not be taken for the next one's.
            self._shut()
            raise
        items, end = answer
        if end.get("error"):
            reason = str(end["error"])
            raise UnknownSession(reason) if "no such session" in reason else ArchiveError(reason)
        return items, end

    def _ask_once(
        self, request: bytes, parse: Callable[[list[bytes]], T], deadline: float
    ) -> tuple[list[T], dict[str, Any]] | None:
        """An answer, or None where the connection was lost before it was complete.

        Raises:
            zmq.Again: it was not complete by the deadline.
        """
        socket, events = self._connected()
        # It waits here until the connection stands.
        socket.send(request, zmq.NOBLOCK)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(events, zmq.POLLIN)
        items: list[T] = []
        while True:
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                # Only now: what arrived before the connection was lost has been read.
                if self._is_lost(events):
                    return None
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
                poller.poll(max(1, int(left * 1000)))
                continue
            end = replay_end(parts[0]) if len(parts) == 1 else None
            if end is not None:
                return items, end
            items.append(parse(parts))
            if time.monotonic() > deadline:
                raise zmq.Again

    def _connected(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        if self._socket is None or self._monitor is None:
            self._socket = bounded_socket(self._context, zmq.DEALER, 1000, self._max_message_bytes, self._curve)
            self._monitor = monitor(self._socket, zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            self._socket.connect(self.endpoint)
        return self._socket, self._monitor

    def _is_lost(self, events: zmq.Socket[bytes]) -> bool:
        lost = False
        while True:
            try:
                event = parse_monitor_message(events.recv_multipart(zmq.NOBLOCK))["event"]
            except zmq.Again:
                return lost
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                raise CurveError(
                    f"the sink at {self.endpoint} does not let this key in: its certificate must lie in the sink's"
                    " folder subscribers/"
                )
            lost = True

    def _shut(self) -> None:
        """The next question begins on a new connection, so that nothing of a late answer comes in between."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close()
        if self._monitor is not None:
            self._monitor.close()
        self._socket = self._monitor = None


def _object(body: bytes) -> dict[str, Any]:
    value = json.loads(body)
    if not isinstance(value, dict) or value.get("v") != PROTOCOL_VERSION:
        raise ValueError(f"not a message of protocol version {PROTOCOL_VERSION}")
    return value


def _only(parse: Callable[[bytes], T]) -> Callable[[list[bytes]], T]:
    def of_one(parts: list[bytes]) -> T:
        if len(parts) != 1:
            raise ValueError(f"a message of {len(parts)} parts")
        return parse(parts[0])

    return of_one
