"""Engine hmr2: numbers of the public code, the pipeline, and what it says about files that are not right."""

import hashlib
import http.server
import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from images import jpegs, video
from pipeline import BIN, check_complete

FIXTURES = Path(__file__).parent.parent / "Fixtures/hmr2"
sys.path.insert(0, str(FIXTURES))
import make_folder

BOXES = ["100,80,260,480", "400,20,900,700", "-60,300,180,760", "500,500,560,620", "0,0,960,720"]
CHECKPOINT = "logs/train/multiruns/hmr2/0/checkpoints/epoch=35-step=1000000.ckpt"
CONFIGURATION = "logs/train/multiruns/hmr2/0/model_config.yaml"


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Small models of the official structure; not to be written to."""
    made = {}
    for variant in "ab":
        made[variant] = tmp_path_factory.mktemp("hmr2") / variant
        make_folder.make(made[variant], "tiny", variant)
    return made


@pytest.fixture
def folder(folders, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(folders["b"], tmp_path / "hmr2"))


def picture():
    """As Tests/Parity/hmr2_reference.py makes it."""
    y, x = np.mgrid[0:720, 0:960]
    channels = [128 + 60 * np.sin(x / (3 + 5 * c) + y / 17) + 50 * np.cos(x * y / (4000 + 900 * c))
                + (x // 40 + y // 30) % 2 * 15 for c in range(3)]
    return np.clip(np.stack(channels, axis=2), 0, 255).astype(np.uint8)


def parity(folder, output, *options):
    subprocess.run([BIN / "parity-runner", "hmr2", "--hmr2-dir", folder, "--output", output, *map(str, options)],
                   check=True, timeout=300)
    return {path.stem: np.fromfile(path, dtype=np.float32) for path in output.glob("*.f32")}


@pytest.mark.parametrize("variant", "ab")
def test_layer_by_layer_as_the_public_code(folders, tmp_path, variant):
    golden = np.load(FIXTURES / f"golden_{variant}.npz")
    crops = tmp_path / "crops.f32"
    make_folder.noise("crops", 2 * 3 * 256 * 256).tofile(crops)
    found = parity(folders[variant], tmp_path / "out", "--crops", crops, "--precision", "fp32")
    names = [name for name in golden.files if not name.startswith("picture")]
    assert {"block0", "block1", "backbone", "rotations", "betas", "cam", "cam_t", "keypoints_3d", "keypoints_2d",
            "vertices"} == set(names)
    for name in names:
        wanted = golden[name]
        values = found[name].reshape(2, 6890, 3)[:, ::53] if name == "vertices" else found[name].reshape(wanted.shape)
        difference = np.abs(values - wanted)
        if name in ("keypoints_3d", "vertices"):
            # Metres.
            assert np.linalg.norm(values - wanted, axis=-1).max() < 0.05e-3, name
        else:
            assert difference.max() < 1e-4, (name, difference.max())


@pytest.mark.parametrize("variant", "ab")
def test_bfloat16_is_within_millimetres(folders, tmp_path, variant):
    golden = np.load(FIXTURES / f"golden_{variant}.npz")
    crops = tmp_path / "crops.f32"
    make_folder.noise("crops", 2 * 3 * 256 * 256).tofile(crops)
    found = parity(folders[variant], tmp_path / "out", "--crops", crops, "--precision", "bf16")
    wanted = golden["keypoints_3d"]
    errors = np.linalg.norm(found["keypoints_3d"].reshape(wanted.shape) - wanted, axis=-1)
    assert 0 < errors.mean() < 3e-3


@pytest.mark.parametrize("variant", "ab")
def test_from_picture_and_boxes_to_joints_as_the_public_demo(folders, tmp_path, variant):
    golden = np.load(FIXTURES / f"golden_{variant}.npz")
    picture().tofile(tmp_path / "picture.rgb")
    found = parity(folders[variant], tmp_path / "out", "--picture", tmp_path / "picture.rgb", "--width", 960,
                   *[f"--box={box}" for box in BOXES])
    levels = found["levels"].reshape(5, 256, 192, 3)[:, ::5, ::5]
    assert np.abs(levels - golden["picture_levels"]).mean(axis=(1, 2, 3)).max() < 0.5
    wanted = golden["picture_keypoints_3d"]
    assert np.linalg.norm(found["keypoints_3d"].reshape(wanted.shape) - wanted, axis=-1).max() < 0.05e-3
    camera = golden["picture_camera"]
    assert np.abs(found["camera"].reshape(5, 3) / camera - 1).max() < 1e-4


def up(posebus, tmp_path, source, folder, *options):
    store = tmp_path / "poses.sqlite"
    program = posebus("up", source, "--engine", "hmr2", "--hmr2-dir", folder, "--store", store, "--ephemeral", *options,
                      deadline=300)
    return program, store


def exported(posebus, store):
    return [json.loads(line) for line in posebus("export", "--store", store).output().splitlines()]


def check_person(person, outcome, focal_length):
    """What an outcome of hmr2 says must fit together."""
    assert np.shape(person["keypoints_2d"]) == np.shape(person["keypoints_3d"]) == (44, 3)
    smpl = person["smpl"]
    assert np.shape(smpl["betas"]) == (10,)
    turns = np.concatenate([np.ravel(smpl["global_orient"]), np.ravel(smpl["body_pose"])]).reshape(24, 3, 3)
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-3)
    assert np.allclose(np.linalg.det(turns), 1, atol=1e-3)
    assert person["focal_length"] == pytest.approx(focal_length, rel=1e-4)
    seen = np.array(person["keypoints_3d"]) + person["camera_translation"]
    pixels = seen[:, :2] / seen[:, 2:] * person["focal_length"] + [outcome["width"] / 2, outcome["height"] / 2]
    # Both were rounded on their way.
    assert np.allclose(pixels, np.array(person["keypoints_2d"])[:, :2], atol=1.5)


def test_the_whole_pipeline(posebus, tmp_path, models, folders, clips):
    program, store = up(posebus, tmp_path, clips / "kicker.mp4", folders["a"])
    assert program.status == 0, program.errors()
    outcomes = exported(posebus, store)
    assert len(outcomes) == 131
    persons = [(person, outcome) for outcome in outcomes for person in outcome["persons"]]
    assert len(persons) > 100
    for person, outcome in persons:
        assert (outcome["engine"], outcome["skeleton"]) == ("hmr2", "smpl44")
        check_person(person, outcome, 5000 / 256 * outcome["width"])
    # The same box by hand gives the same body.
    table = posebus("export", "--store", store, "--format", "csv").output().splitlines()
    assert len(table[0].split(",")) == len(table[1].split(",")) == 18 + 6 * 44 and "h36m_head_z3d" in table[0]

    meshes = tmp_path / "meshes"
    program = posebus("export", "--store", store, "--format", "ply", "--out", meshes, "--hmr2-dir", folders["a"])
    assert program.status == 0, program.errors()
    assert len(list(meshes.glob("kicker-*.ply"))) == len(persons)
    person, outcome = persons[0]
    vertices, faces = read_ply(next(meshes.glob(f"kicker-{outcome['sequence']}-{person['track_id']}.ply")))
    assert vertices.shape == (6890, 3) and faces.shape == (13776, 3)
    camera = vertices * [1, -1, -1]
    # The mesh surrounds the joints where the camera sees them.
    joints = np.array(person["keypoints_3d"])[:25] + person["camera_translation"]
    assert (camera.min(axis=0) - 0.3 < joints).all() and (joints < camera.max(axis=0) + 0.3).all()


def read_ply(path):
    data = path.read_bytes()
    start = data.index(b"end_header\n") + 11
    vertices = np.frombuffer(data, np.float32, 6890 * 3, start).reshape(-1, 3)
    faces = np.frombuffer(data, np.dtype([("n", "u1"), ("v", "<i4", 3)]), 13776, start + 6890 * 12)
    assert (faces["n"] == 3).all() and start + 6890 * 12 + 13776 * 13 == len(data)
    return vertices, faces["v"]


def test_focal_length_by_stream(posebus, tmp_path, models, folders, clips):
    program, store = up(posebus, tmp_path, clips / "kicker.mp4", folders["b"], "--focal-length", "kicker=800",
                        "--focal-length", "500", "--precision", "fp32", "--device", "cpu")
    assert program.status == 0, program.errors()
    outcomes = exported(posebus, store)
    persons = [(person, outcome) for outcome in outcomes for person in outcome["persons"]]
    assert persons
    for person, outcome in persons:
        check_person(person, outcome, 800)


def frame(clips, tmp_path):
    path = tmp_path / "frame.png"
    subprocess.run(["ffmpeg", "-v", "error", "-ss", "1", "-i", clips / "kicker.mp4", "-frames:v", "1", path], check=True)
    return path


def test_image_with_a_box_and_vertices(posebus, tmp_path, models, folders, clips):
    path = frame(clips, tmp_path)
    boxes = ["--box", "240,175,315,355", "--box", "10,10,100,200"]
    program = posebus("image", path, "--engine", "hmr2", "--hmr2-dir", folders["a"], *boxes, "--vertices", "--precision", "fp32")
    assert program.status == 0, program.errors()
    (line,) = program.output().splitlines()
    outcome = json.loads(line)
    assert len(outcome["persons"]) == len(outcome["vertices"]) == 2
    assert outcome["persons"][0]["bbox"] == [240, 175, 75, 180]
    assert np.shape(outcome["vertices"]) == (2, 6890, 3) and np.shape(outcome["faces"]) == (13776, 3)
    for person in outcome["persons"]:
        check_person(person, outcome, 5000 / 256 * 640)
    # SMPL's mesh closes: every edge belongs to two triangles.
    faces = np.array(outcome["faces"])
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    # Without boxes it finds the rider itself.
    program = posebus("image", path, "--engine", "hmr2", "--hmr2-dir", folders["a"])
    assert program.status == 0 and len(json.loads(program.output())["persons"]) == 1
    program = posebus("image", path, "--vertices")
    assert program.status == 64 and "--engine hmr2" in program.errors()


def refusal(posebus, tmp_path, folder, *options):
    """Standard error of a run that must fail, without a crash, and name its cause."""
    path = tmp_path / "any.jpg"
    path.write_bytes(jpegs(1)[0])
    program = posebus("image", path, "--engine", "hmr2", "--hmr2-dir", folder, "--box", "1,1,50,90",
                      *options)
    assert program.status == 1, (program.status, program.errors())
    assert program.output().strip() == ""
    return program.errors()


def test_a_truncated_checkpoint(posebus, tmp_path, models, folder):
    data = (folder / CHECKPOINT).read_bytes()
    for length in (0, 3, 1000, len(data) // 2, len(data) - 1):
        (folder / CHECKPOINT).write_bytes(data[:length])
        assert "epoch=35-step=1000000.ckpt" in refusal(posebus, tmp_path, folder)


def rewritten(folder, change):
    """The checkpoint with another pickle."""
    path = folder / CHECKPOINT
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["archive/data.pkl"] = change(members["archive/data.pkl"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def renamed(old, new):
    def change(data):
        assert old in data and len(old) == len(new)
        return data.replace(old, new)
    return change


def test_a_missing_tensor_is_named(posebus, tmp_path, models, folder):
    rewritten(folder, renamed(b"backbone.blocks.1.mlp.fc2.weight", b"backbone.blocks.1.mlp.fcX.weight"))
    assert "backbone.blocks.1.mlp.fc2.weight" in refusal(posebus, tmp_path, folder)


def test_a_tensor_of_another_shape_is_named_with_both_shapes(posebus, tmp_path, models, folder):
    # norm2.weight (32) and mlp.fc1.bias (128) change their names.
    def change(data):
        data = renamed(b"backbone.blocks.0.norm2.weight", b"backbone.blocks.0.normX.weight")(data)
        return data.replace(b"X\x1c\x00\x00\x00backbone.blocks.0.norm2.bias", b"X\x1e\x00\x00\x00backbone.blocks.0.norm2.weight")
    rewritten(folder, change)
    text = refusal(posebus, tmp_path, folder)
    assert "backbone.blocks.0.norm2" in text
    config = folder / CONFIGURATION
    rewritten(folder, renamed(b"smpl_head.deccam.bias", b"smpl_head.deccam.biaX"))
    assert config.exists()


def test_mis_shaped_readout(posebus, tmp_path, models, folder):
    rewritten(folder, lambda data: data.replace(b"smpl_head.decpose.weight", b"smpl_head.decXose.weight")
              .replace(b"smpl_head.decshape.weight", b"smpl_head.decXhape.weight")
              .replace(b"X\x18\x00\x00\x00smpl_head.decXose.weight", b"X\x19\x00\x00\x00smpl_head.decshape.weight")
              .replace(b"X\x19\x00\x00\x00smpl_head.decXhape.weight", b"X\x18\x00\x00\x00smpl_head.decpose.weight"))
    text = refusal(posebus, tmp_path, folder)
    assert "smpl_head.decpose.weight" in text and "[10, 32]" in text and "[144, 32]" in text


def test_a_pickle_that_would_run_a_command(posebus, tmp_path, models, folder):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/attacked",)

    (folder / "data/smpl/SMPL_NEUTRAL.pkl").write_bytes(pickle.dumps(Attack(), protocol=2))
    text = refusal(posebus, tmp_path, folder)
    assert "SMPL_NEUTRAL.pkl" in text
    rewritten(folder, lambda _: pickle.dumps({"state_dict": Attack()}, protocol=2))
    text = refusal(posebus, tmp_path, folder)
    assert "system" in text and ".ckpt" in text
    program = posebus("models", "add-smpl", folder / "data/smpl/SMPL_NEUTRAL.pkl", "--hmr2-dir", tmp_path / "new")
    assert program.status == 1 and not (tmp_path / "new").exists()
    assert not (tmp_path / "attacked").exists()


def test_a_deep_pickle_and_a_bomb(posebus, tmp_path, models, folder):
    (folder / "data/SMPL_to_J19.pkl").write_bytes(b"\x80\x02" + b"]" * 2**20 + b"a" * (2**20 - 1) + b".")
    assert "SMPL_to_J19.pkl" in refusal(posebus, tmp_path, folder)
    with zipfile.ZipFile(folder / CHECKPOINT, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 100_000_000)
    assert ".ckpt" in refusal(posebus, tmp_path, folder)


def test_a_tensor_that_lies_outside_its_storage(posebus, tmp_path, models, folder):
    # The first tensor is pos_embed, (1, 193, 32) of 6176 numbers: its offset is 0.
    count = struct.pack("<i", 6176)
    rewritten(folder, lambda data: data.replace(count + b"tQJ\0\0\0\0", count + b"tQJ\x01\0\0\0", 1))
    text = refusal(posebus, tmp_path, folder)
    assert "reaches to element 6176" in text


def test_the_configuration_of_another_model(posebus, tmp_path, models, folder):
    path = folder / CONFIGURATION
    text = path.read_text()
    # As TokenHMR's says.
    path.write_text(text.replace("TYPE: transformer_decoder", "TYPE: token"))
    found = refusal(posebus, tmp_path, folder)
    assert re.search(r"model_config.yaml:\d+: MODEL.SMPL_HEAD.TYPE is “token” where transformer_decoder", found)
    path.write_text("{" * 50)
    assert "model_config.yaml" in refusal(posebus, tmp_path, folder)


def test_missing_files_say_how_to_get_them(posebus, tmp_path, models, folder):
    (folder / "data/smpl/SMPL_NEUTRAL.pkl").unlink()
    text = refusal(posebus, tmp_path, folder)
    assert "smplify.is.tue.mpg.de" in text and "add-smpl" in text
    assert "posebus models fetch hmr2" in refusal(posebus, tmp_path, tmp_path / "nothing")
    program, _ = up(posebus, tmp_path, video(tmp_path / "clip.mp4", frames=5), tmp_path / "nothing")
    assert program.status == 78 and "posebus models fetch hmr2" in program.errors()


def test_half_precision_and_gpus_that_are_not_there(posebus, tmp_path, models, folders):
    assert "bf16" in refusal(posebus, tmp_path, folders["b"], "--precision", "fp16", "--device", "cpu")
    assert "GPUs" in refusal(posebus, tmp_path, folders["b"], "--device", "cuda:100")


def test_weights_that_are_no_numbers_are_drops_and_not_poses(posebus, tmp_path, models, folder, clips):
    path = folder / CHECKPOINT
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("archive/data/0").header_offset
    data = bytearray(path.read_bytes())
    first = data.index(b"archive/data/0", start) + 14
    first += struct.unpack_from("<H", data, start + 28)[0]
    data[first:first + 4] = struct.pack("<f", float("nan"))
    path.write_bytes(data)
    program, store = up(posebus, tmp_path, clips / "kicker.mp4", folder)
    outcomes = exported(posebus, store)
    check_complete(outcomes, 131)
    dropped = [outcome for outcome in outcomes if outcome["drop"]]
    assert {outcome["drop"]["reason"] for outcome in dropped} == {"inference_failed"}
    # Frames without a person need no network.
    assert len(dropped) > 100 and all(not outcome["persons"] for outcome in outcomes)


def test_add_smpl(posebus, tmp_path, folders):
    target = tmp_path / "new"
    program = posebus("models", "add-smpl", folders["b"] / "data/smpl/SMPL_NEUTRAL.pkl", "--hmr2-dir", target)
    assert program.status == 0, program.errors()
    assert (target / "data/smpl/SMPL_NEUTRAL.pkl").read_bytes() == (folders["b"] / "data/smpl/SMPL_NEUTRAL.pkl").read_bytes()
    program = posebus("models", "add-smpl", folders["b"] / "data/SMPL_to_J19.pkl", "--hmr2-dir", target)
    assert program.status == 1 and "SMPL_to_J19.pkl" in program.errors()


class Server(http.server.ThreadingHTTPServer):
    """Serves one file, in parts if asked, and can break off."""

    def __init__(self, data, ranges=True):
        self.data, self.ranges, self.break_after, self.requests = data, ranges, None, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hmr2_data.tar.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server, data = self.server, self.server.data
        asked = self.headers.get("Range")
        server.requests.append(asked)
        if not self.path.endswith("hmr2_data.tar.gz"):
            return self.send_error(404)
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if start >= len(data):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        stop, server.break_after = server.break_after, None
        self.wfile.write(data[start:stop])


@pytest.fixture(scope="session")
def official(folders, tmp_path_factory):
    """An archive as the official one: all but SMPL."""
    path = tmp_path_factory.mktemp("archive") / "hmr2_data.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for file in sorted(folders["b"].rglob("*")):
            if "smpl/" not in f"{file.relative_to(folders['b'])}/":
                archive.add(file, file.relative_to(folders["b"]), recursive=False)
    return path.read_bytes()


def fetched(target, folders):
    return all((target / name).read_bytes() == (folders["b"] / name).read_bytes()
               for name in (CHECKPOINT, CONFIGURATION, "data/SMPL_to_J19.pkl", "data/smpl_mean_params.npz"))


def leftovers(target):
    return [path.name for path in target.iterdir() if path.name not in ("data", "logs")]


def test_fetch_goes_on_where_it_was_interrupted(posebus, tmp_path, folders, official):
    server, target = Server(official), tmp_path / "new"
    digest = hashlib.sha256(official).hexdigest()
    command = ["models", "fetch", "hmr2", "--from", server.url, "--hmr2-dir", target, "--sha256", digest]
    try:
        server.break_after = len(official) // 3
        program = posebus(*command)
        assert program.status != 0 and "goes on from there" in program.errors()
        program = posebus(*command)
        assert program.status == 0, program.errors()
        assert server.requests[-1] == f"bytes={len(official) // 3}-"
    finally:
        server.shutdown()
    assert fetched(target, folders) and leftovers(target) == []
    # It says what is still to be had, and where.
    assert "smplify.is.tue.mpg.de" in program.errors() and digest in program.errors()


def test_fetch_from_a_server_that_cannot_go_on(posebus, tmp_path, folders, official):
    server, target = Server(official, ranges=False), tmp_path / "new"
    command = ["models", "fetch", "hmr2", "--from", server.url, "--hmr2-dir", target]
    try:
        server.break_after = 5000
        assert posebus(*command).status != 0
        program = posebus(*command)
        assert program.status == 0, program.errors()
    finally:
        server.shutdown()
    assert fetched(target, folders) and leftovers(target) == []


def test_fetch_of_a_file_and_of_wrong_ones(posebus, tmp_path, folders, official):
    target, file = tmp_path / "new", tmp_path / "a.tar.gz"
    file.write_bytes(official)

    def fetch(source, *options):
        return posebus("models", "fetch", "hmr2", "--from", source, "--hmr2-dir", target, *options)

    wrong = fetch(file, "--sha256", "0" * 64)
    assert wrong.status == 1 and "altered or damaged" in wrong.errors() and leftovers(target) == []
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.add(FIXTURES / "make_folder.py", "make_folder.py")
    other = fetch(tmp_path / "other.tar.gz")
    assert other.status == 1 and "not the archive of HMR2" in other.errors() and leftovers(target) == []
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        archive.add(FIXTURES / "make_folder.py", "../../evil.py")
    evil = fetch(tmp_path / "evil.tar.gz")
    assert evil.status == 1 and "leads out" in evil.errors() and not (tmp_path.parent / "evil.py").exists()
    server = Server(official)
    try:
        missing = fetch(server.url.replace("hmr2_data", "nothing"))
    finally:
        server.shutdown()
    assert missing.status == 69 and "HTTP 404" in missing.errors()
    assert fetch(file).status == 0
    assert fetched(target, folders) and leftovers(target) == []


def test_meshes_need_bodies(posebus, tmp_path, folders):
    store = tmp_path / "poses.sqlite"
    assert posebus("up", video(tmp_path / "clip.mp4", frames=5), "--engine", "none", "--store", store, "--ephemeral").status == 0
    program = posebus("export", "--store", store, "--format", "obj", "--hmr2-dir", folders["a"])
    assert program.status == 64 and "--out" in program.errors()


def test_benchmark(posebus, folders):
    program = posebus("bench", "hmr2", "--hmr2-dir", folders["a"], "--runs", "2", "--device", "cpu",
                      "--peer", "printf '0.5\\n0.7\\n'", deadline=300)
    assert program.status == 0, program.errors()
    for word in ("first answer", "GFLOP/s", "median of 2", "peer"):
        assert word in program.output()



@pytest.fixture(scope="session")
def phalp(tmp_path_factory):
    """PHALP's files with random weights, in small; not to be written to."""
    folder = tmp_path_factory.mktemp("phalp") / "phalp"
    subprocess.run([sys.executable, FIXTURES.parent / "phalp/make_folder.py", folder, "--size", "tiny"], check=True, timeout=300)
    return folder


def test_persons_are_told_apart_by_phalp(posebus, tmp_path, models, folders, phalp, clips):
    program, store = up(posebus, tmp_path, clips / "kicker.mp4", folders["b"], "--phalp-dir", phalp)
    outcomes = exported(posebus, store)
    check_complete(outcomes, 131)
    assert all(outcome["drop"] is None and outcome["persons"] for outcome in outcomes)
    assert {person["track_id"] for outcome in outcomes for person in outcome["persons"]} == {1}
    assert [outcome["persons"][0]["state"] for outcome in outcomes[:5]] == ["tentative"] * 4 + ["confirmed"]


def test_files_of_phalp_that_are_missing_or_damaged(posebus, tmp_path, models, folders, phalp, clips):
    damaged = Path(shutil.copytree(phalp, tmp_path / "phalp"))
    (damaged / "3D/bmap_256.npy").unlink()
    program, _ = up(posebus, tmp_path, clips / "kicker.mp4", folders["b"], "--phalp-dir", damaged)
    assert program.status != 0
    assert "bmap_256.npy is missing" in program.errors() and "curl" in program.errors()
    # Without them when they are not asked for.
    program, store = up(posebus, tmp_path, "test:?frames=3", folders["b"], "--phalp-dir", "none")
    assert program.status == 0, program.errors()

    damaged = Path(shutil.copytree(phalp, tmp_path / "cut"))
    weights = damaged / "weights/hmar_v2_weights.pth"
    weights.write_bytes(weights.read_bytes()[:5000])
    program, _ = up(posebus, tmp_path, clips / "kicker.mp4", folders["b"], "--phalp-dir", damaged)
    assert program.status != 0
    assert "hmar_v2_weights.pth" in program.errors()


def test_programs_built_without_libtorch_say_how_to_have_it(tmp_path, models, clips):
    """Where the part that is compiled against libtorch does not lie beside them. The light engine does not miss it."""
    for name in ("posebus-infer", "posebus-image"):
        shutil.copy(BIN / name, tmp_path)
    done = subprocess.run([tmp_path / "posebus-infer", "--engine", "hmr2"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert "built without libtorch" in done.stderr and "POSEBUS_TORCH=off" in done.stderr, done.stderr
    path = frame(clips, tmp_path)
    done = subprocess.run([tmp_path / "posebus-image", "--models", models, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and '"engine":"blazepose"' in done.stdout, done
