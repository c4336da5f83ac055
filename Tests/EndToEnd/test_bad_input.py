"""Bad input gets a clear answer, and nothing else is disturbed."""

import shutil
import threading

import pytest
import zmq

import images
import protobuf
from conftest import WEIGHTS, models_folder
from pipeline import Feeder, Pipeline, check_complete, header, own_socket, post, push, run, until


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """One pipeline for all bad messages: each must leave it as good as new."""
    with Pipeline(tmp_path_factory.mktemp("bad")) as pipeline:
        pipeline.subscriber = pipeline.results()
        yield pipeline
        assert pipeline.drain() == [0, 0, 0]


class Beside:
    """A good stream that runs while something bad happens."""

    number = 0

    def __init__(self, pipeline, results):
        self.pipeline, self.results = pipeline, results
        Beside.number += 1
        self.stream = f"good{Beside.number}"
        self.count = 0
        self.stop = threading.Event()
        self.feeder = Feeder(self.feed)
        results.of(self.stream, 1)

    def feed(self):
        frames = images.jpegs(50)
        with own_socket(self.pipeline, zmq.REQ, "request") as socket:
            while not self.stop.is_set():
                socket.send_multipart([header(self.stream, frame=self.count), frames[self.count % 50]])
                assert socket.recv_string().startswith("OK")
                self.count += 1
            socket.send_multipart([header(self.stream, end=True)])
            assert socket.recv_string() == "OK"

    def finish(self):
        """Feeds on for a while, then checks that no frame of it was lost or delayed for ever."""
        self.results.of(self.stream, len(self.results.outcomes[self.stream]) + 20)
        self.stop.set()
        self.feeder.finish()
        outcomes, event = self.results.session(self.stream)
        check_complete(outcomes, self.count, event)
        assert event["drops"] == 0


@pytest.fixture
def beside(pipeline):
    beside = Beside(pipeline, pipeline.subscriber)
    yield beside
    beside.finish()


IMAGES = {
    "not a JPEG": (lambda: b"GIF89a, or so it says", "corrupt_jpeg"),
    "truncated": (lambda: images.jpegs(1)[0][:4000], "corrupt_jpeg"),
    "CMYK": (images.cmyk_jpeg, "unsupported"),
    "65500 x 65500 in 400 bytes": (images.huge_jpeg, "too_large"),
    "zero bytes": (lambda: b"", "corrupt_jpeg"),
    "30 MB": (images.large_jpeg, "too_large"),
}


@pytest.mark.parametrize("feeder", ["req", "push"])
@pytest.mark.parametrize("name", IMAGES)
def test_bad_image_is_a_recorded_drop(pipeline, beside, name, feeder):
    make, reason = IMAGES[name]
    stream = f"bad {feeder} {name}"
    if feeder == "req":
        answer = pipeline.request(header(stream), make())
        assert answer.startswith(f"ERR {reason}"), answer
    else:
        push(pipeline, stream, [make()], end=False)
    # The stream goes on with its next frame.
    push(pipeline, stream, [images.tiny_jpeg()])
    outcomes, event = pipeline.subscriber.session(stream)
    check_complete(outcomes, 2, event)
    assert outcomes[0]["drop"]["stage"] == "ingest"
    assert outcomes[0]["drop"]["reason"] == reason
    assert outcomes[0]["drop"]["detail"], "a drop says why in a sentence"
    assert outcomes[0]["persons"] == []
    assert outcomes[1]["drop"] is None


HEADERS = {
    "not JSON": ([b"hello", b"image"], "bad_header"),
    "not an object": ([b"[1, 2]", b"image"], "bad_header"),
    "not text": ([b"\xff\xfe\x00", b"image"], "bad_header"),
    "no stream name": ([b'{"frame": 1}', b"image"], "bad_stream"),
    "empty stream name": ([header(""), b"image"], "bad_stream"),
    "stream name of 10 kB": ([header("x" * 10_000), b"image"], "bad_stream"),
    "slash": ([header("a/b"), b"image"], "bad_stream"),
    "control character": ([header("a\x07b"), b"image"], "bad_stream"),
    "one part": ([header("one")], "bad_parts"),
    "ten parts": ([header("ten")] + [b"image"] * 9, "bad_parts"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_bad_message_is_refused_with_its_reason(pipeline, beside, name):
    parts, reason = HEADERS[name]
    answer = pipeline.request(*parts)
    assert answer.startswith(f"ERR {reason}"), answer
    # A long name is not thrown back.
    assert len(answer) < 500
    # The same from a feeder that gets no answer.
    post(pipeline, "push", *parts)


def test_an_empty_message_is_refused(pipeline, beside):
    assert pipeline.request(b"").startswith("ERR ")


@pytest.mark.parametrize("name", HEADERS)
def test_refused_messages_are_counted_and_logged(start, name):
    parts, reason = HEADERS[name]
    pipeline = start()
    for _ in range(3):
        assert pipeline.request(*parts).startswith(f"ERR {reason}")
    assert pipeline.terminate("ingest") == 0
    log = pipeline.stages["ingest"].errors()
    assert reason in log
    # Logging every message would let a broken camera fill the disk; the count must still say 3.
    assert f"{reason}=3" in log, log


def test_outcomes_for_refused_messages_do_not_exist(pipeline):
    assert not [stream for stream in pipeline.subscriber.outcomes if stream in ("one", "ten", "", "a\x07b")]


@pytest.mark.parametrize("stage, endpoint, message", [
    ("infer", "frames", [protobuf.frame_header(99), b"image"]),
    ("sink", "outcomes", [protobuf.outcome(99)]),
])
def test_unknown_protocol_version_is_refused_and_logged(pipeline, beside, stage, endpoint, message):
    post(pipeline, endpoint, *message)
    until(lambda: "version 99" in pipeline.stages[stage].errors(), "a log line that names the version")


@pytest.mark.parametrize("message", [[b""], [b"\xff" * 40], [b"x"] * 50, [protobuf.frame_header(1)[:-3], b"image"]])
@pytest.mark.parametrize("endpoint", ["frames", "outcomes"])
def test_garbage_between_stages_disturbs_nothing(pipeline, beside, endpoint, message):
    post(pipeline, endpoint, *message)


@pytest.mark.parametrize("stage, option", [
    ("ingest", "--bind-push"), ("ingest", "--bind-request"), ("ingest", "--bind-preview"), ("infer", "--bind"),
    ("sink", "--bind-outcomes"), ("sink", "--bind-results"), ("sink", "--bind-acks"), ("sink", "--bind-replay"),
])
def test_port_in_use(tmp_path, stage, option):
    pipeline = Pipeline(tmp_path)
    try:
        taken = pipeline.context.socket(zmq.PULL)
        taken.bind("tcp://127.0.0.1:*")
        endpoint = taken.last_endpoint.decode()
        # These stages never come to connecting.
        pipeline.at.update(frames="tcp://127.0.0.1:*")
        arguments = [
            "tcp://127.0.0.1:1" if argument == "tcp://127.0.0.1:*" and name in ("--sink", "--infer", "--acks")
            else argument
            for name, argument in zip([None] + pipeline.arguments(stage), pipeline.arguments(stage))
        ]
        arguments[arguments.index(option) + 1] = endpoint
        program = run(f"posebus-{stage}", *arguments, folder=tmp_path)
    finally:
        pipeline.close()
    assert program.status == 69
    assert endpoint in program.errors()
    assert "in use" in program.errors()


def _infer(tmp_path, models):
    return run("posebus-infer", "--bind", "tcp://127.0.0.1:*", "--sink", "tcp://127.0.0.1:1", "--engine", "blazepose",
               "--models", models, folder=tmp_path)


def test_missing_weights_are_named_with_the_command_that_fetches_them(tmp_path):
    program = _infer(tmp_path, tmp_path)
    assert program.status == 78
    assert "pose_detection.tflite" in program.errors()
    assert "posebus models fetch" in program.errors()


@pytest.mark.parametrize("name", WEIGHTS)
def test_altered_weights_are_named_with_the_command_that_fetches_them(tmp_path, models, name):
    folder = tmp_path / "models"
    folder.mkdir()
    for weights in WEIGHTS:
        shutil.copy(models_folder() / weights, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).chmod(0o644)
    (folder / name).write_bytes(content)
    program = _infer(tmp_path, folder)
    assert program.status == 78
    assert name in program.errors()
    assert "posebus models fetch" in program.errors()
    # The tool's own check sees it, too.
    assert run("posebus", "models", "verify", "--models", folder, folder=tmp_path).status != 0


def test_weights_that_are_no_model_at_all(tmp_path):
    for name in WEIGHTS:
        (tmp_path / name).write_bytes(b"no model")
    program = _infer(tmp_path, tmp_path)
    assert program.status == 78
    assert "pose_detection.tflite" in program.errors()


def test_video_that_does_not_exist(tmp_path, posebus):
    up = posebus("up", tmp_path / "missing.mp4", "--engine", "none", "--store", tmp_path / "s.sqlite", "--ephemeral")
    assert up.status != 0
    assert "missing.mp4" in up.errors()
    feed = posebus("feed", tmp_path / "missing.mp4", "--stream", "x", "--to", "tcp://127.0.0.1:1")
    assert feed.status != 0
    assert "missing.mp4" in feed.errors()


def test_video_without_a_video_stream(tmp_path, posebus):
    sound = images.sound(tmp_path / "sound.wav")
    up = posebus("up", sound, "--engine", "none", "--store", tmp_path / "s.sqlite", "--ephemeral")
    assert up.status != 0
    assert "sound.wav" in up.errors()
    assert "no video" in up.errors()


@pytest.mark.parametrize("stage", ["ingest", "infer", "sink"])
def test_a_wrong_option_is_a_usage_error(tmp_path, stage):
    program = run(f"posebus-{stage}", "--no-such-option", folder=tmp_path)
    assert program.status == 64
    assert "--no-such-option" in program.errors()
