"""Stages of the release before and of the one after, as their neighbours see them.

Between two real stages stands a translator that turns each message into what a stage of another release would have sent: the
one before leaves out what it does not know, the one after adds what nobody here knows.
"""

import contextlib
import threading

import zmq

from protobuf import field, fields, value_of

# By message of Sources/Messages/Protos: the fields that came after the first release, and where its submessages are.
LATER_FIELDS = {
    "FrameHeader": set(range(17, 100)), "Outcome": set(range(7, 100)), "Person": {10, 11},
    "Acknowledgement": {5}, "Drop": set(), "Timing": set(),
}
SUBMESSAGES = {
    "Outcome": {1: "FrameHeader", 4: "Drop", 5: "Person", 6: "Timing"}, "FrameHeader": {13: "Drop"},
}
# One of each wire type: number, text, and 32 bits; and a message in a message.
NEWS = field(1000, 7) + field(1001, "what is new") + field(1002, 0.5) + field(1003, field(1, 1) + field(2, "deep"))


def before(kind, message):
    """A message as the first release would have written it."""
    return b"".join(
        whole if number not in SUBMESSAGES.get(kind, {})
        else field(number, before(SUBMESSAGES[kind][number], value))
        for number, whole, value in fields(message) if number not in LATER_FIELDS[kind])


def after(kind, message):
    """A message as a later release would write it: it knows more of everything."""
    return b"".join(
        whole if number not in SUBMESSAGES.get(kind, {})
        else field(number, after(SUBMESSAGES[kind][number], value))
        for number, whole, value in fields(message)) + NEWS


def is_frame(outcome, number):
    """Whether an outcome answers the feeder's frame of this number."""
    header = value_of(outcome, 1)
    return value_of(header, 6) == number and value_of(header, 14) is None


RELEASES = {
    "the release before": {
        "frames": lambda parts: [before("FrameHeader", parts[0]), *parts[1:]],
        # What infer knows of persons, and empty parts, came later.
        "outcomes": lambda parts: [before("Outcome", parts[0])],
        "acks": lambda parts: [parts[0], before("Acknowledgement", parts[1])],
    },
    "the release after": {
        "frames": lambda parts: [after("FrameHeader", parts[0]), *parts[1:]],
        # It has a reason for drops that nobody knows yet.
        "outcomes": lambda parts: [
            after("Outcome", parts[0]) + (
                field(4, field(1, "referee") + field(2, "lens_fogged") + NEWS) if is_frame(parts[0], 7) else b""),
            *parts[1:]],
        "acks": lambda parts: [parts[0], after("Acknowledgement", parts[1])],
    },
}


@contextlib.contextmanager
def translator(way, target, rewrite):
    """Stands before `target`, an endpoint of the way "frames", "outcomes" or "acks"; gives its own endpoint and the count of
    messages that went through."""
    context = zmq.Context()
    if way == "acks":
        front, back = context.socket(zmq.XPUB), context.socket(zmq.XSUB)
    else:
        front, back = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    count = [0]
    failure = []
    front.bind("tcp://127.0.0.1:*")
    back.connect(target)
    source, sink = (back, front) if way == "acks" else (front, back)
    over = threading.Event()

    def work():
        poller = zmq.Poller()
        poller.register(front, zmq.POLLIN)
        poller.register(source, zmq.POLLIN)
        try:
            while not over.is_set():
                ready = dict(poller.poll(100))
                if source in ready:
                    sink.send_multipart(rewrite(source.recv_multipart()))
                    count[0] += 1
                if way == "acks" and front in ready:
                    back.send(front.recv())  # subscriptions
        except BaseException as error:  # noqa: BLE001 - told to the test
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield front.last_endpoint.decode(), count
    finally:
        over.set()
        thread.join(10)
        context.destroy(linger=0)
        if failure:
            raise failure[0]
