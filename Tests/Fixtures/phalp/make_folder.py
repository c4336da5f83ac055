"""Writes a folder as PHALP lays out its cache, with random weights: for tests, and to try the tracker without the real ones.

    python make_folder.py FOLDER                    # the pose transformer in LART's published size: 300 MB
    python make_folder.py FOLDER --size tiny        # the same structure in small

The texture's map fits the mesh that ../hmr2/make_folder.py writes. Needs NumPy alone. Every number is a hash of its
tensor's name and its place, so that each machine makes the same.
"""

import argparse
import importlib.util
import pickle
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("make_hmr2_folder", HERE.parent / "hmr2/make_folder.py")
hmr2 = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hmr2)
noise = hmr2.noise

POSE = 229
SIZES = {
    "tiny": {"width": 16, "frames": 25, "heads": 2, "head": 8, "depth": 2, "mlp": 24, "middle": 12, "regressor": 20,
             "channels": [4, 8, 8, 8, 8, 16]},
    "full": {"width": 512, "frames": 125, "heads": 16, "head": 64, "depth": 16, "mlp": 512, "middle": 229,
             "regressor": 1024, "channels": [16, 64, 128, 256, 256, 16]},
}
CONVOLUTIONS = ["conv1x", "conv2", "conv3", "conv4", "conv5", "conv5_1"]


class Shapes(dict):
    """Tensors by their names, each with its shape, the spread of its numbers and their mean."""

    def linear(self, name: str, rows: int, *columns: int, bias: bool = True, spread: float = 0.7) -> None:
        self[f"{name}.weight"] = ((rows, *columns), spread / np.sqrt(np.prod(columns)), 0)
        if bias:
            self[f"{name}.bias"] = ((rows,), 0.05, 0)

    def norm(self, name: str, width: int) -> None:
        self[f"{name}.weight"] = ((width,), 0.1, 1)
        self[f"{name}.bias"] = ((width,), 0.1, 0)


def predictor_shapes(size: dict) -> Shapes:
    w, inner, all_ = size["width"], size["heads"] * size["head"], Shapes()

    def transformer(name: str, depth: int) -> None:
        for i in range(depth):
            layer = f"encoder.{name}.layers.{i}"
            all_.norm(f"{layer}.0.norm", w)
            all_.linear(f"{layer}.0.fn.to_qkv", 3 * inner, w, bias=False)
            all_.linear(f"{layer}.0.fn.to_out.0", w, inner)
            all_.norm(f"{layer}.1.norm", w)
            all_.linear(f"{layer}.1.fn.net.0", size["mlp"], w)
            all_.linear(f"{layer}.1.fn.net.3", w, size["mlp"])

    all_["encoder.mask_token"] = ((w,), 0.5, 0)
    all_["encoder.class_token"] = ((1, 1, w), 0.5, 0)
    if w > 100:
        all_["encoder.pos_embedding"] = all_["encoder.pe"] = ((10000, w), 0.5, 0)
    for i in (1, 2):
        all_[f"encoder.pos_embedding_learned{i}"] = ((1, size["frames"], w), 0.5, 0)
    transformer("transformer", 1)  # nothing uses it, there as here
    transformer("transformer1", size["depth"])
    transformer("transformer2", 1)
    for name in ("conv_en", "conv_de"):
        all_.linear(f"encoder.{name}", w, w, 7)
    all_.linear("encoder.pose_shape_encoder.0", size["middle"], POSE)
    all_.linear("encoder.pose_shape_encoder.2", w, size["middle"])
    head, r = "encoder.smpl_head.0", size["regressor"]
    all_.linear(f"{head}.fc1", r, w + 157)
    all_.linear(f"{head}.fc2", r, r)
    for name, count, spread in (("decpose", 144, 0.3), ("decshape", 10, 0.3), ("deccam", 3, 0.1)):
        all_.linear(f"{head}.{name}", count, r, spread=spread)
    for i, rows in ((0, w), (2, w), (4, 3)):
        all_.linear(f"encoder.loca_head.0.{i}", rows, w)
    all_.linear("encoder.action_head_ava.0.0", 60, w)
    return all_


def appearance_shapes(size: dict) -> Shapes:
    all_, before = Shapes(), 4
    all_.linear("hmar.backbone.conv1", 8, 3, 7, 7, bias=False)
    for name, channels in zip(CONVOLUTIONS, size["channels"]):
        all_.linear(f"hmar.encoding_head.{name}", channels, before, 3, 3, spread=1.6)
        before = channels
    all_.linear("hmar.texture_head.decoder.conv_img", 2, 8, 3, 3)
    return all_


def write(path: Path, key: str, shapes: Shapes, buffers: dict) -> None:
    p = hmr2.Pickler()
    p.out += b"}("
    p.text("epoch")
    p.integer(9)
    p.text(key)
    p.name("collections", "OrderedDict")
    p.out += b")R("
    for name, (shape, spread, shift) in shapes.items():
        p.text(name)
        p.tensor(shape, "FloatStorage", lambda n=name, s=shape, k=spread, o=shift:
                 noise(n, int(np.prod(s))) * np.float32(k) + np.float32(o))
    for name, value in buffers.items():
        p.text(name)
        p.tensor(value.shape, "FloatStorage", lambda v=value: v.astype(np.float32))
    p.out += b"uu."
    hmr2.write_torch(path, p)


def configuration(size: dict) -> str:
    return f"""task_name: '40006'
train: true
configs:
  frame_length: {size['frames']}
  max_people: 5
  num_smpl_heads: 1
  in_feat: {size['width']}
  mask_ratio: 0.4
  mask_type: random
  mask_type_test: zero
  ava:
    num_action_classes: 80
    num_valid_action_classes: 60
    predict_valid: true
  extra_feat:
    enable: ''
    pose_shape:
      dim: {POSE}
      mid_dim: {size['middle']}
      en_dim: {size['width']}
  transformer:
    depth: {size['depth']}
    heads: {size['heads']}
    mlp_dim: {size['mlp']}
    dim_head: {size['head']}
    dropout: 0.1
    emb_dropout: 0.1
    droppath: 0.4
    conv:
      pad: 1
      stride: 5
"""


def statistics() -> np.ndarray:
    """Mean and deviation of all but the place, (2, 1, 226)."""
    mean = noise("mean", 226).astype(np.float64) * 0.3
    deviation = 0.3 + 0.1 * np.abs(noise("deviation", 226).astype(np.float64))
    return np.stack([mean, deviation])[:, None]


def atlas(rings: int, segments: int) -> tuple[np.ndarray, np.ndarray]:
    """Which triangle of a mesh of rings each texel lies in (256, 256), -1 for none, and where in it (256, 256, 3).

    The mesh's order is that of ../hmr2/make_folder.py. Sums, products and quotients only, so that everybody's are alike.
    """
    rows, columns = np.mgrid[0:256, 0:256].astype(np.float64)
    u, v = (columns - 7.5) * segments / 240, (rows - 7.5) * (rings - 1) / 240
    inside = (u >= 0) & (u < segments) & (v >= 0) & (v < rings - 1)
    s, r = np.floor(u), np.floor(v)
    fu, fv = u - s, v - r
    first = fu + fv <= 1
    face = s * (2 + 2 * (rings - 1)) + 2 + 2 * r + np.where(first, 0, 1)
    weights = np.where(first[..., None], np.stack([1 - fu - fv, fu, fv], axis=2), np.stack([1 - fv, fu + fv - 1, 1 - fu], axis=2))
    return np.where(inside, face, -1).astype(np.int64), np.where(inside[..., None], weights, 0).astype(np.float32)


def make(folder: Path, size: str = "full", rings: int = hmr2.RINGS, segments: int = hmr2.SEGMENTS) -> None:
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    (folder / "3D").mkdir(parents=True, exist_ok=True)
    mean = hmr2.mean_parameters()
    write(folder / "weights/hmar_v2_weights.pth", "model", appearance_shapes(SIZES[size]), {})
    write(folder / "weights/pose_predictor.pth", "state_dict", predictor_shapes(SIZES[size]), {
        f"encoder.smpl_head.0.init_{key}": value[None] for key, value in zip(("body_pose", "betas", "cam"), mean.values())})
    (folder / "weights/pose_predictor.yaml").write_text(configuration(SIZES[size]))
    np.save(folder / "3D/mean_std.npy", statistics())
    np.savez(folder / "3D/smpl_mean_params.npz", **mean)
    faces, weights = atlas(rings, segments)
    np.save(folder / "3D/fmap_256.npy", faces)
    np.save(folder / "3D/bmap_256.npy", weights)


class Attack:
    def __reduce__(self):
        import os
        return os.system, ("touch /tmp/phalp-was-here",)


def fixtures() -> None:
    """What Tests/PHALPTests reads: the small folder without the texture's map, and files that are not as usual."""
    make(HERE / "tiny", "tiny")
    for name in ("fmap_256.npy", "bmap_256.npy"):
        (HERE / "tiny/3D" / name).unlink()
    objects = np.empty(2, dtype=object)
    objects[:] = list(statistics())
    np.save(HERE / "objects.npy", objects)
    np.save(HERE / "scalars.npy", statistics().astype(object))
    header = (HERE / "objects.npy").read_bytes()
    start = 10 + int.from_bytes(header[8:10], "little")
    (HERE / "attack.npy").write_bytes(header[:start] + pickle.dumps(Attack(), protocol=2))
    p = hmr2.Pickler()
    p.out = bytearray(pickle.dumps({"model": Attack()}, protocol=2))
    hmr2.write_torch(HERE / "attack.pth", p)
    # Another network's checkpoint, HMAR's for three channels, and one with a layer of another shape.
    three, wrong = Shapes(), Shapes()
    three.linear("hmar.encoding_head.conv1", 2, 3, 3, 3)
    wrong.linear("hmar.encoding_head.conv1x", 2, 4, 3, 3)
    wrong.linear("hmar.encoding_head.conv2", 2, 3, 3, 3)
    for name, shapes in (("other", Shapes({"hmar.fc.bias": ((2,), 1, 0)})), ("three_channels", three), ("wrong_shape", wrong)):
        write(HERE / f"{name}.pth", "model", shapes, {})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--fixtures", action="store_true", help="write what lies beside this script again")
    arguments = parser.parse_args()
    if arguments.fixtures:
        fixtures()
    else:
        make(arguments.folder, arguments.size)
        print(f"\nwrote {arguments.folder}", file=sys.stderr)
