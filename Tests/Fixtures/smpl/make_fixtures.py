"""Writes what smplx and 4D-Humans' joint map make of a hundred random bodies, for the tests of SMPL.

    python -m venv venv && venv/bin/pip install numpy scipy torch safetensors smplx setuptools six
    venv/bin/pip install --no-build-isolation chumpy
    venv/bin/python make_fixtures.py

The real model may not be published. This one has its structure (6,890 vertices, the real skeleton, dense directions) and
numbers from a hash that the tests compute again, so that no file of 20 MB is needed.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import sparse
from smplx import SMPLLayer
from smplx.lbs import vertices2joints
from smplx.utils import Struct

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "checkpoints"))
from make_fixtures import chumpy, python2

VERTICES = 6890
PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
OPENPOSE = [24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34]


def noise(seed: int, count: int) -> np.ndarray:
    """Numbers in -0.5 ..< 0.5: the finaliser of SplitMix64 over seed and place."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.arange(count, dtype=np.uint64) * np.uint64(
            0xD1342543DE82EF95)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / 2**53 - 0.5


def regressor(seed: int, rows: int, vertices: int) -> np.ndarray:
    """Each row is the mean of eight vertices."""
    matrix = np.zeros((rows, vertices))
    places = np.floor((noise(seed, rows * 8) + 0.5) * vertices).astype(int).reshape(rows, 8)
    for row, chosen in enumerate(places):
        for place in chosen:
            matrix[row, place] += 1 / 8
    return matrix


def model(vertices: int, betas: int = 10) -> dict:
    """The numbers of one model."""
    weights = (noise(5, vertices * 24).reshape(vertices, 24) + 0.5) ** 8
    return {
        "v_template": noise(1, vertices * 3).reshape(vertices, 3) * [0.5, 1.7, 0.3],
        "shapedirs": noise(2, vertices * 3 * betas).reshape(vertices, 3, betas) * 0.05,
        "posedirs": noise(3, vertices * 3 * 207).reshape(vertices, 3, 207) * 0.02,
        "J_regressor": regressor(4, 24, vertices), "weights": weights / weights.sum(axis=1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(24)], dtype=np.uint32),
        "f": (np.arange(60).reshape(20, 3) % vertices).astype(np.uint32), "bs_style": "lbs", "bs_type": "lrotmin",
    }


def rotations(generator: torch.Generator, count: int) -> torch.Tensor:
    """Random turns of up to about a radian about each axis."""
    vectors = torch.randn(count * 24, 3, generator=generator) * 0.6
    skew = torch.zeros(count * 24, 3, 3)
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -vectors[:, 2], vectors[:, 1], -vectors[:, 0]
    skew = skew - skew.transpose(1, 2)
    return torch.linalg.matrix_exp(skew.double()).float().reshape(count, 24, 3, 3)


def run(numbers: dict, betas: torch.Tensor, turns: torch.Tensor) -> object:
    layer = SMPLLayer("unused", data_struct=Struct(**numbers), num_betas=10, gender="neutral",
                      vertex_ids=None if len(numbers["v_template"]) == VERTICES else dict.fromkeys(
                          __import__("smplx").vertex_ids.vertex_ids["smplh"], 0))
    with torch.no_grad():
        return layer(betas=betas, body_pose=turns[:, 1:], global_orient=turns[:, :1], pose2rot=False)


def main() -> None:
    generator = torch.Generator().manual_seed(6)
    count = 100
    betas = torch.randn(count, 10, generator=generator) * 1.5
    turns = rotations(generator, count)
    numbers = model(VERTICES)
    out = run(numbers, betas, turns)
    extra = vertices2joints(torch.tensor(regressor(7, 19, VERTICES), dtype=torch.float32), out.vertices)
    body = out.joints[:, OPENPOSE]
    moved = body.clone()
    moved[:, [9, 12]] = body[:, [9, 12]] + 0.25 * (body[:, [9, 12]] - body[:, [12, 9]]) + 0.5 * (
        body[:, [8]] - 0.5 * (body[:, [9, 12]] + body[:, [12, 9]]))
    some = torch.arange(0, VERTICES, 431)
    save_file({
        "betas": betas, "rotations": turns, "joints": out.joints[:, :24].contiguous(),
        "vertex_places": some, "vertices": out.vertices[:, some].contiguous(),
        "keypoints": torch.cat([body, extra], dim=1), "keypoints_hips": torch.cat([moved, extra], dim=1)[:2].contiguous(),
    }, FOLDER / "bodies.safetensors")

    # A published file in small, as Python 2 wrote it: chumpy, SciPy, more betas than are used.
    small = model(12, betas=16)
    out = run(small | {"shapedirs": small["shapedirs"][:, :, :10]}, betas[:3], turns[:3])
    published = small | {
        "J_regressor": sparse.csc_matrix(small["J_regressor"]), "v_template": chumpy.array(small["v_template"]),
        "shapedirs": chumpy.array(small["shapedirs"]), "weights": chumpy.array(small["weights"]),
    }
    (FOLDER / "small.pkl").write_bytes(python2(published, 2))
    save_file({"joints": out.joints[:, :24].contiguous(), "vertices": out.vertices.contiguous()}, FOLDER / "small.safetensors")


if __name__ == "__main__":
    main()
