"""A pipeline on several machines, with keys, while its links fail and its stages are restarted.

Four cameras feed from the first test to the last, which checks that the outcome of every single frame is in the store
and was seen by the viewer, once and in order, in one session, and that whoever is in the picture kept the number.
"""

import json
import sys
import time
from pathlib import Path

import pytest
import zmq
import zmq.auth

from conftest import models_folder
from machines import CAMERAS, SECOND, Machines
from network import CannotRun
from pipeline import run, until
from store import check_promise, sessions
from test_security import GROUP, KIND, STAGE

RATE = 5
# Longer than the heartbeats allow a peer to be silent.
CUT = 3
PORTS = {"push": "hub:5550", "request": "hub:5551", "frames": "gpu:5560", "outcomes": "archive:5570",
         "results": "archive:5571", "acks": "archive:5572", "replay": "archive:5573"}


@pytest.fixture(autouse=True)
def programs_of_this_test():
    """In place of the one that ends what a test has started: a stage that is restarted here goes on for the next."""


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    engine = ("--engine", "blazepose", "--models", models_folder())
    try:
        # One camera is far away, at the end of a radio link that loses one frame in fifty.
        with Machines(tmp_path_factory.mktemp("machines"), engine, RATE, {"camera4": (20, 0.02)}) as machines:
            yield machines
    except CannotRun as reason:
        pytest.skip(str(reason))


def knock(machines, name, doors):
    """How a machine's attempts end to connect: at each port with a key of the server and an own certificate."""
    request = [[f"tcp://{PORTS[port]}", KIND[port], server, own and str(own)] for port, server, own in doors]
    done = machines.network[name].call(sys.executable, Path(__file__).with_name("knock.py"), input=json.dumps(request))
    assert done.returncode == 0, done.stderr
    return dict(zip([port for port, *_ in doors], json.loads(done.stdout), strict=True))


def server_key(machines, port):
    stage = STAGE[port]
    return zmq.auth.load_certificate(machines.folder / "all-keys" / stage / f"{stage}.cert")[0].decode()


def test_strangers_are_refused_at_every_port_of_every_machine(machines):
    without = knock(machines, "stranger", [(port, None, None) for port in PORTS])
    assert set(without.values()) == {"cut off"}, without
    unknown = knock(machines, "stranger", [(port, server_key(machines, port), None) for port in PORTS])
    assert set(unknown.values()) == {"refused"}, unknown


def test_a_key_opens_only_the_ports_of_its_role(machines):
    for name, role in (("camera1", "feeders"), ("viewer", "subscribers")):
        own = machines.network[name].folder / "keys" / f"{name}.cert_secret"
        answers = knock(machines, name, [(port, server_key(machines, port), own) for port in PORTS])
        assert answers == {port: "ready" if GROUP[port] == role else "refused" for port in PORTS}, name


def test_a_camera_feeds_no_stream_but_its_own(machines):
    camera = machines.network["camera1"]
    program = camera.run("posebus", "feed", "test:?frames=1", "--stream", "camera2", "--to", "tcp://hub:5551",
                         "--keys", camera.folder / "keys")
    assert "not_allowed" in program.errors()


def check_identity(stream, outcomes):
    """The person who is rendered has one number from the first frame to the last, and is never found anew."""
    persons = [person for outcome in outcomes for person in outcome["persons"]]
    assert len(persons) >= 0.9 * len(outcomes), stream
    assert {person["track_id"] for person in persons} == {1}, stream
    states = [person["state"] for person in persons]
    known = states.index("confirmed")
    assert "tentative" not in states[known:], (stream, states)


def stored_frames(store):
    """How many outcomes the store has of each stream, which has one session."""
    stored = [(session["stream"], session["next_sequence"]) for session in sessions(store)]
    assert len(stored) == len(dict(stored)), stored
    return dict(stored)


@pytest.mark.parametrize("link", ["hub-gpu", "gpu-archive", "hub-archive"])
def test_a_link_between_two_stages_is_cut_and_healed(machines, link):
    machines.network.cut(*link.split("-"))
    time.sleep(CUT)
    machines.network.heal(*link.split("-"))
    print(f"{link}: streams flow {machines.until_flowing():.1f} s after it was healed")


@pytest.mark.parametrize("machine", ["camera1", "camera4", "viewer"])
def test_a_cable_is_pulled_and_put_back(machines, machine):
    machines.network.unplug(machine)
    time.sleep(CUT)
    machines.network.plug(machine)
    print(f"{machine}: streams flow {machines.until_flowing():.1f} s after the cable was put back")


@pytest.mark.parametrize("stage", ["sink", "infer", "ingest"])
def test_a_stage_is_restarted_while_streams_flow(machines, stage):
    before = 0 if stage == "ingest" else machines.metric("ingest", "posebus_ingest_resent_total")
    began = time.monotonic()
    machines.restart(stage)
    machines.until_flowing()
    pauses = machines.viewer.longest_pauses(began, CAMERAS)
    resent = machines.metric("ingest", "posebus_ingest_resent_total") - before
    each = ", ".join(f"{stream} {pause:.1f} s" for stream, pause in pauses.items())
    print(f"{stage} is restarted: longest pauses {each}; {resent:.0f} frames sent again")


def test_a_second_infer_joins_and_leaves_while_streams_flow(machines):
    """Each stream moves at most once a change, without sending a frame twice; identities are checked at the end."""
    moved = {"moves": "posebus_ingest_stream_moves_total", "resent": "posebus_ingest_resent_total"}

    def figures():
        return {what: machines.metric("ingest", name) for what, name in moved.items()}

    def streams_at(machine):
        return machines.metric("ingest", "posebus_ingest_infer_streams", infer=f"tcp://{machine}:5560")

    before, began = figures(), time.monotonic()
    assert streams_at("gpu") == len(CAMERAS)
    machines.start(SECOND)
    machines.name_infers("gpu", "gpu2")
    until(lambda: streams_at("gpu2"), "streams at the second infer")
    until(lambda: machines.metric(SECOND, "posebus_infer_outcomes_total"), "outcomes of the second infer")
    machines.until_flowing()
    joined, has = figures(), streams_at("gpu2")
    assert 1 <= has < len(CAMERAS)
    assert joined["moves"] - before["moves"] == has

    machines.name_infers("gpu")
    until(lambda: streams_at("gpu") == len(CAMERAS), "all streams back at the first infer")
    machines.until_flowing()
    left = figures()
    assert left["moves"] - joined["moves"] == has
    assert left["resent"] == before["resent"]
    machines.stop(SECOND)
    pauses = machines.viewer.longest_pauses(began, CAMERAS)
    print(f"an infer joins and leaves: {has:.0f} streams move there and back, longest time without an outcome "
          f"{max(pauses.values()):.1f} s, no frame sent again")


def test_nothing_was_lost_or_doubled_or_came_out_of_order(machines, tmp_path):
    fed = machines.finish()
    assert machines.drain() == [0, 0, 0]
    print(f"frames fed: {fed}")
    for stream, count in fed.items():
        outcomes = machines.viewer.outcomes(stream)
        assert [outcome["camera_frame"] for outcome in outcomes] == list(range(count)), stream
        assert [outcome["sequence"] for outcome in outcomes if outcome["drop"]] == [], stream
        check_identity(stream, outcomes)
    assert run("posebus", "verify", machines.store, folder=tmp_path).status == 0
    check_promise(machines.store)
    assert stored_frames(machines.store) == fed
