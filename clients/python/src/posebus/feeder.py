"""Sends frames to ingest and keeps each until it is confirmed."""

from __future__ import annotations

import json
import time
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass
from types import TracebackType
from typing import Callable, Union

import zmq
from zmq.utils.monitor import parse_monitor_message

from ._sockets import monitor
from .errors import FeederTimeout, FrameRefused
from .security import Curve

__all__ = ["Feeder"]

FRAMES = "tcp://127.0.0.1:5551"

# Refusals after which a frame is sent again, and how long to wait with it, in seconds.
_TRY_AGAIN = ("stopping", "too_many_outstanding", "out_of_order")
_PAUSE = 0.2

Image = Union[bytes, bytearray, memoryview]


@dataclass
class _Frame:
    keys: dict[str, object]
    image: Image | None
    sent_at: float = 0.0


class Feeder:
    """Feeds one stream, with several frames unconfirmed at once, and loses none of them.

    A frame counts as delivered once ingest has answered ``OK``. Until then it is kept here, and sent again, in order,
    when the connection was lost or the answer is overdue. Use it on one thread.

    Args:
        stream: the name of the stream: 1 to 128 bytes without slashes and control characters.
        endpoint: ingest's socket for frames that are answered.
        delivery: ``"lossless"`` waits while ingest's window is full, ``"live"`` lets it shed the oldest frames (each a
            recorded drop); None leaves it to ingest.
        max_outstanding: how many frames may be unconfirmed, and so be held here; ingest allows 64 by default.
        first_frame: the number of the first frame, to go on after an earlier feeder.
        resend_after: seconds without any answer after which everything unconfirmed is sent again on a new connection.
            A lossless stream waits without an answer while ingest's window is full, so this must be long; None: only
            when the connection is lost.
        on_refused: called with each refusal; without it a refusal is raised by the next call.
        curve: keys, where ingest demands them.
    """

    def __init__(
        self,
        stream: str,
        endpoint: str = FRAMES,
        *,
        delivery: str | None = None,
        max_outstanding: int = 16,
        first_frame: int = 0,
        resend_after: float | None = 30.0,
        on_refused: Callable[[FrameRefused], None] | None = None,
        curve: Curve | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        if delivery not in (None, "live", "lossless"):
            raise ValueError(f'delivery is "live", "lossless" or None, not {delivery!r}')
        if max_outstanding < 1:
            raise ValueError("max_outstanding is at least 1")
        self.stream = stream
        self.endpoint = endpoint
        self.accepted = 0
        """Frames that ingest has confirmed."""
        self.refused = 0
        """Frames that ingest has not taken, or has recorded as a drop."""
        self.resent = 0
        """Times a frame was sent again."""
        self._delivery = delivery
        self._max_outstanding = max_outstanding
        self._resend_after = resend_after
        self._on_refused = on_refused
        self._curve = curve
        self._next = first_frame
        # By number, oldest first. The stream's end has a number too, so that its answer can be told.
        self._unconfirmed: OrderedDict[int, _Frame] = OrderedDict()
        # Those handed to this connection and not answered: ingest answers in their order.
        self._sent: deque[int] = deque()
        self._refusals: deque[FrameRefused] = deque()
        self._answered_at = time.monotonic()
        # After a refusal that asks to send again, how long to wait with it.
        self._paused_until = 0.0
        # By this name ingest tells frames that are sent again from new ones.
        self._name = uuid.uuid4().hex
        # Not a context of its own: if this object is dropped unclosed, say by an exception, the garbage collector would
        # end that context while its sockets are open, and pyzmq would wait for them for ever.
        self._context: zmq.Context[zmq.Socket[bytes]] = context or zmq.Context.instance()
        self._closed = False
        self._socket, self._monitor = self._open()

    # What callers do

    @property
    def outstanding(self) -> int:
        """Frames that are not confirmed yet."""
        return len(self._unconfirmed)

    @property
    def next_frame(self) -> int:
        """The number the next frame gets."""
        return self._next

    def send(
        self,
        jpeg: Image,
        capture_time_ns: int | None = None,
        timeout: float | None = None,
        *,
        still: bool = False,
        traceparent: str | None = None,
    ) -> int:
        """Sends a JPEG, waiting first while too many frames are unconfirmed.

        Args:
            jpeg: the image; it is kept until it is confirmed, so do not change it.
            capture_time_ns: when it was taken, Unix time; None: when ingest receives it.
            timeout: seconds to wait for room at most.
            still: the picture stands for itself: nobody is followed into it or out of it.
            traceparent: where the frame belongs in a trace of yours, as W3C Trace Context writes it; None: ingest
                begins one. The outcome's ``trace_id`` says which.

        Returns:
            The frame's number. Its outcome carries it as ``camera_frame``.

        Raises:
            FeederTimeout: there was no room in time; the frame was not taken.
            FrameRefused: an earlier frame was refused (only without ``on_refused``); this one was not taken.
        """
        self._wait(lambda: len(self._unconfirmed) < self._max_outstanding, timeout)
        number = self._next
        keys: dict[str, object] = {"stream": self.stream, "feeder": self._name, "frame": number}
        if capture_time_ns is not None:
            keys["capture_time_ns"] = capture_time_ns
        if self._delivery is not None:
            keys["delivery"] = self._delivery
        if still:
            keys["still"] = True
        if traceparent is not None:
            keys["traceparent"] = traceparent
        self._enqueue(keys, jpeg)
        return number

    def flush(self, timeout: float | None = None) -> None:
        """Waits until every frame is confirmed.

        Raises:
            FeederTimeout: some are not confirmed yet; they are kept.
            FrameRefused: a frame was refused (only without ``on_refused``).
        """
        self._wait(lambda: not self._unconfirmed, timeout)

    def end(self, timeout: float | None = None) -> None:
        """Ends the stream's session, once every frame is confirmed. A later frame begins another session.

        Raises:
            FeederTimeout: not everything is confirmed yet; it is safe to call this again.
            FrameRefused: a frame was refused (only without ``on_refused``).
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self.flush(timeout)
        self._enqueue({"stream": self.stream, "feeder": self._name, "end": True}, None)
        self.flush(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Closes the connection. What is unconfirmed is given up: call `flush` or `end` before."""
        if self._closed:
            return
        self._closed = True
        self._shut()

    def __enter__(self) -> Feeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    # The connection

    def _open(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.sndhwm = self._max_outstanding + 1
        # Never full of answers: a full queue and heartbeats make libzmq abort the process (its issue 3937).
        socket.rcvhwm = 4 * self._max_outstanding + 64
        socket.setsockopt(zmq.MAXMSGSIZE, 4096)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 500)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 1500)
        socket.setsockopt(zmq.HEARTBEAT_TTL, 1500)
        socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)
        socket.setsockopt(zmq.RECONNECT_IVL, 50)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        if self._curve is not None:
            self._curve.apply(socket)
        events = monitor(socket, zmq.EVENT_DISCONNECTED)
        socket.connect(self.endpoint)
        return socket, events

    def _shut(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()

    def _reconnect(self) -> None:
        """Begins anew: a socket that connects again by itself would still hold some of the frames."""
        self._shut()
        self._socket, self._monitor = self._open()
        self._sent.clear()
        self._paused_until = 0.0
        self._answered_at = time.monotonic()

    def _enqueue(self, keys: dict[str, object], image: Image | None) -> None:
        if not self._unconfirmed:
            self._answered_at = time.monotonic()
        self._unconfirmed[self._next] = _Frame(keys, image)
        self._next += image is not None
        self._transmit()

    def _transmit(self) -> None:
        """Hands to libzmq what this connection has not been given yet."""
        if time.monotonic() < self._paused_until:
            return
        oldest = next(iter(self._unconfirmed), 0)
        last = self._sent[-1] if self._sent else -1
        for number, frame in self._unconfirmed.items():
            if number <= last:
                continue
            keys = frame.keys if number == oldest or frame.image is None else {**frame.keys, "oldest": oldest}
            parts: list[Image] = [json.dumps(keys).encode()]
            if frame.image is not None:
                parts.append(frame.image)
            try:
                self._socket.send_multipart(parts, zmq.NOBLOCK, copy=frame.image is None or len(frame.image) < 65536)
            except zmq.Again:
                return
            self.resent += frame.sent_at > 0
            frame.sent_at = time.monotonic()
            self._sent.append(number)

    def _wait(self, done: Callable[[], bool], timeout: float | None) -> None:
        if self._closed:
            raise ValueError("the feeder is closed")
        start = time.monotonic()
        while True:
            self._turn()
            if self._refusals and self._on_refused is None:
                raise self._refusals.popleft()
            if done():
                return
            left = 0.1 if timeout is None else min(0.1, start + timeout - time.monotonic())
            if left <= 0:
                raise FeederTimeout(self.endpoint, len(self._unconfirmed), timeout or 0)
            poller = zmq.Poller()
            poller.register(self._socket, zmq.POLLIN)
            poller.register(self._monitor, zmq.POLLIN)
            poller.poll(max(1, int(left * 1000)))

    def _turn(self) -> None:
        while True:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._take_answer(parts[-1])
        now = time.monotonic()
        overdue = self._resend_after is not None and self._unconfirmed and now - self._answered_at > self._resend_after
        if self._is_disconnected() or overdue:
            self._reconnect()
        self._transmit()
        while self._refusals and self._on_refused is not None:
            self._on_refused(self._refusals.popleft())

    def _is_disconnected(self) -> bool:
        disconnected = False
        while True:
            try:
                event = self._monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return disconnected
            disconnected = disconnected or parse_monitor_message(event)["event"] == zmq.EVENT_DISCONNECTED

    def _take_answer(self, answer: bytes) -> None:
        text = answer.decode(errors="replace")
        self._answered_at = time.monotonic()
        if text.startswith("OK"):
            number = int(text[3:]) if text[3:].isdigit() else (self._sent[0] if self._sent else -1)
            if number not in self._unconfirmed:
                return
            while self._sent and self._sent[0] <= number:
                self._sent.popleft()
            frame = self._unconfirmed.pop(number)
            self.accepted += frame.image is not None
        elif text.startswith("ERR "):
            # With or without the frame's number; without it belongs to the oldest.
            first, _, rest = text[4:].partition(" ")
            known = first.isdigit()
            number = int(first) if known else (self._sent[0] if self._sent else -1)
            if number not in self._unconfirmed:
                return
            reason, _, detail = (rest if known else text[4:]).partition(": ")
            if reason in _TRY_AGAIN:
                # Not taken, nor may those after it be before it: from there on all are sent again.
                # With one missing before it, all that is unconfirmed.
                while self._sent and (self._sent[-1] >= number or reason == "out_of_order"):
                    self._sent.pop()
                self._paused_until = time.monotonic() + _PAUSE
                return
            while self._sent and self._sent[0] <= number:
                self._sent.popleft()
            del self._unconfirmed[number]
            self.refused += 1
            self._refusals.append(FrameRefused(reason, detail, number))
