"""Real people: what the engine finds on footage that is no part of this repository, and on the rendered person."""

import json
import math
import subprocess

import pytest

from store import check_promise
from test_tool import lines, up
from pipeline import DEADLINE, Pipeline, check_complete


@pytest.fixture(scope="module")
def processed(tmp_path_factory):
    """The outcomes of a clip; each clip is processed once."""
    done = {}

    def processed(posebus, clip):
        if clip not in done:
            done[clip] = up(posebus, tmp_path_factory.mktemp("clip"), clip, engine="blazepose")[0]
        return done[clip]

    return processed


def overlap(a, b):
    """Intersection over union of two boxes [x, y, width, height]."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def with_pose(outcomes):
    """Frames in which somebody is seen; who is only predicted does not count."""
    return sum(any(person["observed"] for person in outcome["persons"]) for outcome in outcomes)


def test_kicker_every_frame_in_order_and_the_rider_in_most(posebus, models, clips, processed):
    outcomes = processed(posebus, clips / "kicker.mp4")
    check_complete(outcomes, 131)
    assert all(outcome["drop"] is None for outcome in outcomes)
    print("kicker.mp4: a pose in", with_pose(outcomes), "of 131 frames")
    assert with_pose(outcomes) >= 112


def test_kicker_boxes(posebus, models, clips, processed):
    outcomes = processed(posebus, clips / "kicker.mp4")
    reference = json.loads((clips / "kicker.boxes.json").read_text())["mesh"]
    overlaps = {
        int(number): max((overlap(person["bbox"], entry["box"]) for person in outcomes[int(number)]["persons"]),
                         default=0)
        for number, entry in reference.items()
    }
    good = sum(value >= 0.4 for value in overlaps.values())
    print("kicker.mp4:", good, "of", len(overlaps), "boxes overlap; worst", sorted(overlaps.items(), key=lambda i: i[1])[:5])
    assert good >= 0.98 * len(overlaps)


def test_a_clip_has_the_same_poses_every_time(posebus, models, clips, processed, tmp_path):
    first = processed(posebus, clips / "kicker.mp4")
    again = up(posebus, tmp_path, clips / "kicker.mp4", engine="blazepose")[0]
    assert [outcome["persons"] for outcome in first] == [outcome["persons"] for outcome in again]


def test_two_riders_side_by_side(posebus, models, clips, tmp_path):
    """Half as large in the whole picture, both are found, each under one number."""
    wide = tmp_path / "wide.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clips / "kicker.mp4", "-filter_complex",
         "[0:v]split[left][other];[other]hflip[right];[left][right]hstack", "-c:v", "libx264", "-crf", "16", wide],
        check=True, timeout=DEADLINE)
    outcomes = up(posebus, tmp_path, wide, engine="blazepose")[0]
    tracks = {person["track_id"] for outcome in outcomes for person in outcome["persons"]}
    both = sum(len(outcome["persons"]) == 2 for outcome in outcomes)
    print(f"two riders: both in {both} of {len(outcomes)} frames")
    assert tracks == {1, 2}
    assert both >= 0.75 * len(outcomes)


def test_a_large_picture_is_looked_at_no_finer_than_it_must_be(posebus, models, clips, tmp_path):
    """A rider in 1920 pixels is decoded at half size, and is found where he is in a picture that was decoded whole."""
    wide = tmp_path / "wide.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clips / "kicker.mp4", "-vf", "scale=1920:-2:flags=lanczos", "-frames:v", "40",
         "-c:v", "libx264", "-crf", "16", "-preset", "veryfast", wide], check=True, timeout=DEADLINE)

    def found(payload):
        (tmp_path / payload).mkdir()
        with Pipeline(
            tmp_path / payload, engine="blazepose", infer=["--models", models], ingest=["--payload", payload]
        ) as pipeline:
            results = pipeline.results()
            feed = posebus("feed", wide, "--stream", "wide", "--to", pipeline.at["request"])
            assert feed.status == 0, feed.errors()
            results.wait(lambda: len(results.outcomes.get("wide", [])) == 40, "40 outcomes")
        return [[person for person in outcome["persons"] if person["observed"]] for outcome in results.outcomes["wide"]]

    whole, reduced = found("rgb"), found("jpeg")
    assert [len(persons) for persons in whole] == [len(persons) for persons in reduced]
    distances = [
        math.dist(a[:2], b[:2]) / one["bbox"][3]
        for persons in zip(whole, reduced, strict=True) for one, other in zip(*persons, strict=True)
        for a, b in zip(one["keypoints_2d"], other["keypoints_2d"], strict=True)
    ]
    mean = sum(distances) / len(distances)
    print(f"1920 wide, half size instead of full: keypoints {100 * mean:.2f} % of the rider's height apart, on average")
    assert 0 < mean < 0.01


def test_park_the_rider_in_most_frames(posebus, models, clips, processed):
    outcomes = processed(posebus, clips / "park.mov")
    check_complete(outcomes, 240)
    print("park.mov: a pose in", with_pose(outcomes), "of 240 frames")
    assert with_pose(outcomes) >= 177


def test_every_person_has_33_keypoints_in_pixels_and_metres(posebus, models, clips, processed):
    for outcome in processed(posebus, clips / "kicker.mp4"):
        assert (outcome["width"], outcome["height"]) == (640, 360)
        assert (outcome["engine"], outcome["skeleton"]) == ("blazepose", "blazepose33")
        for person in outcome["persons"]:
            assert len(person["keypoints_2d"]) == len(person["keypoints_3d"]) == 33
            assert len(person["bbox"]) == 4 and 0 <= person["score"] <= 1
            # Metres around the middle of the hips: nobody is three metres tall.
            assert max(abs(value) for point in person["keypoints_3d"] for value in point) < 3


def test_a_photograph_of_several_people(posebus, models, clips):
    program = posebus("image", clips / "skaters.jpg")
    assert program.status == 0, program.errors()
    (result,) = lines(program)
    assert (result["width"], result["height"]) == (4016, 6016)
    assert len(result["persons"]) >= 1


def test_joints_of_the_rendered_person(start, tmp_path, posebus, models):
    """Mean distance between found and rendered joints, against the person's height, over 300 frames."""
    pipeline = start(engine="blazepose", infer=["--models", models])
    results = pipeline.results()
    joints = tmp_path / "joints.jsonl"
    feed = posebus("feed", "test:?frames=300", "--stream", "person", "--to", pipeline.at["request"], "--joints", joints,
                   deadline=600)
    assert feed.status == 0, feed.errors()
    results.wait(lambda: len(results.outcomes.get("person", [])) == 300, "300 outcomes", deadline=600)
    outcomes = results.outcomes["person"]
    check_complete(outcomes, 300)
    rendered = [json.loads(line) for line in joints.read_text().splitlines()]
    errors = [joint_error(outcome, truth) for outcome, truth in zip(outcomes, rendered, strict=True)]
    found = [error for error in errors if error is not None]
    print(f"test: {len(found)} of 300 frames with a pose, mean joint error {100 * sum(found) / len(found):.2f} % of the height")
    assert len(found) >= 0.98 * 300
    assert sum(found) / len(found) < 0.03
    assert pipeline.drain() == [0, 0, 0]
    check_promise(pipeline.store)


# Shoulders, elbows, wrists, hips, knees and ankles: centres of anatomical joints, not points on the skin.
MAIN_JOINTS = (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)


def joint_error(outcome, truth):
    """Mean distance of the joints in units of the person's height, or None where nobody was found."""
    if not outcome["persons"]:
        return None
    found = max(outcome["persons"], key=lambda person: person["score"])["keypoints_2d"]
    (rendered,) = truth["persons"]
    distances = [math.dist(found[joint][:2], rendered["keypoints_2d"][joint]) for joint in MAIN_JOINTS]
    return sum(distances) / len(distances) / rendered["height_px"]
