"""Releases beside each other: stages of neighbouring ones interoperate.

With POSEBUS_PREVIOUS_BIN naming the programs of an earlier release (Tests/EndToEnd/previous_release builds them) every
mixture of its stages and today's is tried, and one stage after the other replaced while frames flow.
"""

import itertools
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import pipeline as harness
from images import jpegs
from neighbours import RELEASES, translator
from pipeline import DEADLINE, ROOT, Feeder, Pipeline, check_complete, push, until
from store import check_promise, stored

PREVIOUS = os.environ.get("POSEBUS_PREVIOUS_BIN")
previous_release = pytest.mark.skipif(not PREVIOUS, reason="POSEBUS_PREVIOUS_BIN names no programs of an earlier release")
PROGRAMS = ["posebus", "posebus-ingest", "posebus-infer", "posebus-sink", "posebus-gateway", "posebus-image"]


def test_all_programs_and_clients_are_of_one_release(tmp_path):
    versions = {name: harness.run(name, "--version", folder=tmp_path).output().strip() for name in PROGRAMS}
    versions["Python"] = re.search(r'^version = "(.*)"$', (ROOT / "clients/python/pyproject.toml").read_text(), re.M)[1]
    versions["JavaScript"] = json.loads((ROOT / "clients/javascript/package.json").read_text())["version"]
    assert len(set(versions.values())) == 1, versions
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions["posebus"])


class Mixed(Pipeline):
    """A pipeline with a translator on one way, or with some stages from another folder of programs."""

    def __init__(self, folder, way=None, release=None, programs=None, **options):
        super().__init__(folder, **options)
        self.way, self.release, self.programs = way, release, programs or {}
        self.translated = None

    def start(self, stage):
        harness.BIN, today = Path(self.programs.get(stage, harness.BIN)), harness.BIN
        try:
            program = super().start(stage)
        finally:
            harness.BIN = today
        target = {"sink": ("outcomes", "acks"), "infer": ("frames",), "ingest": ()}[stage]
        if self.way in target and self.translated is None:
            self.translator = translator(self.way, self.at[self.way], RELEASES[self.release][self.way])
            self.at[self.way], self.translated = self.translator.__enter__()
        return program

    def arguments(self, stage):
        """Without the options that came after the release whose program it is."""
        options = super().arguments(stage)
        if stage not in self.programs:
            return options
        folder = self.programs[stage]
        known = subprocess.run(
            [f"{folder}/posebus-{stage}", "--help"], capture_output=True, text=True, check=True, timeout=DEADLINE).stdout
        pairs = zip(options[::2], options[1::2], strict=True)
        return [word for pair in pairs if pair[0] in known for word in pair]

    def close(self):
        if self.translated is not None:
            self.translator.__exit__(None, None, None)
        super().close()


@pytest.mark.parametrize("way", ["frames", "outcomes", "acks"])
@pytest.mark.parametrize("release", RELEASES)
def test_a_neighbouring_release(tmp_path, release, way):
    with Mixed(tmp_path, way, release) as pipeline:
        results = pipeline.results()
        push(pipeline, "door", jpegs(50) * 4)
        outcomes, event = results.session("door")
        check_complete(outcomes, 200, event)
        assert pipeline.drain() == [0, 0, 0]
        assert pipeline.translated[0] > (0 if way == "acks" else 200)
        for stage in ("ingest", "infer", "sink"):
            assert "refused" not in re.sub(r"refused=0", "", pipeline.stages[stage].errors())
    check_promise(pipeline.store)
    drops = [(outcome["sequence"], outcome["drop"]) for outcome in outcomes if outcome["drop"]]
    if (release, way) == ("the release after", "outcomes"):
        # A reason of a later release is passed on, stored, counted as a drop, and never taken for a pose.
        assert [(sequence, drop["stage"], drop["reason"]) for sequence, drop in drops] == [(7, "referee", "lens_fogged")]
        assert stored(pipeline.store, "door")[7] == (7, "lens_fogged")
        exported = harness.run("posebus", "export", "--store", pipeline.store, "--stream", "door", folder=tmp_path)
        assert json.loads(exported.lines[7])["drop"]["reason"] == "lens_fogged"
        verified = harness.run("posebus", "verify", pipeline.store, folder=tmp_path)
        assert verified.status == 0, verified.output() + verified.errors()
    else:
        assert not drops


def test_a_restarted_infer_of_another_release_goes_on(tmp_path, models):
    """The state that an infer saved is the infer's own: one of a release that writes another form begins anew."""
    with Mixed(tmp_path, "acks", "the release before", engine="blazepose") as pipeline:
        results = pipeline.results()
        feeder = Feeder(lambda: push(pipeline, "door", jpegs(20) * 3))
        results.of("door", 10)
        pipeline.terminate("infer")
        pipeline.start("infer")
        feeder.finish()
        outcomes, event = results.session("door")
        check_complete(outcomes, 60, event)


# MARK: - Real programs of an earlier release


@previous_release
@pytest.mark.parametrize(
    "old", [combination for count in (1, 2) for combination in itertools.combinations(("ingest", "infer", "sink"), count)],
    ids="+".join)
def test_every_mixture_of_two_releases(tmp_path, old):
    with Mixed(tmp_path, programs={stage: PREVIOUS for stage in old}) as pipeline:
        results = pipeline.results()
        push(pipeline, "door", jpegs(50) * 8)
        outcomes, event = results.session("door")
        check_complete(outcomes, 400, event)
        assert pipeline.drain() == [0, 0, 0]
    check_promise(pipeline.store)


@previous_release
@pytest.mark.parametrize("order", list(itertools.permutations(("ingest", "infer", "sink"))), ids="-".join)
def test_replacing_one_stage_after_the_other_while_frames_flow(tmp_path, order):
    spool = tmp_path / "spool"
    with Mixed(tmp_path, programs={stage: PREVIOUS for stage in order}, ingest=["--spool", spool]) as pipeline:
        feed = harness.Program(
            "posebus", "feed", "test:?frames=400&fps=60", "--stream", "door", "--to", pipeline.at["request"], folder=tmp_path)
        for number, stage in enumerate(order):
            until(lambda: len(stored(pipeline.store, "door")) >= 60 * (number + 1), f"frames before {stage} is replaced")
            assert pipeline.terminate(stage) == 0
            del pipeline.programs[stage]
            pipeline.start(stage)
        assert feed.end() == 0, feed.errors()
        assert pipeline.drain() == [0, 0, 0]
    check_promise(pipeline.store)
    # In one session, or in two where the earlier release's ingest ends its sessions when it stops.
    assert [reason for _, reason in stored(pipeline.store, "door")] == [None] * 400
