"""What the public code of PHALP, and of 4D-Humans' track.py, makes of textures, crops and histories of poses.

    git clone https://github.com/brjathu/PHALP; git clone https://github.com/shubham-goel/4D-Humans
    python -m venv venv && venv/bin/pip install torch einops omegaconf scipy opencv-python-headless smplx
    venv/bin/python phalp_reference.py --code PHALP --hmr2-code 4D-Humans --phalp-dir FOLDER --output DIR
    venv/bin/python phalp_reference.py --code PHALP --hmr2-code 4D-Humans --golden   # writes ../Fixtures/phalp/golden.npz

Networks, textures, distances and mixing are the public code's own. Three things are not:
- what detects and draws (detectron2, pyrender, …) is replaced by nothing;
- neural_renderer needs CUDA to be installed at all: `depth_image` below stands in for its depth mode;
- `load_weights` of the pose transformer leaves `pose_shape_encoder` at PyTorch's random numbers, because it renames those
  tensors to names that nothing has (see Sources/PHALP/PosePredictor.swift). They are loaded here afterwards.
"""

import argparse
import copy
import os
import sys
import tempfile
import time
import types
from pathlib import Path
from types import SimpleNamespace as Namespace

import numpy as np

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "Fixtures/phalp"
sys.path.insert(0, str(FIXTURES))
import make_folder
from unused import Nothing

noise = make_folder.noise
UNUSED = ("hydra", "neural_renderer", "detectron2", "pycocotools", "scenedetect", "dill", "rich", "pytorch_lightning",
          "sklearn", "pyrender", "trimesh", "OpenGL", "torchvision", "pytube", "gdown", "yacs", "joblib", "webdataset", "braceexpand",
          "phalp.visualize", "phalp.utils.io", "phalp.utils.utils_detectron2", "hmr2.models", "hmr2.datasets")
# A mesh for the tests: small enough to lie beside them.
RINGS, SEGMENTS = 24, 28


def prepare(code: Path, hmr2_code: Path) -> None:
    sys.meta_path.insert(0, Nothing(UNUSED))
    filters = types.ModuleType("scipy.ndimage.filters")  # gone from SciPy; what draws uses it
    filters.gaussian_filter1d = None
    sys.modules["scipy.ndimage.filters"] = filters
    import torch
    load = torch.load
    torch.load = lambda *args, **options: load(*args, **{"weights_only": False, "map_location": "cpu"} | options)
    torch.Tensor.cuda = lambda self, *_, **__: self
    sys.path[:0] = [str(code), str(hmr2_code)]


# MARK: - Depth

def depth_image(vertices: np.ndarray, faces: np.ndarray, focal: float = 5000.0, size: int = 256) -> np.ndarray:
    """neural_renderer's depth mode in double precision, triangle by triangle.

    Its conventions (`projection.py`, `rasterize.py`, `cuda/rasterize_cuda_kernel.cu`): vertices are projected with
    K = [[f, 0, size/2], [0, f, size/2], [0, 0, 1]], v is turned upside down (size - v), both are scaled to -1…1; a pixel
    (xi, yi) is asked at ((2 xi + 1 - size) / size, (2 yi + 1 - size) / size); both sides are drawn (fill_back); edges
    belong to the triangle; weights are clamped to 0…1 and made to add up to 1; depth is 1 / sum(w / z); what is not
    between 0.1 and 100 is not drawn, and the background is 100; the image is turned upside down at the end.
    """
    near, far = 0.1, 100.0
    v = vertices.astype(np.float64)
    z = v[:, 2]
    x = 2 * (focal * v[:, 0] / (z + 1e-9) + size / 2 - size / 2) / size
    y = 2 * (size - (focal * v[:, 1] / (z + 1e-9) + size / 2) - size / 2) / size
    image = np.full((size, size), far)
    centres = (2 * np.arange(size) + 1 - size) / size
    for a, b, c in faces:
        px, py, pz = x[[a, b, c]], y[[a, b, c]], z[[a, b, c]]
        area = (px[1] - px[0]) * (py[2] - py[0]) - (py[1] - py[0]) * (px[2] - px[0])
        if area == 0 or not np.isfinite(area):
            continue
        columns = np.flatnonzero((centres >= px.min()) & (centres <= px.max()))
        rows = np.flatnonzero((centres >= py.min()) & (centres <= py.max()))
        if len(columns) == 0 or len(rows) == 0:
            continue
        xs, ys = centres[columns][None, :], centres[rows][:, None]
        w = [((px[j] - xs) * (py[k] - ys) - (px[k] - xs) * (py[j] - ys)) / area for j, k in ((1, 2), (2, 0), (0, 1))]
        inside = (w[0] >= 0) & (w[1] >= 0) & (w[2] >= 0)
        w = [np.clip(part, 0, 1) for part in w]
        total = w[0] + w[1] + w[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = 1 / sum(part / total / z_ for part, z_ in zip(w, pz))
        depth = np.where(inside & (depth > near) & (depth < far), depth, far)
        place = np.ix_(rows, columns)
        image[place] = np.minimum(image[place], depth)
    return image[::-1]


def mesh(rings: int, segments: int) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface in make_folder's order, bent so that it hides itself: vertices (V, 3) and triangles (F, 3)."""
    heights = np.linspace(0, np.pi, rings + 2)[1:-1]
    turns = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    points = [(0.0, 0.9, 0.0)]
    for h in heights:
        points += [(0.22 * np.sin(h) * np.cos(t), 0.85 * np.cos(h), 0.15 * np.sin(h) * np.sin(t)) for t in turns]
    points = np.array([*points, (0.0, -0.9, 0.0)])
    points[:, 0] += 0.25 * np.cos(4 * points[:, 1])
    points[:, 2] += 0.2 * np.sin(5 * points[:, 1])
    last, faces = len(points) - 1, []
    for s in range(segments):
        n = (s + 1) % segments
        faces += [(0, 1 + n, 1 + s), (last, last - segments + s, last - segments + n)]
        for r in range(rings - 1):
            a, b = 1 + r * segments, 1 + (r + 1) * segments
            faces += [(a + s, a + n, b + s), (a + n, b + n, b + s)]
    return points, np.array(faces)


def persons(rings: int, segments: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bodies in their crops' cameras, (count, V, 3); the second and every second after it is turned and out of the middle."""
    points, faces = mesh(rings, segments)
    result = []
    for index in range(count):
        turn = 0.9 * index
        c, s = np.cos(turn), np.sin(turn)
        turned = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) * [1, -1, 1]
        bumps = noise(f"bumps{index}", points.size).reshape(points.shape) * 0.002
        result.append(turned + bumps + [0.1 * (index % 2), -0.3 * (index % 2), 2 * 5000 / (256 * (0.85 - 0.1 * (index % 2)))])
    return np.stack(result).astype(np.float32), faces


def crops(count: int) -> np.ndarray:
    """Normalised pictures with a mask, (count, 4, 256, 256); the mask has values above 1 as the public code's has."""
    values = noise("crops", count * 4 * 65536).reshape(count, 4, 256, 256)
    values[:, 3] = np.where(values[:, 3] > -1, 255, 0)
    return values


# MARK: - The public code's parts

class HMARStub:
    """What of HMAR is computed here, made by the public code and loaded by its own `load_weights`."""

    def __init__(self, folder: Path) -> None:
        import torch
        from phalp.models.heads.encoding_head import EncodingHead
        from phalp.models.hmar.hmar import HMAR

        class Part(torch.nn.Module):
            load_weights, process_uv_image = HMAR.load_weights, HMAR.process_uv_image
            autoencoder_hmar = HMAR.autoencoder_hmar

        self.part = Part()
        self.part.cfg = Namespace(phalp=Namespace(encode_type="4c"))
        self.part.encoding_head = EncodingHead(self.part.cfg)
        path = folder / "weights/hmar_v2_weights.pth"
        state = torch.load(path)["model"]
        for name in make_folder.CONVOLUTIONS:
            # Its sizes are written into the public code; those of a small one are given here.
            shape = state[f"hmar.encoding_head.{name}.weight"].shape
            setattr(self.part.encoding_head, name, torch.nn.Conv2d(shape[1], shape[0], 3, padding=1))
        self.part.load_weights(path)
        self.part.eval()


def load_predictor(folder: Path):
    import torch
    from phalp.models.predictor.pose_transformer_v2 import Pose_transformer_v2
    cfg = Namespace(
        pose_predictor=Namespace(config_path=folder / "weights/pose_predictor.yaml", mean_std=folder / "3D/mean_std.npy"),
        SMPL=Namespace(NUM_BODY_JOINTS=23),
        MODEL=Namespace(SMPL_HEAD=Namespace(SMPL_MEAN_PARAMS=folder / "3D/smpl_mean_params.npz")))
    model = Pose_transformer_v2(cfg, Namespace(HMAR=Namespace(smpl=None)))
    path = folder / "weights/pose_predictor.pth"
    state = torch.load(path)["state_dict"]
    head, hidden = model.encoder.smpl_head[0], state["encoder.smpl_head.0.fc1.bias"].shape[0]
    if hidden != 1024:  # written into the public code
        for name in ("fc1", "fc2", "decpose", "decshape", "deccam"):
            shape = state[f"encoder.smpl_head.0.{name}.weight"].shape
            setattr(head, name, torch.nn.Linear(shape[1], shape[0]))
    model.load_weights(path)
    prefix = "encoder.pose_shape_encoder."
    before = {name: value.clone() for name, value in model.encoder.pose_shape_encoder.state_dict().items()}
    trained = {name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)}
    assert all(not torch.equal(before[name], trained[name]) for name in trained), "the public code loads them after all"
    model.encoder.pose_shape_encoder.load_state_dict(trained)
    return model.eval()


# MARK: - Runs

FRAMES = [[0, 0, 0, 0, 0, 0, 0], [3, 4, 5, 6, 7, 8, 9], [10, 11, 13, 17, 20, 24, 34]]
SINCE = [0, 2, 3]


def histories(count: int) -> np.ndarray:
    """Poses of `count` persons, (count, 7, 229)."""
    return noise("histories", count * 7 * 229).reshape(count, 7, 229) * np.float32(0.5)


def run_predictor(model, poses: np.ndarray, frames: list, since: list) -> dict:
    import torch
    results, encoder, depth = {}, model.encoder, len(model.encoder.transformer1.layers)
    hooks = []

    def keep(name):
        return lambda _, inputs, output=None: results.__setitem__(
            name, (inputs[0] if output is None else output).detach().clone().numpy())

    hooks.append(encoder.transformer1.layers[0][0].register_forward_pre_hook(keep("tokens")))
    for index in range(1, depth):
        hooks.append(encoder.transformer1.layers[index][0].register_forward_pre_hook(keep(f"transformer1_{index - 1}")))
    hooks.append(encoder.transformer1.register_forward_hook(keep(f"transformer1_{depth - 1}")))
    hooks.append(encoder.conv_en.register_forward_hook(keep("conv_en")))
    hooks.append(encoder.conv_de.register_forward_hook(keep("conv_de")))
    hooks.append(encoder.transformer2.register_forward_hook(keep("transformer2")))
    with torch.no_grad():
        pose = model.predict_next(torch.from_numpy(poses), None, torch.tensor(frames), np.array(since))
    for hook in hooks:
        hook.remove()
    # The one token that everybody's pose is read from.
    read = min(frames[0][-1] - frames[0][0] + since[0] + 1, model.cfg.frame_length - 1)
    results["transformer2"] = results["transformer2"][:, read]
    own = [model.predict_next(torch.from_numpy(poses[i:i + 1]), None, torch.tensor(frames[i:i + 1]), np.array(since[i:i + 1]))
           .detach().numpy()[0] for i in range(len(poses))]
    return results | {"pose": pose.numpy(), "pose_own": np.stack(own)}


def run_texture(hmar: HMARStub, folder: Path, vertices: np.ndarray, faces: np.ndarray, images: np.ndarray) -> dict:
    import torch
    from track import HMR2023TextureSampler
    depth = np.stack([depth_image(person, faces) for person in vertices])
    seen = torch.from_numpy(vertices)
    kept = {}

    def process(uv_image):
        kept["uv_image"] = uv_image.clone().numpy()  # it is changed in place
        return hmar.part.process_uv_image(uv_image)

    sampler = Namespace(
        model=lambda batch: {"pred_vertices": seen, "pred_cam_t": torch.zeros(len(seen), 3), "pred_smpl_params": None,
                             "pred_cam": None},
        smpl=Namespace(faces=faces), img_size=256, focal_length=5000.0,
        tex_bmap=torch.tensor(np.load(folder / "3D/bmap_256.npy"), dtype=torch.float),
        tex_fmap=torch.tensor(np.load(folder / "3D/fmap_256.npy"), dtype=torch.long),
        neural_renderer=lambda *_, **__: torch.from_numpy(depth.astype(np.float32)),
        hmar_old=Namespace(process_uv_image=process))
    with torch.no_grad():
        out = HMR2023TextureSampler.forward(sampler, torch.from_numpy(images.copy()))
        embedding = hmar.part.autoencoder_hmar(out["uv_vector"], en=True).flatten(1)
    return {"depth": depth.astype(np.float32), "uv_image": kept["uv_image"], "uv_vector": out["uv_vector"].numpy(),
            "embedding": embedding.numpy()}


def run_encoder(hmar: HMARStub, textures: np.ndarray) -> np.ndarray:
    import torch
    with torch.no_grad():
        return hmar.part.autoencoder_hmar(torch.from_numpy(textures), en=True).flatten(1).numpy()


def textures(count: int) -> np.ndarray:
    """Textures that show different parts, (count, 4, 256, 256)."""
    values = noise("textures", count * 4 * 65536).reshape(count, 4, 256, 256) * np.float32(0.2)
    values[:, 3] = np.where(values[:, 3] > -0.1, 1, -1)
    values[:, :3] *= values[:, 3:] > 0
    return values


def run_pairs(hmar: HMARStub, tracks: np.ndarray, detections: np.ndarray) -> dict:
    from phalp.trackers.PHALP import PHALP
    stub = Namespace(HMAR=hmar.part)
    distance = np.zeros((len(tracks), len(detections)))
    shared = np.zeros_like(distance)
    for i, track in enumerate(tracks):
        for j, detection in enumerate(detections):
            x, y, shared[i, j] = PHALP.get_uv_distance(stub, copy.deepcopy(track), copy.deepcopy(detection))
            distance[i, j] = np.sum((x - y) ** 2) * 100
    return {"distances": distance.astype(np.float32), "shared": shared.astype(np.float32)}


def run_mixing(old: np.ndarray, new: np.ndarray, confidence: float) -> np.ndarray:
    from phalp.external.deep_sort_.track import Track
    cfg = Namespace(phalp=Namespace(predict="TPL", alpha=0.1, track_history=7, n_init=5))
    data = {key: 0 for key in ("time", "appe", "loca", "pose")} | {"annotations": [], "conf": confidence}
    track = Track(cfg, 1, 5, 50, data | {"uv": old})
    track.update(Namespace(detection_data=data | {"uv": new}), 0, 0)
    return track.track_data["prediction"]["uv"][-1].astype(np.float32)


def run_all(folder: Path, rings: int, segments: int) -> tuple[dict, dict]:
    """Inputs and results by name."""
    hmar = HMARStub(folder)
    vertices, faces = persons(rings, segments, 2)
    maps = textures(3)
    results = run_texture(hmar, folder, vertices, faces, crops(2))
    results |= run_pairs(hmar, maps[:2], np.concatenate([maps[2:], results["uv_vector"]]))
    results["encoded"] = run_encoder(hmar, maps)
    results["mixed"] = run_mixing(maps[0], maps[1], 0.9)
    results |= run_predictor(load_predictor(folder), histories(len(FRAMES)), FRAMES, SINCE)
    return {"vertices": vertices, "faces": faces.astype(np.int32)}, results


def measure(folder: Path, repeat: int) -> None:
    import torch
    hmar, model = HMARStub(folder), load_predictor(folder)
    maps, poses = torch.from_numpy(textures(1)), torch.from_numpy(histories(1))
    with torch.no_grad():
        for name, work in (
            ("encoder", lambda: hmar.part.autoencoder_hmar(maps, en=True)),
            ("predictor", lambda: model.predict_next(poses, None, torch.tensor(FRAMES[1:2]), np.array([0]))),
        ):
            work()
            for _ in range(repeat):
                start = time.monotonic()
                work()
                print(name, f"{(time.monotonic() - start) * 1000:.2f}", flush=True)


def golden() -> None:
    """For the tests: results for the small folder, a part of each where it is large."""
    with tempfile.TemporaryDirectory() as folder:
        make_folder.make(Path(folder), "tiny", RINGS, SEGMENTS)
        inputs, results = run_all(Path(folder), RINGS, SEGMENTS)
    for name, step in (("depth", 3), ("uv_image", 7), ("uv_vector", 7), ("mixed", 7)):
        results[name] = results[name][..., ::step, ::step]
    for name in ("embedding", "encoded"):
        results[name] = results[name][:, ::5]
    np.savez_compressed(FIXTURES / "golden.npz", **inputs, **results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True, help="a clone of PHALP")
    parser.add_argument("--hmr2-code", type=Path, required=True, help="a clone of 4D-Humans")
    parser.add_argument("--golden", action="store_true")
    parser.add_argument("--phalp-dir", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repeat", type=int, default=0, help="measure the time of so many runs")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    prepare(arguments.code, arguments.hmr2_code)
    if arguments.golden:
        golden()
        sys.exit()
    import torch
    torch.set_num_threads(arguments.threads)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        for values in run_all(arguments.phalp_dir, make_folder.hmr2.RINGS, make_folder.hmr2.SEGMENTS):
            for name, value in values.items():
                np.save(arguments.output / f"{name}.npy", value)
    if arguments.repeat:
        measure(arguments.phalp_dir, arguments.repeat)
