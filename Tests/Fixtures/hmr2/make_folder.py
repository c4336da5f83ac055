"""Writes a folder as 4D-Humans lays it out, with random weights: for tests, and to try engine `hmr2` without the real ones.

    python make_folder.py FOLDER                    # ViT-H as published: 2.7 GB
    python make_folder.py FOLDER --size tiny        # the same structure in small: a few MB
    python make_folder.py FOLDER --variant b        # mean-shape token, three iterations, moved hips, SMPL in its own file

Needs NumPy alone. Every number is a hash of its tensor's name and its place, so that each machine makes the same.
"""

import argparse
import pickle
import struct
import sys
import types
import zipfile
import zlib
from pathlib import Path

import numpy as np

VERTICES, RINGS, SEGMENTS = 6890, 82, 84
PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
# Rest places of SMPL's joints, roughly: metres, y up.
JOINTS = [
    (0, -.2, 0), (.07, -.3, 0), (-.07, -.3, 0), (0, -.1, 0), (.1, -.68, 0), (-.1, -.68, 0), (0, .03, 0), (.09, -1.1, 0),
    (-.09, -1.1, 0), (0, .08, 0), (.11, -1.16, .12), (-.11, -1.16, .12), (0, .3, 0), (.08, .2, 0), (-.08, .2, 0),
    (0, .38, 0), (.17, .22, 0), (-.17, .22, 0), (.43, .22, 0), (-.43, .22, 0), (.68, .22, 0), (-.68, .22, 0),
    (.77, .22, 0), (-.77, .22, 0),
]
SIZES = {
    "tiny": {"width": 32, "depth": 2, "heads": 4, "dim": 32, "layers": 2, "dim_head": 8, "mlp": 32, "dheads": 2},
    "full": {"width": 1280, "depth": 32, "heads": 16, "dim": 1024, "layers": 6, "dim_head": 64, "mlp": 1024, "dheads": 8},
}


def noise(name: str, count: int) -> np.ndarray:
    """Numbers of mean 0 and deviation 1, evenly spread: the finaliser of SplitMix64 over name and place."""
    result = np.empty(count, dtype=np.float32)
    seed = np.uint64(zlib.crc32(name.encode()))
    with np.errstate(over="ignore"):
        for first in range(0, count, 1 << 22):
            places = np.arange(first, min(count, first + (1 << 22)), dtype=np.uint64)
            z = seed * np.uint64(0x9E3779B97F4A7C15) + places * np.uint64(0xD1342543DE82EF95)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            result[first:first + len(places)] = ((z >> np.uint64(11)).astype(np.float64) / 2**53 - 0.5) * 12**0.5
    return result


def body() -> dict:
    """A model of SMPL's structure: each bone a part of one closed surface of 6,890 vertices and 13,776 triangles."""
    rings = np.linspace(0, np.pi, RINGS + 2)[1:-1]
    turns = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    points = [(0.0, 0.62, 0.0)]
    for ring in rings:
        points += [(0.22 * np.sin(ring) * np.cos(t), -0.35 + 0.9 * np.cos(ring), 0.13 * np.sin(ring) * np.sin(t)) for t in turns]
    template = np.array([*points, (0.0, -1.25, 0.0)])
    faces = []
    for s in range(SEGMENTS):
        n = (s + 1) % SEGMENTS
        faces += [(0, 1 + n, 1 + s), (VERTICES - 1, VERTICES - 1 - SEGMENTS + s, VERTICES - 1 - SEGMENTS + n)]
        for r in range(RINGS - 1):
            a, b = 1 + r * SEGMENTS, 1 + (r + 1) * SEGMENTS
            faces += [(a + s, a + n, b + s), (a + n, b + n, b + s)]
    distance = np.linalg.norm(template[:, None] - np.array(JOINTS)[None], axis=2)
    weights = np.exp(-(distance / 0.12) ** 2) + 1e-9
    regressor = np.zeros((24, VERTICES))
    for joint in range(24):
        nearest = np.argsort(distance[:, joint])[:32]
        regressor[joint, nearest] = 1 / 32
    extra = np.zeros((19, VERTICES))
    for row in range(19):
        extra[row, np.argsort(distance[:, (row * 5 + 1) % 24])[:16]] = 1 / 16
    return {
        "v_template": template, "shapedirs": noise("shapedirs", VERTICES * 30).reshape(VERTICES, 3, 10) * 0.01,
        "posedirs": noise("posedirs", VERTICES * 621).reshape(VERTICES, 3, 207) * 0.001, "J_regressor": regressor,
        "weights": weights / weights.sum(axis=1, keepdims=True), "extra": extra,
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(24)], dtype=np.uint32),
        "f": np.array(faces, dtype=np.uint32),
    }


def shapes(size: dict, variant: str) -> dict:
    """The network's tensors by their names, each with its shape and the spread of its numbers."""
    c, d, m = size["width"], size["dim"], size["mlp"]
    inner = size["dheads"] * size["dim_head"]
    all_: dict = {}

    def linear(name: str, rows: int, columns: tuple, bias: bool = True, spread: float = 0.7) -> None:
        all_[f"{name}.weight"] = ((rows, *columns), spread / np.sqrt(np.prod(columns)), 0)
        if bias:
            all_[f"{name}.bias"] = ((rows,), 0.05, 0)

    def norm(name: str, width: int) -> None:
        all_[f"{name}.weight"] = ((width,), 0.1, 1)
        all_[f"{name}.bias"] = ((width,), 0.1, 0)

    all_["backbone.pos_embed"] = ((1, 193, c), 0.3, 0)
    linear("backbone.patch_embed.proj", c, (3, 16, 16))
    for i in range(size["depth"]):
        name = f"backbone.blocks.{i}"
        norm(f"{name}.norm1", c)
        linear(f"{name}.attn.qkv", 3 * c, (c,))
        linear(f"{name}.attn.proj", c, (c,))
        norm(f"{name}.norm2", c)
        linear(f"{name}.mlp.fc1", 4 * c, (c,))
        linear(f"{name}.mlp.fc2", c, (4 * c,))
    norm("backbone.last_norm", c)
    root = "smpl_head.transformer"
    all_[f"{root}.pos_embedding"] = ((1, 1, d), 1, 0)
    linear(f"{root}.to_token_embedding", d, (157 if variant == "b" else 1,))
    for i in range(size["layers"]):
        name = f"{root}.transformer.layers.{i}"
        for part in range(3):
            norm(f"{name}.{part}.norm", d)
        linear(f"{name}.0.fn.to_qkv", 3 * inner, (d,), bias=False)
        linear(f"{name}.0.fn.to_out.0", d, (inner,))
        linear(f"{name}.1.fn.to_kv", 2 * inner, (c,), bias=False)
        linear(f"{name}.1.fn.to_q", inner, (d,), bias=False)
        linear(f"{name}.1.fn.to_out.0", d, (inner,))
        linear(f"{name}.2.fn.net.0", m, (d,))
        linear(f"{name}.2.fn.net.3", d, (m,))
    linear("smpl_head.decpose", 144, (d,), spread=0.1)
    linear("smpl_head.decshape", 10, (d,), spread=0.2)
    linear("smpl_head.deccam", 3, (d,), spread=0.02)
    linear("discriminator.D_conv1", 32, (9, 1, 1))
    return all_


def mean_parameters() -> dict:
    pose = np.tile(np.array([1, 0, 0, 0, 1, 0], dtype=np.float32), 24)
    # Upright in front of a camera whose y points down: half a turn about x.
    pose[:6] = [1, 0, 0, 0, -1, 0]
    return {"pose": pose + noise("pose", 144) * 0.03, "shape": noise("shape", 10) * 0.2,
            "cam": np.array([0.9, 0.01, 0.05], dtype=np.float32)}


class Pickler:
    """The opcodes of protocol 2 that torch.save writes for a checkpoint."""

    def __init__(self) -> None:
        self.out = bytearray(b"\x80\x02")
        self.storages: list = []

    def text(self, value: str) -> None:
        data = value.encode()
        self.out += b"X" + struct.pack("<I", len(data)) + data

    def integer(self, value: int) -> None:
        self.out += b"J" + struct.pack("<i", value)

    def tuple(self, values: tuple) -> None:
        self.out += b"("
        for value in values:
            self.integer(value)
        self.out += b"t"

    def name(self, module: str, name: str) -> None:
        self.out += f"c{module}\n{name}\n".encode()

    def tensor(self, shape: tuple, kind: str, numbers) -> None:
        """`numbers` is called when the bytes are written: a whole checkpoint need not fit in memory."""
        strides = tuple(int(np.prod(shape[i + 1:])) for i in range(len(shape)))
        self.name("torch._utils", "_rebuild_tensor_v2")
        self.out += b"(("
        self.text("storage")
        self.name("torch", kind)
        self.text(str(len(self.storages)))
        self.text("cpu")
        self.integer(int(np.prod(shape)))
        self.out += b"tQ"
        self.integer(0)
        self.tuple(shape)
        self.tuple(strides)
        self.out += b"\x89"
        self.name("collections", "OrderedDict")
        self.out += b")RtR"
        self.storages.append(numbers)


def write_checkpoint(path: Path, size: dict, variant: str, numbers: dict) -> None:
    p = Pickler()
    p.out += b"}("
    p.text("epoch")
    p.integer(35)
    p.text("global_step")
    p.integer(1000000)
    p.text("pytorch-lightning_version")
    p.text("1.8.1")
    p.text("state_dict")
    p.name("collections", "OrderedDict")
    p.out += b")R("
    for name, (shape, spread, shift) in shapes(size, variant).items():
        p.text(name)
        p.tensor(shape, "FloatStorage", lambda n=name, s=shape, k=spread, o=shift:
                 noise(n, int(np.prod(s))) * np.float32(k) + np.float32(o))
    buffers: dict = {f"smpl_head.init_{key}": value[None] for key, value in zip(
        ("body_pose", "betas", "cam"), mean_parameters().values())}
    if variant == "a":
        buffers |= {
            "smpl.v_template": numbers["v_template"], "smpl.shapedirs": numbers["shapedirs"],
            "smpl.posedirs": numbers["posedirs"].reshape(-1, 207).T, "smpl.J_regressor": numbers["J_regressor"],
            "smpl.lbs_weights": numbers["weights"], "smpl.joint_regressor_extra": numbers["extra"],
            "smpl.parents": np.array(PARENTS, dtype=np.int64), "smpl.faces_tensor": numbers["f"].astype(np.int64),
        }
    for name, value in buffers.items():
        value = np.ascontiguousarray(value, dtype=np.int64 if value.dtype.kind in "iu" else np.float32)
        p.text(name)
        p.tensor(value.shape, "LongStorage" if value.dtype == np.int64 else "FloatStorage", lambda v=value: v)
    p.out += b"u"
    p.text("hyper_parameters")
    p.out += b"}("
    p.text("cfg")
    p.name("yacs.config", "CfgNode")
    p.out += b")\x81("
    p.text("task_name")
    p.text("train")
    p.out += b"uuu."
    write_torch(path, p)


def write_torch(path: Path, p: Pickler) -> None:
    """The file that torch.save writes: the finished pickle and its storages."""
    large = len(p.storages) > 400 and sys.stderr.isatty()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        def member(name: str, data) -> None:
            info = zipfile.ZipInfo(f"archive/{name}")
            start = archive.fp.tell() + 30 + len(info.filename) + 4
            padding = -start % 64
            info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
            archive.writestr(info, data)
        member("data.pkl", bytes(p.out))
        member("byteorder", b"little")
        for key, storage in enumerate(p.storages):
            member(f"data/{key}", storage().tobytes())
            if large:
                print(f"\r{key + 1} of {len(p.storages)} tensors", end="", file=sys.stderr)
        member("version", b"3\n")


def write_smpl(path: Path, numbers: dict) -> None:
    """As the owners publish it: chumpy and SciPy objects, named without having those libraries."""
    def stand_in(module: str, name: str) -> type:
        kind = type(name, (object,), {"__module__": module})
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
        setattr(sys.modules[module], name, kind)
        return kind

    saved = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ("chumpy", "scipy")}
    for name in saved:
        del sys.modules[name]
    try:
        array, matrix = stand_in("chumpy.ch", "Ch"), stand_in("scipy.sparse.csc", "csc_matrix")

        def chumpy(values: np.ndarray) -> object:
            result = array()
            result.__dict__ = {"x": values, "_dirty_vars": set(), "_itr": None}
            return result

        dense = numbers["J_regressor"]
        rows, columns = np.nonzero(dense.T)[::-1], np.count_nonzero(dense, axis=0)
        regressor = matrix()
        regressor.__dict__ = {
            "_shape": dense.shape, "maxprint": 50, "data": dense.T[dense.T != 0], "indices": rows[0].astype(np.int32),
            "indptr": np.concatenate([[0], np.cumsum(columns)]).astype(np.int32),
        }
        content = {key: numbers[key] for key in ("kintree_table", "f", "posedirs")} | {
            "v_template": chumpy(numbers["v_template"]), "shapedirs": chumpy(numbers["shapedirs"]),
            "weights": chumpy(numbers["weights"]), "J_regressor": regressor, "bs_style": "lbs", "bs_type": "lrotmin"}
        path.write_bytes(pickle.dumps(content, protocol=2))
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in ("chumpy", "scipy")]:
            del sys.modules[name]
        sys.modules.update(saved)


def configuration(size: dict, variant: str) -> str:
    heads = "" if size["heads"] == 16 else f"\n    NUM_HEADS: {size['heads']}"
    dim = "" if size["dim"] == 1024 else f"\n      dim: {size['dim']}"
    head = "\n    TRANSFORMER_INPUT: mean_shape\n    IEF_ITERS: 3" if variant == "b" else ""
    return f"""task_name: train
SMPL:
  DATA_DIR: data
  MODEL_PATH: data/smpl
  GENDER: neutral
  NUM_BODY_JOINTS: 23
  JOINT_REGRESSOR_EXTRA: data/SMPL_to_J19.pkl
  MEAN_PARAMS: data/smpl_mean_params.npz{chr(10) + '  UPDATE_HIPS: true' if variant == 'b' else ''}
EXTRA:
  FOCAL_LENGTH: 5000
  PELVIS_IND: 39
MODEL:
  IMAGE_SIZE: 256
  IMAGE_MEAN:
  - 0.485
  - 0.456
  - 0.406
  IMAGE_STD:
  - 0.229
  - 0.224
  - 0.225
  BACKBONE:
    TYPE: vit{heads}
  SMPL_HEAD:
    TYPE: transformer_decoder
    IN_CHANNELS: 2048{head}
    TRANSFORMER_DECODER:
      depth: {size['layers']}
      heads: {size['dheads']}
      mlp_dim: {size['mlp']}
      dim_head: {size['dim_head']}{dim}
      dropout: 0.0
      emb_dropout: 0.0
      norm: layer
      context_dim: {size['width']}
LOSS_WEIGHTS:
  ADVERSARIAL: 0
"""


def make(folder: Path, size: str = "full", variant: str = "a") -> None:
    run = folder / "logs/train/multiruns/hmr2/0"
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "data/smpl").mkdir(parents=True, exist_ok=True)
    numbers = body()
    (run / "model_config.yaml").write_text(configuration(SIZES[size], variant))
    (folder / "data/SMPL_to_J19.pkl").write_bytes(pickle.dumps(numbers["extra"], protocol=2))
    np.savez(folder / "data/smpl_mean_params.npz", **mean_parameters())
    write_smpl(folder / "data/smpl/SMPL_NEUTRAL.pkl", numbers)
    write_checkpoint(run / "checkpoints/epoch=35-step=1000000.ckpt", SIZES[size], variant, numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--variant", choices=("a", "b"), default="a")
    arguments = parser.parse_args()
    make(arguments.folder, arguments.size, arguments.variant)
    print(f"\nwrote {arguments.folder}; use it with --engine hmr2 --hmr2-dir {arguments.folder}", file=sys.stderr)
