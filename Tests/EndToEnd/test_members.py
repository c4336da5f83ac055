"""Infers that come and go while frames flow: nothing is lost or doubled, streams move once, persons stay who they are."""

import itertools
import re
import signal
import threading
import time

import zmq

from images import jpegs
from pipeline import Feeder, Pipeline, Program, check_complete, header, own_socket, until
from store import check_promise, sessions, stored
from test_metrics import Metrics
from test_security import Secured, make_keys, new_key
from test_tracking import KICKER, check_states, jpegs_of

# Seconds; short, for what a test has to wait for.
MOVE_AFTER = 1


def rendezvous(stream, *endpoints):
    """The infer of a stream, as Sources/Delivery/Rendezvous.swift chooses it."""
    def score(endpoint):
        mask, hash = 2**64 - 1, 0xCBF29CE484222325
        for byte in endpoint.encode() + b"\0" + stream.encode():
            hash = (hash ^ byte) * 0x100000001B3 & mask
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            hash = (hash ^ hash >> 33) * factor & mask
        return hash ^ hash >> 33, endpoint

    return max(endpoints, key=score)


def streams_of(endpoint, *endpoints, count=4):
    """Names of streams that belong to an infer when these are there."""
    names = (f"camera{number}" for number in itertools.count())
    return list(itertools.islice((name for name in names if rendezvous(name, *endpoints) == endpoint), count))


class Members(Pipeline):
    """A pipeline whose ingest finds its infers in a file. The first is "a"."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.list = self.folder / "infers"
        self.options["ingest"] += ["--infer", f"file:{self.list}", "--move-after-seconds", MOVE_AFTER]
        self.infers = {}

    def __enter__(self):
        try:
            self.start("sink")
            self.announce(self.add("a"))
            self.start("ingest")
        except BaseException:
            self.close()
            raise
        return self

    def arguments(self, stage):
        arguments = super().arguments(stage)
        if stage == "ingest":
            own = arguments.index("--infer")
            del arguments[own:own + 2]
        return arguments

    def add(self, name, endpoint="tcp://127.0.0.1:*"):
        """Starts one more infer; returns its endpoint."""
        program = Program("posebus-infer", "--bind", endpoint, "--sink", self.at["outcomes"], "--engine", self.engine,
                          *self.options["infer"], folder=self.folder)
        at = program.ready()
        self.infers[name] = program
        program.endpoint, program.status = at["frames"], at["status"]
        return program.endpoint

    def announce(self, *endpoints):
        """Writes the list, with one step from the old one to the new one."""
        new = self.list.with_suffix(".new")
        new.write_text("# The infers of this test.\n" + "".join(f"{endpoint}\n" for endpoint in endpoints))
        new.rename(self.list)

    def moves(self, since=0):
        """The moves that ingest has told of: stream, from and to."""
        return re.findall(r"stream=(\S+) .*a stream moves from (\S+) to (\S+),", self.stages["ingest"].errors()[since:])

    def begun(self, since=0):
        """The streams whose frames are waited for."""
        return re.findall(r"stream=(\S+) .*a stream is to move from", self.stages["ingest"].errors()[since:])

    def said(self):
        return len(self.stages["ingest"].errors())

    def metrics(self):
        return Metrics(self.status["ingest"])

    def close(self):
        for infer in getattr(self, "infers", {}).values():
            if infer.alive():
                infer.kill()
        super().close()


class Cameras:
    """Feeds all streams by turns until it is told to end them."""

    def __init__(self, pipeline, streams):
        self.pipeline = pipeline
        self.counts = dict.fromkeys(streams, 0)
        self._stop = threading.Event()
        self._feeder = Feeder(self._feed)

    def _feed(self):
        with own_socket(self.pipeline, zmq.PUSH, "push") as socket:
            for stream, frame in zip(itertools.cycle(self.counts), itertools.cycle(jpegs(20, "64x48"))):
                if self._stop.is_set():
                    break
                socket.send_multipart([header(stream, frame=self.counts[stream]), frame])
                self.counts[stream] += 1
                time.sleep(0.003)
            for stream in self.counts:
                socket.send_multipart([header(stream, end=True)])

    def go_on(self, frames=10):
        """Waits until so many more frames of each stream are stored."""
        goals = {stream: count + frames for stream, count in self.counts.items()}
        until(lambda: all(len(stored(self.pipeline.store, stream)) >= goal for stream, goal in goals.items()),
              f"{frames} more frames of each stream")

    def end(self):
        self._stop.set()
        self._feeder.finish()
        until(lambda: sum(session["ended"] for session in sessions(self.pipeline.store)) == len(self.counts),
              "all ends")


def check_moves(moves, streams=None, to=None):
    """Each stream at most once, and where to."""
    names = [stream for stream, *_ in moves]
    assert len(names) == len(set(names)), moves
    assert to is None or {there for *_, there in moves} <= {to}, moves
    assert streams is None or set(names) == streams, moves


def test_infers_join_and_leave_while_frames_flow(tmp_path):
    with Members(tmp_path) as pipeline:
        a, b = pipeline.infers["a"].endpoint, pipeline.add("b")
        its = set(streams_of(b, a, b))
        streams = {*streams_of(a, a, b), *its}
        cameras = Cameras(pipeline, streams)
        cameras.go_on()
        assert pipeline.moves() == []

        # One joins: it gets what is its own, and the others stay.
        pipeline.announce(a, b)
        until(lambda: len(pipeline.moves()) >= len(its), "streams move to the one that joined")
        cameras.go_on()
        check_moves(pipeline.moves(), its, to=b)

        # It leaves, and gives back what it got.
        said = pipeline.said()
        pipeline.announce(a)
        until(lambda: len(pipeline.moves(said)) == len(its), "its streams move back")
        cameras.go_on()
        check_moves(pipeline.moves(said), its, to=a)
        assert pipeline.infers["b"].terminate() == 0

        # All are exchanged at once.
        said = pipeline.said()
        c = pipeline.add("c")
        pipeline.announce(c)
        until(lambda: len(pipeline.moves(said)) == len(streams), "all streams move")
        cameras.go_on()
        check_moves(pipeline.moves(said), streams, to=c)

        cameras.end()
        # One message for each frame and each end, and nothing is sent twice by a planned move.
        total = sum(cameras.counts.values()) + len(streams)
        until(lambda: pipeline.metrics()("posebus_ingest_acknowledged_total") == total, "the last figures")
        metrics = pipeline.metrics()
        assert metrics("posebus_ingest_sent_total") == total and metrics("posebus_ingest_resent_total") == 0
        moves = "posebus_ingest_stream_moves_total"
        assert metrics(moves, reason="joined") == len(its)
        assert metrics(moves, reason="left") == len(its) + len(streams)
        assert [pipeline.terminate("ingest"), pipeline.infers["c"].terminate(), pipeline.terminate("sink")] == [0, 0, 0]
        for stream, count in cameras.counts.items():
            assert stored(pipeline.store, stream) == [(sequence, None) for sequence in range(count)], stream
            assert len(sessions(pipeline.store, stream)) == 1
        check_promise(pipeline.store)


def test_infers_that_die_in_the_middle_of_a_move_lose_and_double_nothing(tmp_path):
    with Members(tmp_path) as pipeline:
        a, b = pipeline.infers["a"], pipeline.add("b")
        streams = set(streams_of(b, a.endpoint, b, count=8))
        cameras = Cameras(pipeline, streams)
        cameras.go_on(3)

        # The one that gives dies while it is waited for: what it had is sent to the other one.
        said = pipeline.said()
        pipeline.announce(b)
        a.process.send_signal(signal.SIGSTOP)
        until(lambda: pipeline.begun(said) or pipeline.moves(said), "a move begins")
        a.kill()
        until(lambda: len(pipeline.moves(said)) == len(streams), "all streams move")
        cameras.go_on(3)
        check_moves(pipeline.moves(said), streams, to=b)

        # The one that is to receive dies before it has everything.
        said = pipeline.said()
        c = pipeline.add("c")
        pipeline.announce(c)
        pipeline.infers["c"].kill()
        pipeline.add("c", c)
        until(lambda: len(pipeline.moves(said)) == len(streams), "all streams move")
        cameras.go_on(3)
        check_moves(pipeline.moves(said), streams, to=c)

        # It dies with what it has received, and is back.
        pipeline.infers["c"].kill()
        pipeline.add("c", c)
        cameras.go_on(3)

        # It stays away, and another one is in reach.
        said = pipeline.said()
        d = pipeline.add("d")
        pipeline.announce(c, d)
        pipeline.infers["c"].kill()
        until(lambda: len(pipeline.moves(said)) == len(streams), "all streams move away")
        cameras.go_on(3)
        check_moves(pipeline.moves(said), streams, to=d)

        cameras.end()
        assert [pipeline.terminate("ingest"), pipeline.infers["d"].terminate(), pipeline.terminate("sink")] == [0, 0, 0]
        for stream, count in cameras.counts.items():
            assert stored(pipeline.store, stream) == [(sequence, None) for sequence in range(count)], stream
        check_promise(pipeline.store)


def test_who_moves_stays_who_they_are(tmp_path, models, clips):
    """A rider whose stream goes to another infer and comes back to the first, which remembers him as he was before."""
    frames = jpegs_of(tmp_path / "kicker", "-i", clips / "kicker.mp4")
    with Members(tmp_path, engine="blazepose", infer=["--models", models]) as pipeline:
        a, b = pipeline.infers["a"].endpoint, pipeline.add("b")
        results = pipeline.results()

        def moves():
            return [(there, then) for stream, there, then in pipeline.moves() if stream == "camera"]

        with own_socket(pipeline, zmq.PUSH, "push") as socket:

            def feed(first, end):
                for number in range(first, end):
                    time_ns = 10**18 + number * 33_366_667
                    about = header("camera", frame=number, delivery="lossless", capture_time_ns=time_ns)
                    socket.send_multipart([about, frames[number]])

            feed(0, 45)
            results.of("camera", 30)
            pipeline.announce(b)
            feed(45, 60)
            results.of("camera", 60)
            until(lambda: moves()[:1], "the stream moves")
            feed(60, 90)
            results.of("camera", 75)
            pipeline.announce(a)
            feed(90, 100)
            results.of("camera", 100)
            until(lambda: moves()[1:], "the stream moves back")
            feed(100, KICKER)
            socket.send_multipart([header("camera", end=True)])
            outcomes, event = results.session("camera")
        assert moves() == [(a, b), (b, a)]
        check_complete(outcomes, KICKER, event)
        assert event["drops"] == 0
        assert pipeline.metrics()("posebus_ingest_resent_total") == 0
        assert len({person["track_id"] for outcome in outcomes for person in outcome["persons"]}) == 1
        assert [outcome["sequence"] for outcome in outcomes if not outcome["persons"]] == []
        check_states(outcomes)
        # One who had to be confirmed again would be somebody new who happens to get the same number.
        assert [outcome["sequence"] for outcome in outcomes for person in outcome["persons"]
                if person["state"] == "tentative"] == [0, 1, 2, 3]


def test_an_infer_that_is_reached_by_name_shows_its_key(tmp_path):
    """Its certificate says the name under which ingest looks for it. Otherwise the first of the folder would be expected."""
    keys = make_keys(tmp_path / "keys")
    pipeline = Secured(tmp_path, keys)
    try:
        pipeline.start("sink")
        pipeline.start("infer")
        source = f"dns+tcp://localhost:{pipeline.at['frames'].rsplit(':', 1)[1]}"
        # Before "infer", so that it is the first.
        new_key(keys, "another", "infer")
        certificate = keys / "infer" / "infer.cert"
        text = certificate.read_text()
        assert "metadata\n" in text
        certificate.write_text(text.replace("metadata\n", f'metadata\n    endpoint = "{source}"\n'))
        pipeline.at["frames"] = source
        pipeline.start("ingest")
        results = pipeline.results()
        assert pipeline.request(header("cam1", frame=0), jpegs(1)[0]).startswith("OK")
        results.of("cam1", 1)
    finally:
        pipeline.close()
