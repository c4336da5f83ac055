#!/usr/bin/env python3
"""Measures what keeping pictures costs the sink, and how fast it plays back.

    swift build -c release --product posebus-sink
    pip install pyzmq
    python3 kept_frames.py [--frames 3000] [--bytes 100000] [--rounds 5] [--sink .build/release/posebus-sink] [--dir DIR]

Outcomes with a picture behind them go to a sink as an infer sends them, 64 unacknowledged at a time as with ingest's
window, to a store that keeps none, all, or a tenth of the pictures (so that the oldest are deleted all the time). The rate
is of acknowledged, and so committed and synced, frames. Then a subscriber asks for the whole session: outcomes as
protobuf and JSON, pictures, the timeline. All alternately, in one run; prints every round and the medians.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))

import zmq  # noqa: E402
from protobuf import field, value_of  # noqa: E402

WINDOW = 64
KEYPOINTS = 33


def outcome(session, sequence):
    """One person with 33 keypoints, as posebus.v1.Outcome."""
    header = (
        field(1, 1) + field(2, "bench") + field(3, session) + field(4, sequence) + field(7, 10**18) + field(8, 10**18)
        + field(9, 1920) + field(10, 1080) + field(11, 1))
    points = os.urandom(3 * KEYPOINTS * 4)
    # Exponents of ordinary numbers.
    points = bytes(0x3F if index % 4 == 3 else byte for index, byte in enumerate(points))
    person = field(1, 1) + field(3, points[:16]) + field(5, points) + field(6, points)
    return field(1, header) + field(2, "bench") + field(3, "blazepose33") + field(5, person)


def next_sequence(acknowledgement):
    """Field 3 of posebus.v1.Acknowledgement."""
    return value_of(acknowledgement, 3) or 0


class Sink:
    def __init__(self, program, store, *options):
        binds = [part for name in ("outcomes", "results", "acks", "replay")
                 for part in (f"--bind-{name}", "tcp://127.0.0.1:*")]
        self.process = subprocess.Popen(
            [program, "--store", store, *binds, "--log-level", "error", "--status", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, text=True)
        self.at = dict(word.split("=", 1) for word in self.process.stdout.readline().split()[2:])

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def feed(context, sink, frames, size):
    """Frames a second that were committed."""
    session = uuid.uuid4()
    messages = [outcome(session.bytes, number) for number in range(frames)]
    picture = os.urandom(size)
    with context.socket(zmq.SUB) as acks, context.socket(zmq.PUSH) as push:
        acks.rcvhwm = push.sndhwm = 0
        acks.rcvtimeo = 60_000
        acks.subscribe(f"ack/{session}")
        acks.connect(sink.at["acks"])
        push.connect(sink.at["outcomes"])
        acks.recv_multipart()  # The answer to the subscription.
        sent = done = 0
        start = time.perf_counter()
        while done < frames:
            while sent < min(frames, done + WINDOW):
                push.send_multipart([messages[sent], picture] if size else [messages[sent]], copy=False)
                sent += 1
            done = max(done, next_sequence(acks.recv_multipart()[1]))
        return frames / (time.perf_counter() - start), str(session)


def replay(context, sink, session, format):
    """Items and megabytes a second of a whole session."""
    with context.socket(zmq.DEALER) as socket:
        socket.rcvhwm = 1000
        socket.rcvtimeo = 60_000
        socket.connect(sink.at["replay"])
        start = time.perf_counter()
        socket.send(json.dumps({"session": session, "format": format}).encode())
        size = 0
        while True:
            parts = socket.recv_multipart(copy=False)
            last = parts[-1].buffer
            if len(parts) == 1 and last[:1] == b"{" and b'"end":true' in bytes(last[:400]):
                end = json.loads(bytes(last))
                break
            size += len(last)
    seconds = time.perf_counter() - start
    assert not end.get("error"), end
    return end["count"] / seconds, size / seconds / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[1]
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--bytes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sink", default=str(root / ".build/release/posebus-sink"))
    parser.add_argument("--dir", help="where the stores lie; by default the system's folder for temporary files")
    options = parser.parse_args()
    tenth = options.frames * options.bytes // 10
    cases = {
        "no picture sent": (0, []),
        "sent, not kept": (options.bytes, []),
        "kept": (options.bytes, ["--keep-frames", "1T"]),
        "kept, a tenth of them": (options.bytes, ["--keep-frames", str(tenth)]),
    }
    rates = {}
    context = zmq.Context()
    for number in range(options.rounds):
        for name, (size, arguments) in cases.items():
            with tempfile.TemporaryDirectory(dir=options.dir) as folder:
                sink = Sink(options.sink, f"{folder}/bench.sqlite", *arguments)
                rate, session = feed(context, sink, options.frames, size)
                rates.setdefault(f"commit: {name}", []).append((rate, rate * size / 1e6))
                print(f"round {number + 1}, commit: {name}: {rate:.0f} frames/s", flush=True)
                if name == "kept":
                    for format in ("pb", "json", "jpeg", "timeline"):
                        result = replay(context, sink, session, format)
                        rates.setdefault(f"replay: {format}", []).append(result)
                        print(f"round {number + 1}, replay: {format}: {result[0]:.0f}/s, {result[1]:.1f} MB/s", flush=True)
                sink.stop()
    print(f"\nmedian of {options.rounds}, {options.frames} frames of {options.bytes} bytes:")
    for name, results in rates.items():
        rate, megabytes = (statistics.median(column) for column in zip(*results))
        print(f"  {name}: {rate:.0f}/s, {megabytes:.1f} MB/s")
    context.destroy(linger=0)


if __name__ == "__main__":
    main()
