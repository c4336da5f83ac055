"""A sink and an ingest made of sockets, that misbehave when they are told to. Each runs on a thread of its own."""

import json
import queue
import random
import threading
import uuid

import zmq
from zmq.auth.thread import ThreadAuthenticator

from test_follower import Sink, outcome_json

DEADLINE = 30.0


class FakeSink(threading.Thread):
    """Publishes and plays back what it is given. `work` runs functions on its thread."""

    def __init__(self, results="tcp://127.0.0.1:*", replay="tcp://127.0.0.1:*", store=None):
        super().__init__(daemon=True)

        self.store = store or Sink(random.Random(0))
        self.answers = True
        self.requests = []
        self.subscriptions = 0
        self._at = (results, replay)
        self._work = queue.Queue()
        self._ready = threading.Event()
        self._stopping = False
        self.start()
        assert self._ready.wait(DEADLINE)

    def run(self):
        with zmq.Context() as context, context.socket(zmq.XPUB) as results, context.socket(zmq.ROUTER) as replay:
            results.linger = replay.linger = 0
            results.sndhwm = 20
            results.bind(self._at[0])
            replay.bind(self._at[1])
            self.results, self.replay = results.last_endpoint.decode(), replay.last_endpoint.decode()
            self._ready.set()
            while not self._stopping:
                while not self._work.empty():
                    work, done = self._work.get()
                    work(results)
                    done.set()
                if results.poll(1):
                    self.subscriptions += results.recv()[:1] == b"\1"
                while replay.poll(0):
                    peer, request = replay.recv_multipart()
                    self.requests.append(json.loads(request))
                    if self.answers:
                        for body in self.store.answer(request):
                            replay.send_multipart([peer, body])

    def work(self, function):
        done = threading.Event()
        self._work.put((function, done))
        assert done.wait(DEADLINE)

    def stop(self):
        self._stopping = True
        self.join(DEADLINE)

    def frames(self, session, count, published=True):
        def publish(results):
            for _ in range(count):
                number = session["count"]
                session["count"] += 1
                if published:
                    body = outcome_json(session["stream"], session["id"], number)
                    results.send_multipart([f"pose/json/{session['stream']}".encode(), body])

        self.work(publish)

    def end(self, session, published=True):
        session["ended"] = True
        if published:
            topic = f"session/json/{session['stream']}".encode()
            self.work(lambda results: results.send_multipart([topic, self.store.event(session, "end")]))


def confirm(header):
    """Ingest's answer to what it takes."""
    return "OK" if header.get("end") else f"OK {header['frame']}"


class FakeIngest(threading.Thread):
    """Takes frames and answers as `answer(header)` says: text, None for nothing, or False to end."""

    def __init__(self, answer=None, endpoint="tcp://127.0.0.1:*"):
        super().__init__(daemon=True)
        self.answer = answer or confirm
        self.received = []
        self._at = endpoint
        self._ready = threading.Event()
        self._stopping = False
        self.start()
        assert self._ready.wait(DEADLINE)

    def run(self):
        with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
            socket.linger = 0
            socket.bind(self._at)
            self.endpoint = socket.last_endpoint.decode()
            self._ready.set()
            while not self._stopping:
                if not socket.poll(10):
                    continue
                peer, *parts = socket.recv_multipart()
                header = json.loads(parts[0])
                answer = self.answer(header)
                if answer is False:
                    return
                self.received.append((header, parts[1] if len(parts) > 1 else None))
                if answer is not None:
                    socket.send_multipart([peer, answer.encode()])

    def stop(self):
        self._stopping = True
        self.join(DEADLINE)


class FakeReplay(threading.Thread):
    """Answers requests as `answer(request)` says: messages of one or more parts, none, or False to end."""

    def __init__(self, answer, endpoint="tcp://127.0.0.1:*", keys=None):
        super().__init__(daemon=True)
        self.answer = answer
        self.requests = []
        self._at = endpoint
        self._keys = keys
        self._ready = threading.Event()
        self._stopping = False
        self.start()
        assert self._ready.wait(DEADLINE)

    def run(self):
        with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
            guard = None
            if self._keys:
                guard = ThreadAuthenticator(context)
                guard.start()
                # No key is known: everybody is turned away.
                guard.configure_curve(location=str(self._keys))
                socket.curve_server = True
                self.public_key, secret_key = zmq.curve_keypair()
                socket.curve_publickey, socket.curve_secretkey = self.public_key, secret_key
            socket.linger = 0
            socket.bind(self._at)
            self.endpoint = socket.last_endpoint.decode()
            self._ready.set()
            while not self._stopping:
                if not socket.poll(10):
                    continue
                peer, request = socket.recv_multipart()
                self.requests.append(json.loads(request))
                messages = self.answer(self.requests[-1])
                if messages is False:
                    break
                for message in messages:
                    socket.send_multipart([peer, *message])
            if guard:
                guard.stop()

    def stop(self):
        self._stopping = True
        self.join(DEADLINE)


def new_session(stream="door"):
    return {"stream": stream, "id": str(uuid.uuid4()), "count": 0, "ended": False}
