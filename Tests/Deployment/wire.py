"""A bad cable: carries Ethernet frames between two network namespaces, late and not all of them.

    wire.py NAMESPACE INTERFACE NAMESPACE INTERFACE --delay MILLISECONDS --loss SHARE --seed NUMBER

Makes both interfaces (TAP) and says `ready`; they are gone when it ends. Each direction loses the given share of
frames, and each of the others takes the delay. What tc-netem does, for kernels without it.
"""

import argparse
import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def tap(namespace, interface):
    """A new TAP interface in a namespace, as the file descriptor that holds it."""
    with open(f"/run/netns/{namespace}") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", interface.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ends", nargs=4, metavar="NAMESPACE INTERFACE")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--loss", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    one, other = tap(*options.ends[:2]), tap(*options.ends[2:])
    print("ready", flush=True)
    to = {one: other, other: one}
    chance = random.Random(options.seed)
    order = itertools.count()
    under_way = []  # (due, order, where, frame)
    poller = select.poll()
    for descriptor in to:
        poller.register(descriptor, select.POLLIN)
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) * 1000 if under_way else None
        for descriptor, _ in poller.poll(wait):
            try:
                frame = os.read(descriptor, 65536)
            except OSError:  # Not up yet, or down: as good as no cable.
                time.sleep(0.01)
                continue
            if chance.random() >= options.loss:
                due = time.monotonic() + options.delay / 1000
                heapq.heappush(under_way, (due, next(order), to[descriptor], frame))
        while under_way and under_way[0][0] <= time.monotonic():
            *_, where, frame = heapq.heappop(under_way)
            with contextlib.suppress(OSError):  # The same: this frame is lost.
                os.write(where, frame)


if __name__ == "__main__":
    main()
