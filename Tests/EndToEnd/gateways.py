"""A gateway in front of a pipeline, and what its clients need."""

import json
import struct
import threading

import requests
import websockets.sync.client as websockets
from pipeline import DEADLINE, Program


class Gateway:
    """A gateway that is ended with its block."""

    def __init__(self, pipeline, *options, results=None):
        at = pipeline.at
        self.folder = pipeline.folder
        self.program = Program(
            "posebus-gateway", "--bind-http", "127.0.0.1:0", "--results", at["results"], "--replay", at["replay"],
            "--preview", at["preview"], "--ingest", at["request"], "--infer", at["frames"],
            "--state", self.folder / "gateway", *options, folder=self.folder)
        self.url = self.program.ready()["http"]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.http = requests.Session()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()
        if self.program.alive():
            self.program.kill()

    def get(self, path, status=200, **options):
        answer = self.http.get(self.url + path, timeout=DEADLINE, **options)
        assert answer.status_code == status, f"GET {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def json(self, path, status=200, **options):
        return self.get(path, status, **options).json()

    def post(self, path, status, **options):
        answer = self.http.post(self.url + path, timeout=DEADLINE, **options)
        assert answer.status_code == status, f"POST {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def live(self, query="", **options):
        return Live(self, query, **options)

    def resident(self):
        """Bytes of memory of the gateway's process."""
        with open(f"/proc/{self.program.process.pid}/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS"))


class Live:
    """A WebSocket at /v1/live, read by a thread of its own."""

    def __init__(self, gateway, query="", **options):
        url = gateway.url.replace("http", "ws", 1) + "/v1/live" + query
        self.socket = websockets.connect(url, max_size=64 << 20, open_timeout=DEADLINE, **options)
        self.outcomes, self.texts, self.error = [], [], None
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self.socket:
                with self._news:
                    if isinstance(message, str):
                        self.texts.append(json.loads(message))
                    else:
                        self.outcomes.append(parse(message))
                    self._news.notify_all()
        except Exception as error:  # noqa: BLE001 - what ended it is what tests look at
            self.error = error
        with self._news:
            self.error = self.error or "closed"
            self._news.notify_all()

    def wait(self, condition, what):
        with self._news:
            assert self._news.wait_for(lambda: condition(self), DEADLINE), f"{what}: {len(self.outcomes)} outcomes"

    def of(self, stream, count):
        """At least `count` outcomes of a stream: (outcome, JPEG, meshes) each."""
        def found(live):
            return [outcome for outcome in live.outcomes if outcome[0]["stream"] == stream]

        self.wait(lambda live: len(found(live)) >= count, f"{count} outcomes of {stream}")
        return found(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def parse(message):
    """Outcome, JPEG and mesh block of a binary message."""
    (length,) = struct.unpack_from("<I", message)
    outcome = json.loads(message[4 : 4 + length])
    rest = message[4 + length :]
    (length,) = struct.unpack_from("<I", rest)
    return outcome, rest[4 : 4 + length], rest[4 + length :]
