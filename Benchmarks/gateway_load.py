#!/usr/bin/env python3
"""How many viewers a gateway carries: N WebSocket readers of one stream, one of which takes nothing.

    python3 Benchmarks/gateway_load.py --bin .build/release [--viewers 50] [--seconds 20] [--size 640x360] [--rate 30]

Starts sink, infer (engine none), ingest and gateway, feeds a stream at a fixed rate, and counts what each viewer gets.
Prints frames a second of the slowest and the median viewer, how many came with their picture, the gateway's CPU time and its
memory, and when the stalled viewer was cut off. Needs ffmpeg and pyzmq.
"""

import argparse
import base64
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))


def connect(port, query):
    peer = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    peer.sendall(f"GET /v1/live{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += peer.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return peer


class Viewer:
    """Counts binary messages, and looks at no more of them than it must: the machine's cores are for the gateway."""

    def __init__(self, peer):
        self.peer, self.left, self.head = peer, 0, b""
        self.outcomes = self.pictures = self.bytes = self.skipped = 0
        peer.setblocking(False)

    def read(self):
        data = self.peer.recv(1 << 18)
        if not data:
            raise ConnectionError
        self.bytes += len(data)
        at = 0
        while at < len(data):
            if self.left:
                step = min(self.left, len(data) - at)
                self.left -= step
                at += step
                continue
            self.head += data[at : at + 1]
            at += 1
            size = self.head[1] & 0x7F if len(self.head) > 1 else -1
            needs = {126: 4, 127: 10}.get(size, 2)
            if len(self.head) < needs:
                continue
            self.left = int.from_bytes(self.head[2:needs], "big") if needs > 2 else size
            if self.head[0] & 0xF == 2:
                self.outcomes += 1
                self.pictures += self.left > 5000
            self.head = b""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--rate", type=float, default=30)
    options = parser.parse_args()
    os.environ["POSEBUS_BIN"] = options.bin

    import images
    import zmq
    from gateways import Gateway
    from pipeline import Pipeline, header, until
    from posebus_benchmarks.processes import cpu_seconds

    with tempfile.TemporaryDirectory() as folder, Pipeline(folder) as pipeline, Gateway(pipeline) as gateway:
        until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "the gateway reaches all stages")
        pictures = images.jpegs(60, options.size)
        stop, fed = threading.Event(), [0]

        def feed():
            with zmq.Context() as context, context.socket(zmq.REQ) as ingest:
                ingest.linger = 0
                ingest.connect(pipeline.at["request"])
                start = time.monotonic()
                while not stop.is_set():
                    wait = start + fed[0] / options.rate - time.monotonic()
                    if wait > 0:
                        time.sleep(wait)
                    ingest.send_multipart([header("load", frame=fed[0], delivery="live"), pictures[fed[0] % 60]])
                    ingest.recv()
                    fed[0] += 1

        feeder = threading.Thread(target=feed)
        feeder.start()
        stalled = connect(gateway.port, "?frames=1")
        viewers = [Viewer(connect(gateway.port, "?frames=1")) for _ in range(options.viewers)]
        selector = selectors.DefaultSelector()
        for viewer in viewers:
            selector.register(viewer.peer, selectors.EVENT_READ, viewer)
        pid = gateway.program.process.pid

        def until_time(end):
            while (left := end - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    key.data.read()

        until_time(time.monotonic() + 2)
        for viewer in viewers:
            viewer.outcomes = viewer.pictures = viewer.bytes = 0
        used, began, fed_before = cpu_seconds(pid), time.monotonic(), fed[0]
        cut_off, peak = None, 0
        while time.monotonic() - began < options.seconds:
            until_time(time.monotonic() + 0.5)
            peak = max(peak, gateway.resident())
            state = stalled.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[0]
            if cut_off is None and state != 1:
                cut_off = time.monotonic() - began + 2
        lasted = time.monotonic() - began
        used = cpu_seconds(pid) - used
        stop.set()
        feeder.join()
        rates = sorted(viewer.outcomes / lasted for viewer in viewers)
        print(json.dumps({
            "viewers": options.viewers, "size": options.size, "jpeg_bytes": round(statistics.mean(map(len, pictures))),
            "fed_per_second": round((fed[0] - fed_before) / lasted, 1),
            "slowest_viewer_per_second": round(rates[0], 1), "median_viewer_per_second": round(statistics.median(rates), 1),
            "with_picture": round(sum(v.pictures for v in viewers) / max(1, sum(v.outcomes for v in viewers)), 3),
            "megabytes_per_second": round(sum(v.bytes for v in viewers) / lasted / 1e6, 1),
            "gateway_cores": round(used / lasted, 2), "gateway_peak_megabytes": round(peak / 1e6),
            "stalled_viewer_cut_off_after_seconds": cut_off and round(cut_off, 1), "cores": os.cpu_count()}, indent=1))


if __name__ == "__main__":
    subprocess.run(["ffmpeg", "-version"], check=True, stdout=subprocess.DEVNULL)
    main()
