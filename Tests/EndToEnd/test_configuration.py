"""Stages that a file, the environment and options configure together, and `posebus config`."""

import shutil
from pathlib import Path

import pytest
from images import jpegs
from pipeline import ROOT, Pipeline, Program, header, run, until
from store import stored

STAGES = ("ingest", "infer", "sink", "gateway")


class ByFile(Pipeline):
    """The three stages with nothing but a file, or with whatever words and variables a test gives one of them."""

    def __init__(self, folder):
        super().__init__(folder, transport="ipc")
        self.file = self.folder / "etc" / "posebus.yaml"
        self.file.parent.mkdir()
        self.store = self.file.parent / "poses.sqlite"
        self.file.write_text(f"""\
log-level: debug
status: 127.0.0.1:0
ingest:
  bind-push: {self.at["push"]}
  bind-request: "{self.at["request"]}"
  bind-preview: {self.at["preview"]}
  infer: [{self.at["frames"]}]
  acks: {self.at["acks"]}
infer:
  bind: {self.at["frames"]}
  sink: {self.at["outcomes"]}
  engine: none
sink:
  bind-outcomes: {self.at["outcomes"]}
  bind-results: {self.at["results"]}
  bind-acks: {self.at["acks"]}
  bind-replay: {self.at["replay"]}
  store: poses.sqlite
""")

    def start(self, stage, words=None, environment=None):
        words = ("--config", self.file) if words is None else words
        program = Program(f"posebus-{stage}", *words, folder=self.folder, environment=environment)
        self.stages[stage] = program
        ready = program.ready()
        self.at.update(ready)
        return ready

    def endpoint(self, name):
        return f"ipc://{self._sockets}/{name}"

    def feed(self, stream, count=5):
        for number, frame in enumerate(jpegs(count)):
            assert self.request(header(stream, frame=number), frame).startswith("OK")
        until(lambda: len(stored(self.store, stream)) == count, f"the outcomes of {stream}")


@pytest.fixture
def by_file(tmp_path):
    pipeline = ByFile(tmp_path)
    try:
        yield pipeline.__enter__()
    finally:
        pipeline.close()


def test_stages_by_one_file_by_variables_and_by_options_over_both(by_file):
    # The store is where the file says, from the file's own folder on: the programs run elsewhere.
    by_file.feed("file")
    assert by_file.file.parent == by_file.store.parent != Path.cwd()

    assert by_file.terminate("ingest") == 0
    variables = {
        "POSEBUS_INGEST_BIND_PUSH": by_file.endpoint("push2"), "POSEBUS_INGEST_BIND_REQUEST": by_file.endpoint("request2"),
        "POSEBUS_INGEST_BIND_PREVIEW": by_file.endpoint("preview2"), "POSEBUS_INGEST_INFER": by_file.at["frames"],
        "POSEBUS_INGEST_ACKS": by_file.at["acks"], "POSEBUS_LOG_LEVEL": "debug",
        "POSEBUS_STATUS": "none",
        # What Kubernetes adds for a service called posebus-ingest, and what is meant for others.
        "POSEBUS_INGEST_SERVICE_HOST": "10.0.0.1", "POSEBUS_INGEST_PORT": "tcp://10.0.0.1:5551",
        "POSEBUS_INGEST_PORT_5551_TCP_ADDR": "10.0.0.1", "POSEBUS_SINK_ZEBRA": "1",
    }
    by_file.start("ingest", words=(), environment=variables)
    by_file.feed("variables")

    assert by_file.terminate("ingest") == 0
    del variables["POSEBUS_INGEST_BIND_PUSH"]
    ready = by_file.start(
        "ingest", words=("--bind-preview", by_file.endpoint("preview3")),
        environment={**variables, "POSEBUS_CONFIG": str(by_file.file)})
    assert ready["push"] == by_file.endpoint("push")
    assert ready["request"] == by_file.endpoint("request2")
    assert ready["preview"] == by_file.endpoint("preview3")
    by_file.feed("both")
    assert by_file.drain() == [0, 0, 0]


@pytest.mark.parametrize("stage", STAGES)
def test_a_wrong_file_stops_a_stage(tmp_path, stage):
    file = tmp_path / "posebus.yaml"
    file.write_text(f"log-level: debug\n{stage}:\n  zebra: 1\n  log-level: loud\n")
    program = run(f"posebus-{stage}", "--config", file, folder=tmp_path)
    assert program.status == 78
    assert f"posebus-{stage}: {file}:3:3: {stage}.zebra: unknown key" in program.errors()
    assert f'posebus-{stage}: {file}:4:14: {stage}.log-level: "loud" is none of trace, debug' in program.errors()
    assert len(program.errors().splitlines()) == 2

    variable = f"POSEBUS_{stage.upper()}_LOGLEVEL"
    program = run(f"posebus-{stage}", folder=tmp_path, environment={variable: "info"})
    assert program.status == 78
    assert program.errors().endswith(f"${variable}: names no setting; did you mean POSEBUS_{stage.upper()}_LOG_LEVEL?\n")

    program = run(f"posebus-{stage}", "--config", tmp_path / "absent.yaml", folder=tmp_path)
    assert program.status == 78
    assert "absent.yaml: cannot be read: there is no such file" in program.errors()

    # Help is there whatever the configuration, and options are judged as ever.
    wrong = {"POSEBUS_CONFIG": str(file)}
    assert run(f"posebus-{stage}", "--help", folder=tmp_path, environment=wrong).status == 0
    assert run(f"posebus-{stage}", "--zebra", folder=tmp_path).status == 64


def test_config_check_says_all_mistakes_at_once(tmp_path, posebus):
    file = tmp_path / "posebus.yaml"
    file.write_text("""\
ingest:
  acks: tcp://127.0.0.1:6000
  window-frames: many
sink:
  keep-frames: 2G
  stor: poses.sqlite
infer:
""")
    program = posebus("config", "check", file)
    assert program.status == 78
    said = program.output().splitlines()
    assert [line.removeprefix(f"{file}:").split(" ")[0] for line in said[:-1]] == ["2:3:", "3:18:", "5:3:", "6:3:"]
    assert said[-1] == f"{file}: 4 mistakes (looked at: ingest, infer, sink)"
    assert posebus("config", "check", file, "--stage", "infer").status == 0

    file.write_text("ingest:\n  window-frames: 64\n")
    program = posebus("config", "check", environment={"POSEBUS_CONFIG": str(file)})
    assert (program.status, program.output()) == (0, f"{file}: right, with 1 key for ingest\n")


def test_config_show_says_where_each_value_comes_from(tmp_path, posebus):
    file = tmp_path / "posebus.yaml"
    file.write_text("ingest:\n  window-frames: 64\n  payload: rgb\n")
    program = posebus("config", "show", "--stage", "ingest", "--config", file, "--", "--payload", "jpeg",
                      environment={"POSEBUS_LOG_LEVEL": "debug"})
    assert program.status == 0
    rows = {line.split()[0]: line.split()[1:] for line in program.output().splitlines()}
    assert rows["window-frames"] == ["64", f"{file}:2"]
    assert rows["payload"] == ["jpeg", "--payload"]
    assert rows["log-level"] == ["debug", "$POSEBUS_LOG_LEVEL"]
    assert rows["window-bytes"] == ["67108864", "default"]


def test_the_documented_file_is_right(tmp_path, posebus):
    shutil.copy(ROOT / "deploy" / "posebus.yaml", tmp_path)
    program = posebus("config", "check", tmp_path / "posebus.yaml")
    assert program.status == 0
    assert program.output().endswith("right, with 0 keys for ingest, infer, sink, gateway\n")
    assert posebus("config", "example").output() == (ROOT / "deploy" / "posebus.yaml").read_text()


def test_up_hands_the_file_to_its_stages(tmp_path, posebus):
    file = tmp_path / "posebus.yaml"
    file.write_text("""\
ingest:
  bind-request: tcp://127.0.0.1:1
  infer: tcp://127.0.0.1:1
  max-image-bytes: 100
infer:
  engine: none
sink:
  store: by-file.sqlite
""")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, jpeg in enumerate(jpegs(3)):
        (pictures / f"{number}.jpg").write_bytes(jpeg)
    program = posebus("up", pictures, "--config", file, "--ephemeral", "--no-viewer")
    assert program.status == 0, program.errors()
    # Engine, store and limits are the file's; where the stages meet is posebus up's own.
    assert [reason for _, reason in stored(tmp_path / "by-file.sqlite", pictures.name)] == ["too_large"] * 3

    file.write_text("ingest:\n  zebra: 1\n")
    program = posebus("up", pictures, "--config", file, "--ephemeral", "--no-viewer")
    assert program.status == 78
    assert f"{file}:2:3: ingest.zebra: unknown key" in program.errors()
