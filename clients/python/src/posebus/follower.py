"""The logic of a subscriber that misses nothing, without sockets or a clock of its own.

Publishing is not delivery: what a subscriber is too late or too slow for passes it by. Everything published is in the
sink's store before, so whatever is missing can be asked for (replay). A `Follower` is told what arrives and says what
to ask for next; what is ready to be handed out comes in order and exactly once for each session.

A gap shows itself in four ways: a later sequence, the end of the session, a later session of the same stream, or, when
nothing arrives at all, an inquiry after a silence.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, Protocol, TypedDict, TypeVar

from .outcomes import SessionEvent

__all__ = ["Follower", "Position", "Statistics"]


class Sequenced(Protocol):
    """What a follower has to know of an outcome."""

    @property
    def stream(self) -> str: ...

    @property
    def session(self) -> str: ...

    @property
    def sequence(self) -> int: ...


T = TypeVar("T", bound=Sequenced)


class Position(TypedDict):
    """How far a session has been handed out. Made of JSON values, so that it can be saved."""

    session: str
    next: int
    """The sequence to go on with."""
    ended: bool
    """Whether its end was handed out too."""


@dataclass
class Statistics:
    """What a subscriber has seen so far."""

    delivered: int = 0
    """Outcomes handed out."""
    duplicates: int = 0
    """Outcomes that arrived again and were discarded."""
    gaps: int = 0
    """Times a later sequence showed that earlier ones are missing."""
    replayed: int = 0
    """Outcomes that came by replay."""
    unreadable: int = 0
    """Messages that could not be read: a sink of another release."""
    missing: int = 0
    """Sequences that the store does not have either, such as the beginning of a session in another store."""


@dataclass
class _Session(Generic[T]):
    stream: str
    id: str
    next: int
    given: int
    """One past the last outcome handed out; `next` runs ahead of it by what is ready."""
    retry_at: float
    wait: float
    news_at: float
    seen: int = 0
    """One past the highest sequence that is known to exist."""
    pending: dict[int, T] = field(default_factory=dict)
    end: SessionEvent | None = None
    ended: bool = False
    end_given: bool = False
    has_successor: bool = False
    urgent: bool = False

    @property
    def has_gap(self) -> bool:
        return self.seen > self.next


@dataclass
class _Stream:
    retry_at: float
    wait: float
    latest: str | None = None


@dataclass
class _Request:
    stream: str
    session: str | None
    first: int
    last: int | None
    seen: int
    was_latest: bool
    end_is_known: bool
    heard_at: float
    is_probe: bool = False
    outcomes: int = 0
    unreadable: int = 0


class Follower(Generic[T]):
    """Puts what a sink publishes and plays back in order. See the module."""

    def __init__(
        self,
        parse: Callable[[bytes], T],
        *,
        format: str = "json",
        streams: list[str] | None = None,
        start: str = "session",
        replays: bool = True,
        positions: dict[str, list[Position]] | None = None,
        now: float = 0.0,
        max_pending: int = 1000,
        probe: tuple[float, float] = (1.0, 10.0),
        replay_timeout: float = 3.0,
        abandon_after: float = 60.0,
        max_sessions: int = 4096,
    ) -> None:
        self.statistics = Statistics()
        self._parse = parse
        self._format = format
        self._wanted = None if streams is None else frozenset(streams)
        self._replays = replays
        self._start_live = start == "live" or not replays
        self._max_pending = max_pending
        self._probe = probe
        self._replay_timeout = replay_timeout
        self._abandon_after = abandon_after
        self._max_sessions = max_sessions
        self._ready: deque[T | SessionEvent] = deque()
        self._sessions: dict[str, _Session[T]] = {}
        self._streams: dict[str, _Stream] = {}
        # Sessions of which nothing more is expected: (stream, next, ended). The oldest are forgotten.
        self._past: OrderedDict[str, tuple[str, int, bool]] = OrderedDict()
        self._pending = 0
        self._request: _Request | None = None
        self._scan_at = now
        self._silent_finds = 0
        for stream in streams or ():
            self._streams[stream] = _Stream(now, probe[0])
        for stream, sessions in (positions or {}).items():
            if not self.wants(stream):
                continue
            for position in sessions:
                session = self._add(stream, position["session"], position["next"], now)
                session.ended = session.end_given = position["ended"]
                session.urgent = True

    # What is handed out

    def take(self) -> T | SessionEvent | None:
        """The next outcome or session event, or None."""
        if not self._ready:
            return None
        event = self._ready.popleft()
        session = self._sessions.get(event.session)
        if isinstance(event, SessionEvent):
            if session is not None and event.event == "end":
                session.end_given = True
        else:
            self.statistics.delivered += 1
            if session is not None:
                session.given = event.sequence + 1
        return event

    @property
    def positions(self) -> dict[str, list[Position]]:
        """How far each stream has been handed out: by stream, its sessions, the latest one last."""
        positions: dict[str, list[Position]] = {}
        for session in self._sessions.values():
            entry = Position(session=session.id, next=session.given, ended=session.end_given)
            of_stream = positions.setdefault(session.stream, [])
            if self._streams[session.stream].latest == session.id:
                of_stream.append(entry)
            else:
                of_stream.insert(0, entry)
        return positions

    def wants(self, stream: str) -> bool:
        """Whether a stream is one of those to follow."""
        return self._wanted is None or stream in self._wanted

    # What arrives

    def on_outcome(self, body: bytes, now: float) -> None:
        """An outcome was published."""
        try:
            outcome = self._parse(body)
        except ValueError:
            self.statistics.unreadable += 1
            return
        self._silent_finds = 0
        if not self.wants(outcome.stream):
            return
        # A live follower begins with what it sees first, and with the beginning of every later session.
        begins = outcome.stream not in self._streams or self._streams[outcome.stream].latest is None
        first = outcome.sequence if self._start_live and begins else 0
        session = self._find(outcome.stream, outcome.session, first, now)
        if session is None:
            self.statistics.duplicates += 1
            return
        session.news_at = now
        session.wait = self._probe[0]
        session.retry_at = min(session.retry_at, now + session.wait)
        had_gap = session.has_gap
        if not self._replays:
            self._skip(session, outcome.sequence)
        self._place(session, outcome)
        if session.has_gap:
            if not had_gap:
                self.statistics.gaps += 1
                session.retry_at = now
            self._scan_at = now

    def on_session_event(self, body: bytes, now: float) -> None:
        """The beginning or end of a session was published."""
        try:
            event = SessionEvent.parse(body)
        except ValueError:
            self.statistics.unreadable += 1
            return
        if not self.wants(event.stream):
            return
        unknown = event.stream not in self._streams or self._streams[event.stream].latest is None
        first = event.frames if self._start_live and unknown else 0
        session = self._find(event.stream, event.session, first, now)
        if session is None or session.ended:
            return
        session.news_at = now
        if event.event == "end" and session.end is None:
            session.end = event
            if not self._replays:
                self._skip(session, event.frames)
            if session.next == event.frames and not session.has_gap:
                self._finish(session)
            else:
                self._urge(session, now)

    def on_connected(self, now: float) -> None:
        """The sink's publisher has been reached (again): anything may have been published meanwhile."""
        for session in self._sessions.values():
            self._urge(session, now)
        for stream in self._streams.values():
            stream.retry_at = now
        self._scan_at = now

    # Replay

    def request(self, now: float) -> bytes | None:
        """What to ask the sink for now, if anything. One request is under way at a time."""
        if self._request is not None or now < self._scan_at or not self._replays:
            return None
        chosen: _Session[T] | _Stream | None = None
        name, earliest = "", float("inf")
        for session in list(self._sessions.values()):
            if self._is_settled(session, now):
                self._forget(session)
                continue
            due = self._due(session)
            if due < earliest:
                chosen, name, earliest = session, session.stream, due
        for key, stream in self._streams.items():
            asks = stream.latest is None and self._wanted is not None and not self._start_live
            if asks and stream.retry_at < earliest:
                chosen, name, earliest = stream, key, stream.retry_at
        self._scan_at = earliest
        if chosen is None or earliest > now:
            return None
        if isinstance(chosen, _Session):
            last = min(chosen.pending) - 1 if chosen.pending else None
            is_latest = self._streams[name].latest == chosen.id
            end_is_known = chosen.end is not None
            self._request = _Request(name, chosen.id, chosen.next, last, chosen.seen, is_latest, end_is_known, now)
            self._request.is_probe = not chosen.urgent and not chosen.has_gap and chosen.next > 0
            chosen.urgent = False
        else:
            self._request = _Request(name, None, 0, None, 0, True, False, now)
        request = self._request
        return json.dumps(
            {
                "stream": request.stream,
                "session": request.session,
                "from": request.first,
                "to": request.last,
                "format": self._format,
            }
        ).encode()

    def on_replay(self, body: bytes, now: float) -> None:
        """A part of the answer to the request under way."""
        request = self._request
        if request is None:
            return
        request.heard_at = now
        end = replay_end(body)
        if end is not None:
            self._request = None
            self._scan_at = now
            self._close_replay(request, end, now)
            return
        try:
            outcome = self._parse(body)
        except ValueError:
            self.statistics.unreadable += 1
            request.unreadable += 1
            return
        session = self._find(outcome.stream, outcome.session, 0, now)
        if session is None:
            return
        self.statistics.replayed += 1
        request.outcomes += 1
        session.news_at = now
        # What an answer begins after is not in the store. A hole within it was lost on the way and is asked for again.
        if outcome.sequence > session.next and (request.outcomes == 1 or request.unreadable):
            self._skip(session, outcome.sequence)
        self._place(session, outcome)

    def is_overdue(self, now: float) -> bool:
        """Whether the answer to the request under way has been silent for too long."""
        return self._request is not None and now - self._request.heard_at > self._replay_timeout

    def on_replay_lost(self, now: float) -> None:
        """The request under way will not be answered any more; whatever is still missing is asked for again."""
        request, self._request = self._request, None
        if request is None:
            return
        self._scan_at = now
        self._retry(request, now)

    def publisher_is_silent(self) -> bool:
        """Whether the store goes on and nothing of it is published to us: the connection is dead without knowing it.

        True once; then it has to happen again.
        """
        if self._silent_finds < 2:
            return False
        self._silent_finds = 0
        return True

    def wakes_at(self) -> float:
        """When to call `request` and `is_overdue` again, if nothing arrives before."""
        if self._request is not None:
            return self._request.heard_at + self._replay_timeout
        return self._scan_at

    def _close_replay(self, request: _Request, end: dict[str, Any], now: float) -> None:
        if end.get("error"):
            self._retry(request, now)
            return
        name = request.session or end.get("session")
        if not isinstance(name, str):
            self._retry(request, now)
            return
        session = self._find(request.stream, name, 0, now)
        if session is None:
            if request.session is None:
                self._retry(request, now)
            return
        if request.is_probe and request.outcomes:
            self._silent_finds += 1
        after = int(end.get("next") or 0)
        if request.unreadable:
            # What could not be read is not asked for again.
            self._skip(session, after)
        session.seen = max(session.seen, after)
        if not request.outcomes and not end.get("count") and request.seen > request.first:
            # It was published once and the store does not have it: another store under the same endpoint.
            self._skip(session, min(session.pending, default=request.seen))
        if request.last is None and end.get("ended") and session.end is None:
            frames = int(end.get("poses") or 0) + int(end.get("drops") or 0)
            session.end = SessionEvent(
                "end", session.stream, session.id, frames, int(end.get("poses") or 0), int(end.get("drops") or 0)
            )
        # An answer from before the end may lack the last outcomes.
        is_whole = request.last is None and (request.end_is_known or bool(end.get("ended")))
        if is_whole and not session.has_gap:
            self._finish(session)
        self._follow_chain(session, request, end, now)
        if session.next > request.first:
            session.wait = self._probe[0]
        else:
            session.wait = min(2 * session.wait, self._probe[1])
        session.retry_at = now if session.has_gap else now + session.wait
        if session.end is not None and not session.ended:
            self._urge(session, now)

    def _follow_chain(self, session: _Session[T], request: _Request, end: dict[str, Any], now: float) -> None:
        successor = end.get("next_session")
        if isinstance(successor, str):
            session.has_successor = True
            if successor not in self._sessions and successor not in self._past:
                is_latest = self._streams[session.stream].latest == session.id
                added = self._add(session.stream, successor, 0, now, becomes_latest=is_latest)
                self._urge(added, now)
        elif not request.was_latest:
            # A sink that does not tell successors: the later session is known already.
            session.has_successor = True

    def _retry(self, request: _Request, now: float) -> None:
        if request.session is None:
            stream = self._streams[request.stream]
            stream.retry_at = now + stream.wait
            stream.wait = min(2 * stream.wait, self._probe[1])
            return
        session = self._sessions.get(request.session)
        if session is not None:
            session.retry_at = now + session.wait / 4
            session.wait = min(2 * session.wait, self._probe[1])
            session.urgent = True

    # Sessions

    def _find(self, stream: str, name: str, first: int, now: float) -> _Session[T] | None:
        """The session, made where it is new; None where it is over."""
        session = self._sessions.get(name)
        if session is not None:
            return session
        if name in self._past:
            _, next_sequence, ended = self._past[name]
            if ended:
                return None
            del self._past[name]
            session = self._add(stream, name, next_sequence, now, becomes_latest=False)
            session.has_successor = True
            return session
        return self._add(stream, name, first, now)

    def _add(self, stream: str, name: str, first: int, now: float, becomes_latest: bool = True) -> _Session[T]:
        while len(self._sessions) >= self._max_sessions:
            self._forget(min(self._sessions.values(), key=lambda session: session.news_at))
        of_stream = self._streams.setdefault(stream, _Stream(now, self._probe[0]))
        if becomes_latest or of_stream.latest is None:
            # Were there others in between? The one that was the latest so far is asked for its successor.
            previous = self._sessions.get(of_stream.latest or "")
            if previous is not None:
                self._urge(previous, now)
            of_stream.latest = name
        session = _Session[T](
            stream, name, first, first, retry_at=now + self._probe[0], wait=self._probe[0], news_at=now, seen=first
        )
        self._sessions[name] = session
        self._scan_at = min(self._scan_at, session.retry_at)
        return session

    def _urge(self, session: _Session[T], now: float) -> None:
        session.urgent = True
        session.retry_at = min(session.retry_at, now)
        self._scan_at = min(self._scan_at, now)

    def _due(self, session: _Session[T]) -> float:
        is_latest = self._streams[session.stream].latest == session.id
        if session.urgent or session.has_gap or not (is_latest or session.has_successor):
            return session.retry_at
        if session.ended and session.has_successor:
            return session.news_at + self._abandon_after
        return max(session.retry_at, session.news_at + self._probe[0])

    def _is_settled(self, session: _Session[T], now: float) -> bool:
        """Whether nothing more is expected of a session, so that it can be forgotten."""
        if session.given < session.next or session.has_gap or not session.has_successor:
            return False
        if self._streams[session.stream].latest == session.id:
            return False
        if session.ended:
            return session.end_given
        return session.end is None and now - session.news_at > self._abandon_after

    def _forget(self, session: _Session[T]) -> None:
        del self._sessions[session.id]
        self._pending -= len(session.pending)
        stream = self._streams[session.stream]
        if stream.latest == session.id:
            stream.latest = None
            if self._wanted is None:
                del self._streams[session.stream]
        elif self._wanted is None and not any(other.stream == session.stream for other in self._sessions.values()):
            self._streams.pop(session.stream, None)
        self._past[session.id] = (session.stream, session.next, session.ended)
        while len(self._past) > self._max_sessions:
            self._past.popitem(last=False)

    # Order

    def _place(self, session: _Session[T], outcome: T) -> None:
        if outcome.sequence < session.next:
            self.statistics.duplicates += 1
        elif outcome.sequence == session.next:
            self._deliver(session, outcome)
            self._drain(session)
        else:
            session.seen = max(session.seen, outcome.sequence + 1)
            if outcome.sequence in session.pending:
                self.statistics.duplicates += 1
            elif self._pending < self._max_pending:
                session.pending[outcome.sequence] = outcome
                self._pending += 1

    def _deliver(self, session: _Session[T], outcome: T) -> None:
        if outcome.sequence == 0:
            self._ready.append(SessionEvent("begin", session.stream, session.id, 0, 0, 0))
        self._ready.append(outcome)
        session.next = outcome.sequence + 1
        session.seen = max(session.seen, session.next)

    def _drain(self, session: _Session[T]) -> None:
        while session.pending:
            outcome = session.pending.pop(session.next, None)
            if outcome is None:
                return
            self._pending -= 1
            self._deliver(session, outcome)

    def _skip(self, session: _Session[T], sequence: int) -> None:
        """Goes on at a later sequence: those before are nowhere to be had."""
        if sequence <= session.next:
            return
        for number in sorted(number for number in session.pending if number < sequence):
            # They are here after all.
            if number >= session.next:
                self.statistics.missing += number - session.next
                self._deliver(session, session.pending[number])
            del session.pending[number]
            self._pending -= 1
        self.statistics.missing += sequence - session.next
        session.next = max(session.next, sequence)
        session.seen = max(session.seen, session.next)
        self._drain(session)

    def _finish(self, session: _Session[T]) -> None:
        if session.end is None or session.ended:
            return
        session.ended = True
        self._ready.append(session.end)


def replay_end(body: bytes) -> dict[str, Any] | None:
    """The last message of an answer to a replay request, or None where it is something else of it."""
    if not body.startswith(b"{") or b'"end"' not in body:
        return None
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) and value.get("end") is True else None
