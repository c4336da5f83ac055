"""Exports: every format is read back by a library of its own ecosystem, and its numbers are those of the JSON export."""

import csv
import io
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pipeline as harness
import pygltflib
import pytest
import trimesh
from bvh import Bvh
from conftest import WEIGHTS, models_folder
from pycocotools.coco import COCO
from scipy.spatial.transform import Rotation

FIXTURES = Path(__file__).parent.parent / "Fixtures/hmr2"
sys.path.insert(0, str(FIXTURES))
import make_folder

# The middle of the hips is SMPL's pelvis; so it is in BODY_25, which smpl44 begins with.
PELVIS = 8
# From the camera's axes (x right, y down, z forward) to y up, and to z up.
Y_UP = np.diag([1.0, -1, -1])
Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


class Stores:
    """Two stores of the same moving persons: keypoints alone, and bodies."""

    def __init__(self, folder):
        self.folder = folder
        self.hmr2 = folder / "hmr2"
        make_folder.make(self.hmr2, "tiny", "b")
        self.body = make_folder.body()
        source = "test:?frames=40&persons=2&fps=25"
        self.paths = {}
        for engine, options in {"blazepose": [], "hmr2": ["--hmr2-dir", self.hmr2]}.items():
            self.paths[engine] = folder / f"{engine}.sqlite"
            program = harness.run("posebus", "up", source, "--engine", engine, "--store", self.paths[engine], "--ephemeral",
                                  *options, folder=folder, deadline=300)
            assert program.status == 0, program.errors()

    def export(self, engine, format, *options, out=None, status=0):
        """Exports; returns where to, or the program where it should fail."""
        out = out or self.folder / f"{engine}-{format}-{len(list(self.folder.iterdir()))}"
        program = harness.run("posebus", "export", "--store", self.paths[engine], "--format", format, "--out", out,
                              "--hmr2-dir", self.hmr2, *options, folder=self.folder)
        assert program.status == status, program.errors()
        return out if status == 0 else program

    def outcomes(self, engine, *options):
        text = self.export(engine, "json", *options).read_text()
        return [json.loads(line) for line in text.splitlines()]

    def persons(self, engine, *options):
        """Each person's entries by frame: {track: {frame: person}}."""
        persons = {}
        for frame, outcome in enumerate(self.outcomes(engine, *options)):
            for person in outcome["persons"]:
                persons.setdefault(person["track_id"], {})[frame] = person
        return persons


@pytest.fixture(scope="session")
def stores(tmp_path_factory):
    if not all((models_folder() / name).exists() for name in WEIGHTS):
        pytest.skip(f"no weights in {models_folder()}; fetch them with `posebus models fetch`")
    return Stores(tmp_path_factory.mktemp("exports"))


def matrices(smpl):
    """global_orient and body_pose, (24, 3, 3)."""
    return np.concatenate([np.reshape(smpl["global_orient"], (1, 3, 3)), np.reshape(smpl["body_pose"], (23, 3, 3))])


def smpl(model, betas, turns, corrections=True):
    """SMPL (Loper et al. 2015): vertices, joints, and the joints at rest."""
    shaped = model["v_template"] + model["shapedirs"] @ np.asarray(betas)[:10]
    rest = model["J_regressor"] @ shaped
    if corrections:
        shaped = shaped + model["posedirs"] @ (turns[1:] - np.eye(3)).ravel()
    world, places = [turns[0]], [rest[0]]
    for joint in range(1, 24):
        parent = make_folder.PARENTS[joint]
        world.append(world[parent] @ turns[joint])
        places.append(world[parent] @ (rest[joint] - rest[parent]) + places[parent])
    moved = np.einsum("jab,jvb->jva", np.array(world), shaped[None] - rest[:, None]) + np.array(places)[:, None]
    return np.einsum("vj,jva->va", model["weights"], moved), np.array(places), rest


def mean_betas(frames):
    """A person's shape: the mean of the frames in which it was seen."""
    return np.mean([person["smpl"]["betas"] for person in frames.values() if person["observed"]], axis=0)


# MARK: arrays


def test_npz_is_what_readers_of_amass_expect(stores):
    persons = stores.persons("hmr2")
    assert len(persons) == 2
    folder = stores.export("hmr2", "npz")
    assert sorted(path.name for path in folder.iterdir()) == [f"test-{track}.npz" for track in sorted(persons)]
    for track, frames in persons.items():
        with np.load(folder / f"test-{track}.npz", allow_pickle=False) as data:
            data = dict(data)
        first, last = min(frames), max(frames)
        count = last - first + 1
        # As the SMPL add-on of Blender reads it (OP_LoadAvatar).
        assert str(data["gender"]) == "neutral"
        assert int(data["mocap_frame_rate"]) == int(data["mocap_framerate"]) == 25
        assert data["trans"].shape == (count, 3)
        assert data["poses"].shape == (count, 156) and data["poses"][0].reshape(-1, 3).shape == (52, 3)
        assert data["betas"].shape == (16,) and data["dmpls"].shape == (count, 8)
        assert np.all(data["poses"][:, 66:] == 0) and np.all(data["betas"][10:] == 0)
        assert np.array_equal(data["poses"][:, :3], data["root_orient"])
        assert np.array_equal(data["poses"][:, 3:66], data["pose_body"])

        betas = mean_betas(frames)
        assert np.allclose(data["betas"][:10], betas, atol=1e-5)
        assert data["posebus_sequence"].tolist() == list(range(first, last + 1))
        for frame, person in frames.items():
            row = frame - first
            assert data["posebus_observed"][row] == person["observed"] and not data["posebus_filled"][row]
            turns = matrices(person["smpl"])
            found = Rotation.from_rotvec(data["posebus_smpl_poses"][row].reshape(24, 3)).as_matrix()
            assert np.allclose(found[0], Z_UP @ turns[0], atol=1e-4)
            assert np.allclose(found[1:], turns[1:], atol=1e-4)
            assert np.allclose(data["poses"][row, :66], data["posebus_smpl_poses"][row, :66])
            # SMPL of these numbers stands where the camera saw it.
            _, joints, rest = smpl(stores.body, data["betas"], found)
            assert np.allclose(rest[0], joints[0])
            seen = np.array(person["keypoints_3d"][PELVIS]) + person["camera_translation"]
            assert np.allclose(joints[0] + data["trans"][row], Z_UP @ seen, atol=5e-4)


def test_csv_and_its_frames(stores):
    rows = list(csv.DictReader(io.StringIO(stores.export("blazepose", "csv").read_text())))
    expected = [(outcome["sequence"], person) for outcome in stores.outcomes("blazepose") for person in outcome["persons"]]
    rows = [row for row in rows if row["track_id"]]
    assert len(rows) == len(expected)
    for row, (sequence, person) in zip(rows, expected):
        assert (int(row["sequence"]), int(row["track_id"])) == (sequence, person["track_id"])
        assert float(row["left_knee_x3d"]) == pytest.approx(person["keypoints_3d"][25][0], abs=1e-4)


# MARK: meshes


@pytest.mark.parametrize("format", ["obj", "ply"])
def test_meshes_are_smpl(stores, format):
    persons = stores.persons("hmr2")
    folder = stores.export("hmr2", format)
    assert len(list(folder.iterdir())) == sum(len(frames) for frames in persons.values())
    for track, frames in persons.items():
        for frame in sorted(frames)[::13]:
            person = frames[frame]
            mesh = trimesh.load(folder / f"test-{frame}-{track}.{format}", process=False)
            assert len(mesh.faces) == len(stores.body["f"]) and np.array_equal(mesh.faces, stores.body["f"])
            wanted, _, _ = smpl(stores.body, person["smpl"]["betas"], matrices(person["smpl"]))
            assert np.allclose(mesh.vertices, (wanted + person["camera_translation"]) @ Y_UP.T, atol=5e-4)


# MARK: skeletons that move


def moving_joints(path):
    """A BVH file's joints in each frame, by forward kinematics: names, {name: (frames, 3)}, frame time."""
    tree = Bvh(path.read_text())
    names = tree.get_joints_names()
    places, turned = {}, {}
    for name in names:
        channels = tree.joint_channels(name)
        assert [channel for channel in channels if "rotation" in channel] == ["Zrotation", "Xrotation", "Yrotation"]
        angles = np.array(tree.frames_joint_channels(name, ["Zrotation", "Xrotation", "Yrotation"]))
        turns = Rotation.from_euler("ZXY", angles, degrees=True)
        parent = tree.joint_parent(name)
        if parent is None:
            places[name] = np.array(tree.frames_joint_channels(name, ["Xposition", "Yposition", "Zposition"]))
            turned[name] = turns
        else:
            places[name] = places[parent.name] + turned[parent.name].apply(np.array(tree.joint_offset(name)))
            turned[name] = turned[parent.name] * turns
        # No channel jumps where the pose does not: what is between two frames is between them.
        steps = np.abs(np.diff(angles, axis=0))
        assert steps.max(initial=0) < 300, name
    assert all(len(rows) == tree.nframes for rows in places.values())
    return names, places, tree.frame_time


def test_bvh_of_bodies_moves_smpls_joints(stores):
    persons = stores.persons("hmr2")
    folder = stores.export("hmr2", "bvh")
    for track, frames in persons.items():
        names, places, frame_time = moving_joints(folder / f"test-{track}.bvh")
        assert frame_time == pytest.approx(1 / 25, abs=1e-6)
        first = min(frames)
        assert len(names) == 24 and len(places["Pelvis"]) == max(frames) - first + 1
        for frame, person in frames.items():
            _, joints, _ = smpl(stores.body, mean_betas(frames), matrices(person["smpl"]))
            pelvis = np.array(person["keypoints_3d"][PELVIS]) + person["camera_translation"]
            wanted = (joints - joints[0] + pelvis) @ Y_UP.T
            # In the file's order the joints stand by their names.
            found = np.array([places[name][frame - first] for name in SMPL_NAMES])
            assert np.abs(found - wanted).max() < 1e-3


SMPL_NAMES = [
    "Pelvis", "L_Hip", "R_Hip", "Spine1", "L_Knee", "R_Knee", "Spine2", "L_Ankle", "R_Ankle", "Spine3", "L_Foot", "R_Foot",
    "Neck", "L_Collar", "R_Collar", "Head", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist", "L_Hand",
    "R_Hand",
]
# Of BlazePose's landmarks.
CHAINS = [
    ("LeftUpLeg", 23, "LeftLeg", 25, "LeftFoot", 27), ("RightUpLeg", 24, "RightLeg", 26, "RightFoot", 28),
    ("LeftArm", 11, "LeftForeArm", 13, "LeftHand", 15), ("RightArm", 12, "RightForeArm", 14, "RightHand", 16),
]


def check_points(stores, track, frames, places):
    """Each bone points where the keypoints say and has its median length; the root is the middle of the hips."""
    first = min(frames)
    points = {frame: np.array(person["keypoints_3d"]) @ Y_UP.T for frame, person in frames.items()}

    def check(one, other, vector):
        lengths = [np.linalg.norm(vector(points[frame])) for frame in sorted(frames)]
        median = sorted(lengths)[len(lengths) // 2]
        for frame in frames:
            wanted = vector(points[frame])
            found = places[other][frame - first] - places[one][frame - first]
            assert np.linalg.norm(found - wanted / np.linalg.norm(wanted) * median) < 2e-3, (track, one, frame)

    for a, i, b, j, c, k in CHAINS:
        check(a, b, lambda p, i=i, j=j: p[j] - p[i])
        check(b, c, lambda p, j=j, k=k: p[k] - p[j])
    check("RightUpLeg", "LeftUpLeg", lambda p: p[23] - p[24])
    check("RightArm", "LeftArm", lambda p: p[11] - p[12])
    check("Hips", "Chest", lambda p: (p[11] + p[12] - p[23] - p[24]) / 2)
    check("Chest", "Head", lambda p: (p[7] + p[8] - p[11] - p[12]) / 2)
    for frame in frames:
        assert np.allclose(places["Hips"][frame - first], (points[frame][23] + points[frame][24]) / 2, atol=2e-4)


def test_bvh_of_keypoints_gives_back_the_joints(stores):
    persons = stores.persons("blazepose")
    folder = stores.export("blazepose", "bvh")
    for track, frames in persons.items():
        _, places, _ = moving_joints(folder / f"test-{track}.bvh")
        check_points(stores, track, frames, places)
        # All in all the figure is the person's: bones that do not stretch cost some centimetres.
        first = min(frames)
        errors = [np.linalg.norm(places[name][frame - first] - np.array(person["keypoints_3d"][point]) @ Y_UP.T)
                  for frame, person in frames.items() for chain in CHAINS for name, point in zip(chain[::2], chain[1::2])]
        assert np.mean(errors) < 0.04


# MARK: scenes


class Scene:
    """A glb file, its arrays, and what its animation makes of it."""

    def __init__(self, path):
        self.file = pygltflib.GLTF2().load(str(path))
        self.blob = self.file.binary_blob()
        assert self.file.asset.version == "2.0"
        assert len(path.read_bytes()) % 4 == 0

    def array(self, index):
        accessor = self.file.accessors[index]
        view = self.file.bufferViews[accessor.bufferView]
        dtype = {5121: "u1", 5125: "<u4", 5126: "<f4"}[accessor.componentType]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor.type]
        start = view.byteOffset + (accessor.byteOffset or 0)
        size = accessor.count * width * np.dtype(dtype).itemsize
        assert (accessor.byteOffset or 0) + size <= view.byteLength and start % 4 == 0
        values = np.frombuffer(self.blob[start:start + size], dtype).reshape(accessor.count, width)
        if accessor.min:
            assert np.allclose(values.min(axis=0), accessor.min) and np.allclose(values.max(axis=0), accessor.max)
        return values

    def channels(self):
        """{(node, path): (times, values)}"""
        animation = self.file.animations[0]
        found = {}
        for channel in animation.channels:
            sampler = animation.samplers[channel.sampler]
            times = self.array(sampler.input)[:, 0]
            assert np.all(np.diff(times) > 0)
            found[channel.target.node, channel.target.path] = (times, self.array(sampler.output))
        return found

    def joints(self, skin, row):
        """Each joint's turn and place in a person's frame of that number."""
        channels = self.channels()
        parents = {child: index for index, node in enumerate(self.file.nodes) for child in node.children or []}
        turned, places = {}, {}
        for joint in skin.joints:
            turn = Rotation.from_quat(channels[joint, "rotation"][1][row]).as_matrix()
            moved = channels.get((joint, "translation"))
            offset = moved[1][row] if moved else np.array(self.file.nodes[joint].translation)
            parent = parents[joint]
            if parent in turned:
                turned[joint], places[joint] = turned[parent] @ turn, turned[parent] @ offset + places[parent]
            else:
                turned[joint], places[joint] = turn, offset
        return np.array([turned[joint] for joint in skin.joints]), np.array([places[joint] for joint in skin.joints])

    def skinned(self, skin, mesh, row):
        """The mesh's vertices in that frame."""
        turned, places = self.joints(skin, row)
        attributes = self.file.meshes[mesh].primitives[0].attributes
        positions, joints = self.array(attributes.POSITION), self.array(attributes.JOINTS_0)
        weights = self.array(attributes.WEIGHTS_0)
        assert np.allclose(weights.sum(axis=1), 1, atol=1e-5) and np.all(weights >= 0)
        assert np.allclose(np.linalg.norm(self.array(attributes.NORMAL), axis=1), 1, atol=1e-4)
        # Column-major.
        shifts = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        assert np.allclose(shifts[:, :3, :3], np.eye(3)) and np.allclose(shifts[:, 3], [0, 0, 0, 1])
        result = np.zeros_like(positions)
        for slot in range(4):
            joint = joints[:, slot]
            rest = positions + shifts[joint, :3, 3]
            result += weights[:, slot:slot + 1] * (np.einsum("vab,vb->va", turned[joint], rest) + places[joint])
        return result


def test_glb_of_bodies_is_skinned_smpl(stores):
    persons = stores.persons("hmr2")
    path = stores.export("hmr2", "glb", out=stores.folder / "bodies.glb")
    scene = Scene(path)
    four = np.argsort(-stores.body["weights"], axis=1, kind="stable")[:, :4]
    weights = np.zeros_like(stores.body["weights"])
    np.put_along_axis(weights, four, np.take_along_axis(stores.body["weights"], four, axis=1), axis=1)
    model = {**stores.body, "weights": weights / weights.sum(axis=1, keepdims=True)}
    assert len(scene.file.skins) == len(persons) == len(scene.file.meshes)
    for index, skin in enumerate(scene.file.skins):
        track = int(skin.name.split()[-1])
        frames = persons[track]
        betas = mean_betas(frames)
        times, _ = scene.channels()[skin.joints[0], "translation"]
        assert np.allclose(times, np.arange(min(frames), max(frames) + 1) / 25, atol=1e-4)
        for frame in sorted(frames)[::9]:
            person = frames[frame]
            # The pose's corrections of the surface are what a skinned mesh cannot hold.
            vertices, joints, _ = smpl(model, betas, matrices(person["smpl"]), corrections=False)
            pelvis = np.array(person["keypoints_3d"][PELVIS]) + person["camera_translation"]
            row = frame - min(frames)
            _, places = scene.joints(skin, row)
            assert np.abs(places - (joints - joints[0] + pelvis) @ Y_UP.T).max() < 1e-3
            errors = np.linalg.norm(scene.skinned(skin, index, row) - (vertices - joints[0] + pelvis) @ Y_UP.T, axis=1)
            # Where joints weigh the same in this model, which of them is the fourth is open.
            assert np.quantile(errors, 0.99) < 1e-3 and errors.max() < 0.05
    # The camera that took the pictures.
    camera = scene.file.cameras[0].perspective
    person = next(iter(persons[1].values()))
    outcome = stores.outcomes("hmr2")[0]
    assert camera.yfov == pytest.approx(2 * np.arctan(outcome["height"] / 2 / person["focal_length"]), rel=1e-4)
    loaded = trimesh.load(path)
    assert len(loaded.geometry) == len(persons)


def test_glb_of_keypoints_is_a_moving_skeleton(stores):
    persons = stores.persons("blazepose")
    path = stores.export("blazepose", "glb", out=stores.folder / "skeletons.glb")
    scene = Scene(path)
    assert len(scene.file.skins) == len(persons)
    for index, skin in enumerate(scene.file.skins):
        track = int(skin.name.split()[-1])
        frames = persons[track]
        names = [scene.file.nodes[joint].name for joint in skin.joints]
        rows = [scene.joints(skin, row)[1] for row in range(max(frames) - min(frames) + 1)]
        check_points(stores, track, frames, {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)})
        assert len(scene.skinned(skin, index, 0)) > 100
    assert len(trimesh.load(path).geometry) == len(persons)


# MARK: keypoints in pictures


def test_openpose_files_hold_body_25(stores):
    for engine in ("hmr2", "blazepose"):
        folder = stores.export(engine, "openpose")
        outcomes = stores.outcomes(engine)
        files = sorted(folder.iterdir())
        assert [path.name for path in files] == [f"test_{o['sequence']:012}_keypoints.json" for o in outcomes]
        for path, outcome in zip(files, outcomes):
            people = json.loads(path.read_text())["people"]
            seen = [person for person in outcome["persons"] if person["observed"]]
            assert [person["person_id"] for person in people] == [[person["track_id"]] for person in seen]
            for found, person in zip(people, seen):
                found = np.reshape(found["pose_keypoints_2d"], (25, 3))
                points = np.array(person["keypoints_2d"])
                if engine == "hmr2":
                    assert np.allclose(found, points[:25], atol=0.02)
                else:
                    assert np.allclose(found[[0, 3, 4, 10, 13]], points[[0, 14, 16, 26, 25]], atol=0.02)
                    assert np.allclose(found[1, :2], (points[11, :2] + points[12, :2]) / 2, atol=0.02)
                    assert np.allclose(found[8, :2], (points[23, :2] + points[24, :2]) / 2, atol=0.02)
                    assert np.all(found[[20, 23]] == 0)


def test_coco_is_read_by_pycocotools(stores):
    blazepose = [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]
    smpl44 = [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11]
    for engine, order in {"blazepose": blazepose, "hmr2": smpl44}.items():
        coco = COCO(stores.export(engine, "coco", out=stores.folder / f"{engine}.json"))
        (category,) = coco.loadCats(coco.getCatIds())
        assert category["name"] == "person" and len(category["keypoints"]) == 17
        outcomes = stores.outcomes(engine)
        assert [image["posebus_sequence"] for image in coco.loadImgs(coco.getImgIds())] == [o["sequence"] for o in outcomes]
        for image, outcome in zip(coco.loadImgs(coco.getImgIds()), outcomes):
            assert (image["width"], image["height"]) == (outcome["width"], outcome["height"])
            found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
            assert [one["track_id"] for one in found] == [person["track_id"] for person in outcome["persons"]]
            for one, person in zip(found, outcome["persons"]):
                keypoints = np.reshape(one["keypoints"], (17, 3))
                points = np.array(person["keypoints_2d"])[order]
                shown = keypoints[:, 2] > 0
                inside = np.all((points[:, :2] >= 0) & (points[:, :2] < [outcome["width"], outcome["height"]]), axis=1)
                assert np.array_equal(shown, inside) and one["num_keypoints"] == shown.sum()
                assert np.allclose(keypoints[shown, :2], points[shown, :2], atol=0.02)
                sure = points[:, 2] >= 0.5
                assert np.array_equal(keypoints[:, 2] == 2, shown & sure & person["observed"])
                assert np.allclose(one["bbox"], person["bbox"], atol=0.02)


# MARK: PHALP


def test_phalp_reads_its_dictionary(stores):
    path = stores.export("hmr2", "phalp", out=stores.folder / "phalp.pkl")
    frames = joblib.load(path)
    outcomes = stores.outcomes("hmr2")
    assert len(frames) == len(outcomes)
    with open(path, "rb") as file:
        assert list(pickle.load(file)) == list(frames)
    confirmed = {p["track_id"] for outcome in outcomes for p in outcome["persons"] if p["state"] != "tentative"}
    for time, ((name, frame), outcome) in enumerate(zip(frames.items(), outcomes)):
        persons = [person for person in outcome["persons"] if person["track_id"] in confirmed]
        assert frame["time"] == time and frame["shot"] == 0 and frame["frame_path"] == name
        assert frame["tid"] == [person["track_id"] for person in persons]
        assert frame["tracked_ids"] == [person["track_id"] for person in persons if person["observed"]]
        lists = [value for value in frame.values() if isinstance(value, list)]
        assert len(lists) == 20
        for key in ("bbox", "tracked_time", "center", "scale", "size", "img_path", "img_name", "class_name", "conf",
                    "annotations", "smpl", "camera", "camera_bbox", "3d_joints", "2d_joints", "mask", "extra_data"):
            assert len(frame[key]) == len(persons), key
        for i, person in enumerate(persons):
            body = frame["smpl"][i]
            assert body["global_orient"].shape == (1, 3, 3) and body["body_pose"].shape == (23, 3, 3)
            assert body["betas"].shape == (10,) and body["betas"].dtype == np.float32
            assert np.allclose(np.concatenate([body["global_orient"], body["body_pose"]]), matrices(person["smpl"]), atol=1e-6)
            assert np.allclose(frame["bbox"][i], person["bbox"], atol=0.02)
            assert frame["size"][i] == [outcome["height"], outcome["width"]]
            assert frame["3d_joints"][i].shape == (45, 3) and frame["2d_joints"][i].shape == (90,)
            assert np.allclose(frame["3d_joints"][i][:44], person["keypoints_3d"], atol=1e-4)
            # PHALP's picture is a padded square of 256 pixels, its camera's focal length 5000 (get_3d_parameters).
            side = max(outcome["width"], outcome["height"])
            corner = np.array([side - outcome["width"], side - outcome["height"]]) / 2
            seen = np.array(person["keypoints_3d"]) + frame["camera"][i]
            pixels = (seen[:, :2] / seen[:, 2:] * 5000 / 256 + 0.5) * side - corner
            assert np.allclose(pixels, np.array(person["keypoints_2d"])[:, :2], atol=1.5)
            assert np.allclose(frame["2d_joints"][i].reshape(45, 2)[:44] * side - corner, pixels, atol=0.5)
            # And from the crop's camera the picture's follows as there.
            scale, x, y = frame["camera_bbox"][i]
            ratio = 256 / side
            depth = 2 * 5000 / (scale * max(frame["scale"][i]) * ratio + 1e-9)
            center = (frame["center"][i] + corner) * ratio
            moved = np.array([x, y]) + (center - 128) * depth / 5000
            assert np.allclose([*moved, depth], frame["camera"][i], rtol=1e-3, atol=1e-3)


# MARK: the world


def test_the_world_is_where_the_camera_pose_says(stores):
    turn = Rotation.from_euler("xyz", [-100, 20, 10], degrees=True).as_matrix()
    place = np.array([3.0, -2.0, 1.5])
    pose = stores.folder / "pose.json"
    pose.write_text(json.dumps({"rotation": turn.tolist(), "translation": place.tolist(), "up": "z"}))
    option = ("--camera-pose", pose)
    persons = stores.persons("hmr2")
    track, frames = next(iter(persons.items()))
    frame, person = next(iter(frames.items()))
    seen = np.array(person["keypoints_3d"]) + person["camera_translation"]
    world = seen @ turn.T + place

    assert np.allclose(stores.persons("hmr2", *option)[track][frame]["keypoints_3d_world"], world, atol=1e-3)
    rows = csv.DictReader(io.StringIO(stores.export("hmr2", "csv", *option).read_text()))
    row = next(row for row in rows if row["track_id"] == str(track))
    assert np.allclose([float(row[f"neck_{axis}3d"]) for axis in "xyz"], world[1], atol=1e-3)

    with np.load(stores.export("hmr2", "npz", *option) / f"test-{track}.npz") as data:
        _, joints, _ = smpl(stores.body, data["betas"], Rotation.from_rotvec(
            data["posebus_smpl_poses"][0].reshape(24, 3)).as_matrix())
        assert np.allclose(joints[0] + data["trans"][0], world[PELVIS], atol=1e-3)
    vertices, _, _ = smpl(stores.body, person["smpl"]["betas"], matrices(person["smpl"]))
    mesh = trimesh.load(stores.export("hmr2", "obj", *option) / f"test-{frame}-{track}.obj", process=False)
    assert np.allclose(mesh.vertices, (vertices + person["camera_translation"]) @ turn.T + place, atol=1e-3)
    # y up where the format says so: (x, y, z) of a world with z up is (x, z, -y).
    y_up = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    _, places, _ = moving_joints(stores.export("hmr2", "bvh", *option) / f"test-{track}.bvh")
    assert np.allclose(places["Pelvis"][0], y_up @ world[PELVIS], atol=1e-3)
    scene = Scene(stores.export("hmr2", "glb", *option, out=stores.folder / "world.glb"))
    assert np.allclose(scene.joints(scene.file.skins[0], 0)[1][0], y_up @ world[PELVIS], atol=1e-3)
    camera = next(node for node in scene.file.nodes if node.name == "camera")
    assert np.allclose(camera.translation, y_up @ place, atol=1e-5)
    looks = Rotation.from_quat(camera.rotation).as_matrix() @ [0, 0, -1]
    assert np.allclose(looks, y_up @ turn @ [0, 0, 1], atol=1e-5)


def test_persons_of_an_engine_without_a_camera_get_their_place_from_a_focal_length(stores):
    pose = stores.folder / "still.json"
    pose.write_text(json.dumps({"camera_to_world": np.eye(4).tolist(), "up": "-y"}))
    refused = stores.export("blazepose", "json", "--camera-pose", pose, status=64)
    assert "--focal-length" in refused.errors()
    # The rendered camera's focal length is 1.6 times the shorter side.
    outcomes = stores.outcomes("blazepose", "--camera-pose", pose, "--focal-length", str(1.6 * 720))
    size = np.array([outcomes[0]["width"], outcomes[0]["height"]])
    focal = 1.6 * size.min()
    outcomes = stores.outcomes("blazepose", "--camera-pose", pose, "--focal-length", str(focal))
    for outcome in outcomes:
        for person in outcome["persons"]:
            world = np.array(person["keypoints_3d_world"])
            pixels = world[:, :2] / world[:, 2:] * focal + size / 2
            seen = np.array(person["keypoints_2d"])
            # Projected back, the body lies on the picture's, as well as its shape allows.
            errors = np.linalg.norm(pixels - seen[:, :2], axis=1)[11:29]
            assert np.median(errors) < 0.05 * person["bbox"][3]


# MARK: what cannot be had


@pytest.mark.parametrize("format", ["npz", "obj", "ply", "phalp"])
def test_formats_that_need_bodies_say_so(stores, format):
    program = stores.export("blazepose", format, out=stores.folder / f"nothing.{format}", status=1)
    assert "--engine hmr2" in program.errors()
    assert not (stores.folder / f"nothing.{format}").exists()


def test_skeletons_of_bodies_do_without_smpls_files(stores):
    out = stores.folder / "without"
    program = harness.run("posebus", "export", "--store", stores.paths["hmr2"], "--format", "bvh", "--out", out,
                          "--hmr2-dir", stores.folder / "none", folder=stores.folder)
    assert program.status == 0 and "no body model" in program.errors()
    names, _, _ = moving_joints(out / "test-1.bvh")
    assert names[0] == "Hips"


@pytest.mark.parametrize("content, reason", [
    ("{", "not of that form"),
    ('{"up": "x"}', '"up" is x'),
    ('{"rotation": [[1,0,0],[0,1,0],[0,0,1]]}', "neither"),
    ('{"rotation": [[1,0,0],[0,1,0],[0,0,-1]], "translation": [0,0,0]}', "right-handed"),
    ('{"rotation": [[2,0,0],[0,2,0],[0,0,2]], "translation": [0,0,0]}', "length 1"),
    ('{"frames": []}', "empty"),
])
def test_camera_poses_that_are_none(stores, content, reason):
    pose = stores.folder / "wrong.json"
    pose.write_text(content)
    program = stores.export("hmr2", "json", "--camera-pose", pose, status=64)
    assert "wrong.json" in program.errors() and reason in program.errors()


def test_one_person_or_one_session_alone(stores):
    folder = stores.export("hmr2", "npz", "--track", "2")
    assert [path.name for path in folder.iterdir()] == ["test-2.npz"]
    program = stores.export("hmr2", "glb", "--stream", "nobody", status=1)
    assert "test" in program.errors()


# MARK: video


def probe(path):
    """What ffprobe says of a video's stream, its frames counted."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames", "-show_streams", "-of", "json", path],
        check=True, capture_output=True, timeout=120).stdout
    (stream,) = json.loads(out)["streams"]
    return stream


def frame_of(path, index):
    """One frame of a video, RGB."""
    stream = probe(path)
    out = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-vf", f"select=eq(n\\,{index})", "-frames:v", "1", "-f", "rawvideo",
         "-pix_fmt", "rgb24", "-"], check=True, capture_output=True, timeout=120).stdout
    return np.frombuffer(out, np.uint8).reshape(stream["height"], stream["width"], 3).astype(float)


def check_video(path, outcomes, rate):
    stream = probe(path)
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert int(stream["nb_read_frames"]) == len(outcomes)
    numerator, denominator = map(int, stream["avg_frame_rate"].split("/"))
    assert numerator / denominator == pytest.approx(rate, rel=1e-3)
    assert float(stream["duration"]) == pytest.approx(len(outcomes) / rate, abs=0.05)
    size = np.array([outcomes[0]["width"], outcomes[0]["height"]])
    assert [stream["width"], stream["height"]] == list((size + 1) // 2 * 2)
    return size


def test_mp4_shows_every_frame_with_its_persons(stores):
    plain = stores.folder / "plain.mp4"
    source = "test:?frames=40&persons=2&fps=25"
    for engine in ("blazepose", "hmr2"):
        path = stores.export(engine, "mp4", out=stores.folder / f"{engine}.mp4")
        outcomes = stores.outcomes(engine)
        size = check_video(path, outcomes, 25)
        # The picture of the same frame without anything drawn in.
        store = stores.folder / "none.sqlite"
        if not store.exists():
            program = harness.run("posebus", "up", source, "--engine", "none", "--store", store, "--ephemeral",
                                  "--keep-frames", "1G", folder=stores.folder)
            assert program.status == 0, program.errors()
            program = harness.run("posebus", "export", "--store", store, "--format", "mp4", "--out", plain,
                                  folder=stores.folder)
            assert program.status == 0, program.errors()
        index = 20
        drawn, bare = frame_of(path, index), frame_of(plain, index)
        difference = np.abs(drawn - bare).sum(axis=2)
        persons = outcomes[index]["persons"]
        near = np.zeros(size[::-1], dtype=bool)
        for person in persons:
            x, y, w, h = (int(value) for value in person["bbox"])
            near[max(0, y - 60):y + h + 60, max(0, x - 60):x + w + 60] = True
            shown = [point for point in person["keypoints_2d"] if point[2] > 0.5 and 8 < point[0] < size[0] - 8
                     and 8 < point[1] < size[1] - 8]
            for px, py, _ in shown:
                near[max(0, int(py) - 60):int(py) + 60, max(0, int(px) - 60):int(px) + 60] = True
            # On the joints of the skeleton there is something that was not there.
            if engine == "blazepose":
                hit = [difference[int(py) - 3:int(py) + 4, int(px) - 3:int(px) + 4].max() > 60 for px, py, _ in shown]
                assert np.mean(hit) > 0.8
        assert difference[near].mean() > 3
        if engine == "blazepose":
            assert difference[~near].mean() < 3


def test_mp4_takes_the_pictures_of_the_original_video(stores, posebus, models, clips, tmp_path):
    store, path = tmp_path / "kicker.sqlite", tmp_path / "kicker.mp4"
    program = posebus("up", clips / "kicker.mp4", "--engine", "blazepose", "--store", store, "--ephemeral", "--keep-frames", "0")
    assert program.status == 0, program.errors()
    missing = posebus("export", "--store", store, "--format", "mp4", "--out", path)
    assert missing.status == 1 and "--video" in missing.errors() and not path.exists()
    assert posebus("export", "--store", store, "--format", "mp4", "--out", path, "--video", clips / "kicker.mp4").status == 0
    outcomes = [json.loads(line) for line in posebus("export", "--store", store).output().splitlines()]
    original = probe(clips / "kicker.mp4")
    numerator, denominator = map(int, original["avg_frame_rate"].split("/"))
    assert int(original["nb_read_frames"]) == len(outcomes)
    check_video(path, outcomes, numerator / denominator)
    # Frames stand where they stood: away from the person the picture is the original's.
    for index in (10, 70, 120):
        x, y, w, h = (int(value) for value in outcomes[index]["persons"][0]["bbox"])
        difference = np.abs(frame_of(path, index) - frame_of(clips / "kicker.mp4", index)).mean(axis=2)
        difference[max(0, y - 40):y + h + 40, max(0, x - 40):x + w + 40] = 0
        assert difference.mean() < 5


def test_mp4_of_a_dropped_frame_shows_why(posebus, models, tmp_path):
    from images import jpegs

    folder = tmp_path / "images"
    folder.mkdir()
    for index, jpeg in enumerate(jpegs(6)):
        (folder / f"{index}.jpg").write_bytes(jpeg if index != 3 else jpeg[:len(jpeg) // 2])
    store = tmp_path / "poses.sqlite"
    assert posebus("up", folder, "--engine", "none", "--store", store, "--ephemeral", "--keep-frames", "1G").status == 0
    outcomes = [json.loads(line) for line in posebus("export", "--store", store).output().splitlines()]
    assert [outcome["drop"] is not None for outcome in outcomes] == [index == 3 for index in range(6)]
    path = tmp_path / "out.mp4"
    program = posebus("export", "--store", store, "--format", "mp4", "--out", path, "--fps", "10")
    assert program.status == 0, program.errors()
    check_video(path, outcomes, 10)
    last, dropped = frame_of(path, 2), frame_of(path, 3)
    # Without colour, and darker than the frame before.
    middle = np.s_[100:, :]
    assert np.ptp(dropped[middle], axis=2).mean() < 0.3 * np.ptp(last[middle], axis=2).mean()
    assert dropped[middle].mean() < 0.7 * last[middle].mean()


def test_a_revision_is_exported_as_it_was_refined(stores, posebus, tmp_path):
    store = Path(shutil.copy(stores.paths["hmr2"], tmp_path / "refined.sqlite"))
    assert posebus("refine", store).status == 0
    revisions = {}
    for revision in ("original", "latest"):
        options = ("--store", store, "--revision", revision)
        out = tmp_path / revision
        assert posebus("export", *options, "--format", "npz", "--out", out).status == 0
        outcomes = [json.loads(line) for line in posebus("export", *options).output().splitlines()]
        frames = {frame: person for frame, outcome in enumerate(outcomes) for person in outcome["persons"]
                  if person["track_id"] == 1}
        with np.load(out / "test-1.npz") as data:
            found = Rotation.from_rotvec(data["posebus_smpl_poses"].reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
        revisions[revision] = found
        for frame, person in frames.items():
            assert np.allclose(found[frame - min(frames)][1:], matrices(person["smpl"])[1:], atol=1e-4)
    # It was smoothed.
    assert not np.allclose(revisions["original"], revisions["latest"], atol=1e-3)
    program = posebus("export", "--store", store, "--revision", "7", "--format", "glb", "--out", tmp_path / "none.glb")
    assert program.status == 1 and "no revision 7" in program.errors()
