"""The bus in Python: cameras → relay → infer → sink → subscriber, each a process, over imagezmq and pyzmq.

    python bus.py relay --infer ENDPOINT --acks ENDPOINT
                                          imagezmq's hub (REQ/REP, its default); numbers each stream's frames, hands JPEGs on, and
                                          keeps them until they are acknowledged
    python bus.py infer --sink ENDPOINT   finds nobody, and answers each frame with an outcome
    python bus.py sink --store FILE       commits outcomes to SQLite, then acknowledges and publishes them
    python bus.py camera --relay ENDPOINT --stream NAME --bytes N
                                          imagezmq's sender; a ready JPEG as often as it is confirmed
    python bus.py subscriber --sink ENDPOINT
                                          counts outcomes; says how many at each line of its standard input

What binds prints its endpoints first. This is the plain program that one writes with these libraries: what is lost on the way is
kept, but nothing here sends it again.
"""

import argparse
import collections
import json
import sqlite3
import sys
import time

import imagezmq
import zmq

ANY = "tcp://127.0.0.1:*"
# Outcomes that one transaction takes at most; what waits is taken.
BATCH = 64


def bound(kind):
    socket = zmq.Context.instance().socket(kind)
    socket.bind(ANY)
    return socket


def connected(kind, endpoint):
    socket = zmq.Context.instance().socket(kind)
    socket.connect(endpoint)
    return socket


def endpoint(socket):
    return socket.last_endpoint.decode()


def size(jpeg):
    """Width and height that a JPEG's frame header gives (ITU-T T.81, B.2)."""
    at = 2
    while jpeg[at] == 0xFF:
        kind, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(jpeg[at + 7 : at + 9], "big"), int.from_bytes(jpeg[at + 5 : at + 7], "big")
        at += 2 + length
    raise ValueError("no frame header")


def relay(options):
    hub = imagezmq.ImageHub(ANY)
    infer = connected(zmq.PUSH, options.infer)
    acks = connected(zmq.SUB, options.acks)
    acks.subscribe(b"")
    print(endpoint(hub.zmq_socket), flush=True)
    poller = zmq.Poller()
    poller.register(hub.zmq_socket, zmq.POLLIN)
    poller.register(acks, zmq.POLLIN)
    next_sequence = collections.Counter()
    windows = collections.defaultdict(collections.deque)
    while True:
        for socket, _ in poller.poll():
            if socket is acks:
                acknowledged = json.loads(acks.recv())
                window = windows[acknowledged["stream"]]
                while window and window[0][0] < acknowledged["next"]:
                    window.popleft()
                continue
            words, jpeg = hub.recv_jpg()
            header = json.loads(words)
            stream = header["stream"]
            header["width"], header["height"] = size(jpeg.buffer)
            header["sequence"] = next_sequence[stream]
            header["accepted_time_ns"] = time.time_ns()
            next_sequence[stream] += 1
            parts = [json.dumps(header).encode(), jpeg]
            windows[stream].append((header["sequence"], parts))
            infer.send_multipart(parts, copy=False)
            hub.send_reply(b"OK")


def infer(options):
    frames = bound(zmq.PULL)
    sink = connected(zmq.PUSH, options.sink)
    print(endpoint(frames), flush=True)
    while True:
        words, _ = frames.recv_multipart(copy=False)
        outcome = json.loads(words.bytes)
        outcome.update(drop=None, engine="none", persons=[])
        sink.send(json.dumps(outcome).encode())


def sink(options):
    outcomes, acks, results = bound(zmq.PULL), bound(zmq.PUB), bound(zmq.PUB)
    results.sndhwm = 0
    store = sqlite3.connect(options.store, isolation_level=None)
    # As durable as PoseBus's store: each transaction is on the disk before it is over.
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute(
        "CREATE TABLE outcomes (stream TEXT NOT NULL, sequence INTEGER NOT NULL, capture_time_ns INTEGER NOT NULL, "
        "persons INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (stream, sequence))")
    print(endpoint(outcomes), endpoint(acks), endpoint(results), flush=True)
    while True:
        batch = [outcomes.recv()]
        try:
            while len(batch) < BATCH:
                batch.append(outcomes.recv(zmq.NOBLOCK))
        except zmq.Again:
            pass
        read = [(json.loads(body), body) for body in batch]
        store.execute("BEGIN")
        store.executemany(
            "INSERT OR IGNORE INTO outcomes VALUES (?, ?, ?, ?, ?)",
            [(one["stream"], one["sequence"], one["capture_time_ns"], len(one["persons"]), body) for one, body in read])
        store.execute("COMMIT")
        for stream, following in {one["stream"]: one["sequence"] + 1 for one, _ in read}.items():
            acks.send(json.dumps({"stream": stream, "next": following}).encode())
        for one, body in read:
            results.send_multipart([b"pose/json/" + one["stream"].encode(), body])


def camera(options):
    # A picture's head; nobody looks at what follows.
    quantisation, frame = b"\xff\xdb\0\x43" + bytes(65), b"\xff\xc0\0\x11\x08\x01\x68\x02\x80\x03" + bytes(9)
    jpeg = (b"\xff\xd8" + quantisation + frame).ljust(options.bytes, b"\0")
    sender = imagezmq.ImageSender(options.relay)
    while True:
        sender.send_jpg(json.dumps({"stream": options.stream, "capture_time_ns": time.time_ns()}), jpeg)


def subscriber(options):
    results = connected(zmq.SUB, options.sink)
    results.rcvhwm = 0
    results.subscribe(b"pose/json/")
    poller = zmq.Poller()
    poller.register(results, zmq.POLLIN)
    poller.register(sys.stdin, zmq.POLLIN)
    count = 0
    while True:
        ready = dict(poller.poll())
        if results in ready:
            results.recv_multipart()
            count += 1
        if sys.stdin.fileno() in ready:
            if not sys.stdin.readline():
                return
            print(count, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["relay", "infer", "sink", "camera", "subscriber"])
    parser.add_argument("--infer")
    parser.add_argument("--acks")
    parser.add_argument("--sink")
    parser.add_argument("--relay")
    parser.add_argument("--store")
    parser.add_argument("--stream")
    parser.add_argument("--bytes", type=int)
    options = parser.parse_args()
    {"relay": relay, "infer": infer, "sink": sink, "camera": camera, "subscriber": subscriber}[options.part](options)


if __name__ == "__main__":
    main()
