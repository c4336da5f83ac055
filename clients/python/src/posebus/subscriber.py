"""Receives outcomes, gap-free and in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Callable, Generic, Literal, TypeVar, cast, overload

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from ._sockets import bounded_socket, monitor
from .follower import Follower, Position, Sequenced, Statistics
from .outcomes import Outcome, ProtobufOutcome, SessionEvent
from .security import Curve

__all__ = ["AsyncSubscriber", "Subscriber"]

RESULTS = "tcp://127.0.0.1:5571"
REPLAY = "tcp://127.0.0.1:5573"

# The longest a wait lasts before the follower is asked again.
_MAX_WAIT = 0.5

T = TypeVar("T", bound=Sequenced)


class _Connection(Generic[T]):
    """The sockets of a subscriber and what is done with them; waiting is left to its subclasses."""

    def __init__(
        self,
        results: str = RESULTS,
        replay: str | None = REPLAY,
        streams: Iterable[str] | None = None,
        format: str = "json",
        *,
        start: str = "session",
        positions: Mapping[str, list[Position]] | None = None,
        max_pending: int = 1000,
        max_queued: int = 1000,
        max_message_bytes: int = 64 << 20,
        replay_timeout: float = 3.0,
        probe_seconds: tuple[float, float] = (1.0, 10.0),
        curve: Curve | None = None,
        replay_curve: Curve | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        if format not in ("json", "pb"):
            raise ValueError(f'format is "json" or "pb", not {format!r}')
        if start not in ("session", "live"):
            raise ValueError(f'start is "session" or "live", not {start!r}')
        if isinstance(streams, str):
            raise ValueError("streams is a list of names, not one name")
        names = None if streams is None else list(streams)
        parse = cast("Callable[[bytes], T]", Outcome.parse if format == "json" else ProtobufOutcome.parse)
        self._follower: Follower[T] = Follower(
            parse,
            format=format,
            streams=names,
            start=start,
            replays=replay is not None,
            positions=dict(positions) if positions is not None else None,
            now=time.monotonic(),
            max_pending=max_pending,
            probe=probe_seconds,
            replay_timeout=replay_timeout,
        )
        self._replay_endpoint = replay
        self._replay_curve = replay_curve or curve
        self._max_queued = max_queued
        self._max_message_bytes = max_message_bytes
        # Not a context of its own: if this object is dropped unclosed, say by an exception, the garbage collector would
        # end that context while its sockets are open, and pyzmq would wait for them for ever.
        self._context: zmq.Context[zmq.Socket[bytes]] = context or zmq.Context.instance()
        self._closed = False
        # Subscribe first: whatever is published from then on arrives, and what came before is asked for.
        self._pose_prefix = f"pose/{format}/".encode()
        self._topics = [
            prefix + name.encode() for prefix in (self._pose_prefix, b"session/json/") for name in names or [""]
        ]
        self._results_endpoint = results
        self._results_curve = curve
        self._results, self._results_monitor = self._open_results()
        self._replay: zmq.Socket[bytes] | None = None
        self._replay_monitor: zmq.Socket[bytes] | None = None
        self._open_replay()

    # Sockets

    def _socket(self, kind: int, curve: Curve | None) -> zmq.Socket[bytes]:
        return bounded_socket(self._context, kind, self._max_queued, self._max_message_bytes, curve)

    def _open_results(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        socket = self._socket(zmq.SUB, self._results_curve)
        events = monitor(socket, zmq.EVENT_HANDSHAKE_SUCCEEDED)
        for topic in self._topics:
            socket.subscribe(topic)
        socket.connect(self._results_endpoint)
        return socket, events

    def _close_results(self) -> None:
        self._results.disable_monitor()
        self._results_monitor.close()
        self._results.close()

    def _open_replay(self) -> None:
        """A new socket, so that nothing of an answer that was given up comes in between."""
        self._close_replay()
        if self._replay_endpoint is None:
            return
        self._replay = self._socket(zmq.DEALER, self._replay_curve)
        self._replay_monitor = monitor(self._replay, zmq.EVENT_DISCONNECTED)
        self._replay.connect(self._replay_endpoint)

    def _close_replay(self) -> None:
        if self._replay is not None:
            self._replay.disable_monitor()
            self._replay.close()
        if self._replay_monitor is not None:
            self._replay_monitor.close()
        self._replay = self._replay_monitor = None

    def _sockets(self) -> list[zmq.Socket[bytes]]:
        sockets = [self._results, self._results_monitor, self._replay, self._replay_monitor]
        return [socket for socket in sockets if socket is not None]

    # One step

    def _step(self) -> T | SessionEvent | bool | None:
        """Something to hand out, or whether anything arrived."""
        event = self._follower.take()
        if event is not None:
            return event
        if self._closed:
            raise ValueError("the subscriber is closed")
        now = time.monotonic()
        arrived = self._read_results(now)
        arrived = self._read_replay(now) or arrived
        event = self._follower.take()
        return event if event is not None else arrived

    def _read_results(self, now: float) -> bool:
        while _receive(self._results_monitor) is not None:
            self._follower.on_connected(now)
        parts = _receive(self._results)
        if parts is None:
            return False
        if len(parts) != 2:
            self._follower.statistics.unreadable += 1
            return True
        topic, body = parts
        if topic.startswith(self._pose_prefix):
            self._follower.on_outcome(body, now)
        else:
            self._follower.on_session_event(body, now)
        return True

    def _read_replay(self, now: float) -> bool:
        if self._replay is None or self._replay_monitor is None:
            return False
        parts = _receive(self._replay)
        if parts is not None:
            self._follower.on_replay(parts[-1], now)
            if self._follower.publisher_is_silent():
                self._close_results()
                self._results, self._results_monitor = self._open_results()
            return True
        # Only now: what arrived before the connection was lost has been read.
        is_lost = False
        while (event := _receive(self._replay_monitor)) is not None:
            is_lost = is_lost or parse_monitor_message(event)["event"] == zmq.EVENT_DISCONNECTED
        if is_lost or self._follower.is_overdue(now):
            self._follower.on_replay_lost(now)
            self._open_replay()
        request = self._follower.request(now)
        if request is not None and self._replay is not None:
            try:
                self._replay.send(request, zmq.NOBLOCK)
            except zmq.Again:
                self._follower.on_replay_lost(now)
        return False

    def _wait_seconds(self, deadline: float | None) -> float:
        now = time.monotonic()
        wake = min(now + _MAX_WAIT, self._follower.wakes_at() if self._replay is not None else now + _MAX_WAIT)
        if deadline is not None:
            wake = min(wake, deadline)
        # Never a spin, whatever the follower wants.
        return max(0.001, wake - now)

    # What both kinds offer

    @property
    def positions(self) -> dict[str, list[Position]]:
        """How far each stream has been handed out. Save it as JSON and give it to a later subscriber to go on there.

        Read it after an outcome has been dealt with: the one that was handed out last counts as done.
        """
        return self._follower.positions

    @property
    def statistics(self) -> Statistics:
        """Counters since the beginning."""
        return self._follower.statistics

    def close(self) -> None:
        """Closes the sockets. It is safe to call it again."""
        if self._closed:
            return
        self._closed = True
        self._close_replay()
        self._close_results()


def _receive(socket: zmq.Socket[bytes] | None) -> list[bytes] | None:
    if socket is None:
        return None
    try:
        return socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return None


class Subscriber(_Connection[T]):
    """Iterates over outcomes, gap-free, in order and exactly once for each session.

    It subscribes to what the sink publishes and fetches by replay whatever it was too late or too slow for. Memory is
    bounded however slowly it is read: what does not fit stays in the sink's store. Use it on one thread.

    Args:
        results: the sink's publisher.
        replay: the sink's replay; None follows what is published only, and may miss something.
        streams: the names of the streams to follow; None follows all that are published from now on.
        format: ``"json"`` for `Outcome`, ``"pb"`` for `ProtobufOutcome`.
        start: where a stream without a saved position begins: at the beginning of its ``"session"``, or ``"live"``,
            with what comes next.
        positions: where to go on, as an earlier subscriber's `positions` said.
        max_pending: how many outcomes may wait here for earlier ones.
        max_queued: how many messages each socket may hold.
        replay_timeout: seconds after which an answer that has fallen silent is asked for again.
        probe_seconds: the first and the longest silence after which the sink is asked whether anything was missed.
        curve: keys, where the sink demands them; `replay_curve` where replay has others.
    """

    @overload
    def __init__(
        self: Subscriber[Outcome],
        results: str = ...,
        replay: str | None = ...,
        streams: Iterable[str] | None = ...,
        format: Literal["json"] = ...,
        **options: Any,
    ) -> None: ...

    @overload
    def __init__(
        self: Subscriber[ProtobufOutcome],
        results: str = ...,
        replay: str | None = ...,
        streams: Iterable[str] | None = ...,
        *,
        format: Literal["pb"],
        **options: Any,
    ) -> None: ...

    def __init__(
        self,
        results: str = RESULTS,
        replay: str | None = REPLAY,
        streams: Iterable[str] | None = None,
        format: str = "json",
        **options: Any,
    ) -> None:
        super().__init__(results, replay, streams, format, **options)

    def receive(self, timeout: float | None = None) -> T | SessionEvent | None:
        """The next outcome, or the beginning or end of a session; None where none came within `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self._step()
            if event is not None and not isinstance(event, bool):
                return event
            if event is True:
                continue
            if deadline is not None and time.monotonic() >= deadline:
                return None
            poller = zmq.Poller()
            for socket in self._sockets():
                poller.register(socket, zmq.POLLIN)
            poller.poll(int(self._wait_seconds(deadline) * 1000) + 1)

    def events(self, timeout: float | None = None) -> Iterator[T | SessionEvent]:
        """Outcomes and session events, until nothing came for `timeout` seconds (None: for ever)."""
        while (event := self.receive(timeout)) is not None:
            yield event

    def __iter__(self) -> Iterator[T]:
        for event in self.events():
            if not isinstance(event, SessionEvent):
                yield event

    def __enter__(self) -> Subscriber[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncSubscriber(_Connection[T]):
    """The same as `Subscriber` for asyncio: ``async for outcome in AsyncSubscriber(...)``."""

    @overload
    def __init__(
        self: AsyncSubscriber[Outcome],
        results: str = ...,
        replay: str | None = ...,
        streams: Iterable[str] | None = ...,
        format: Literal["json"] = ...,
        **options: Any,
    ) -> None: ...

    @overload
    def __init__(
        self: AsyncSubscriber[ProtobufOutcome],
        results: str = ...,
        replay: str | None = ...,
        streams: Iterable[str] | None = ...,
        *,
        format: Literal["pb"],
        **options: Any,
    ) -> None: ...

    def __init__(
        self,
        results: str = RESULTS,
        replay: str | None = REPLAY,
        streams: Iterable[str] | None = None,
        format: str = "json",
        **options: Any,
    ) -> None:
        super().__init__(results, replay, streams, format, **options)

    async def receive(self, timeout: float | None = None) -> T | SessionEvent | None:
        """The next outcome, or the beginning or end of a session; None where none came within `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self._step()
            if event is not None and not isinstance(event, bool):
                return event
            if event is True:
                # Others have their turn however much arrives.
                await asyncio.sleep(0)
                continue
            if deadline is not None and time.monotonic() >= deadline:
                return None
            poller = zmq.asyncio.Poller()
            for socket in self._sockets():
                poller.register(socket, zmq.POLLIN)
            await poller.poll(int(self._wait_seconds(deadline) * 1000) + 1)

    async def events(self, timeout: float | None = None) -> AsyncIterator[T | SessionEvent]:
        """Outcomes and session events, until nothing came for `timeout` seconds (None: for ever)."""
        while (event := await self.receive(timeout)) is not None:
            yield event

    async def __aiter__(self) -> AsyncIterator[T]:
        async for event in self.events():
            if not isinstance(event, SessionEvent):
                yield event

    async def __aenter__(self) -> AsyncSubscriber[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
