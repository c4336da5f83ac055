"""A TCP proxy that misbehaves on demand, on a thread of its own."""

import asyncio
import contextlib
import random
import socket
import struct
import threading


class Proxy(threading.Thread):
    """Forwards connections to a target. `rate` limits the bytes a second of both directions together."""

    def __init__(self, target, seed=0):
        super().__init__(daemon=True)
        host, port = target.removeprefix("tcp://").rsplit(":", 1)
        self._target = (host, int(port))
        self._rng = random.Random(seed)
        self._links = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self.rate = None
        self._corrupt = 0
        self.start()
        assert self._ready.wait(10)

    def run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 16))
        self.endpoint = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _accept(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target, limit=1 << 16)
        except OSError:
            writer.transport.abort()
            return
        link = {"writers": (writer, far_writer), "dead": False}
        for end in link["writers"]:
            end.transport.set_write_buffer_limits(high=1 << 14)
        self._links.append(link)
        try:
            await asyncio.gather(
                self._forward(reader, far_writer, link), self._forward(far_reader, writer, link))
        except asyncio.CancelledError:
            pass  # the proxy is stopped
        finally:
            self._links.remove(link)
            for end in link["writers"]:
                end.transport.abort()

    async def _forward(self, reader, writer, link):
        try:
            while data := await reader.read(4096 if self.rate else 65536):
                if link["dead"]:
                    # As a path that has gone: nothing arrives, nothing is refused.
                    await asyncio.sleep(3600)
                if self._corrupt:
                    self._corrupt -= 1
                    data = bytearray(data)
                    for _ in range(8):
                        data[self._rng.randrange(len(data))] ^= 1 << self._rng.randrange(8)
                if self.rate:
                    await asyncio.sleep(len(data) / self.rate)
                writer.write(data)
                await writer.drain()
            with contextlib.suppress(OSError):
                writer.write_eof()
        except (OSError, RuntimeError):
            writer.transport.abort()

    def _call(self, function):
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (function(), done.set()))
        assert done.wait(10)

    def reset(self):
        """Both ends of every connection get a reset."""
        def work():
            for link in list(self._links):
                for writer in link["writers"]:
                    with contextlib.suppress(OSError):
                        writer.get_extra_info("socket").setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
        self._call(work)

    def black_hole(self):
        """Present connections carry nothing any more and are not closed; new ones work."""
        def work():
            for link in self._links:
                link["dead"] = True
        self._call(work)

    def half_close(self):
        """One direction of every connection is ended properly."""
        def work():
            for link in list(self._links):
                with contextlib.suppress(OSError, RuntimeError):
                    self._rng.choice(link["writers"]).write_eof()
        self._call(work)

    def corrupt(self):
        """Bits of the next chunk are flipped."""
        self._corrupt = 1

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(10)
