"""Writes the files that the checkpoint readers are tested on, with what is in them as `expected.json`.

    python -m venv venv && venv/bin/pip install numpy scipy torch safetensors yacs omegaconf setuptools six
    venv/bin/pip install --no-build-isolation chumpy
    venv/bin/python make_fixtures.py

The originals write them: torch, NumPy, SciPy, chumpy and safetensors. Everything is seeded and tiny. Python 2's way of
pickling (`str` as bytes, old module names) is written by Python's own pickler with the instructions of those days.
"""

import collections
import inspect
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch
import yacs.config
from omegaconf import OmegaConf
from safetensors.torch import save_file
from scipy import sparse

# chumpy was last published for older Pythons and NumPys.
if not hasattr(inspect, "getargspec"):
    inspect.getargspec = inspect.getfullargspec  # type: ignore[attr-defined]
for _name, _type in {"bool": bool, "int": int, "float": float, "complex": complex, "object": object,
                     "str": str, "unicode": str, "nan": float("nan"), "inf": float("inf")}.items():
    if _name not in np.__dict__:
        setattr(np, _name, _type)
import chumpy

FOLDER = Path(__file__).parent
EXPECTED: dict[str, dict[str, dict]] = {}


def expect(file: str, path: str, array: np.ndarray, element_type: str) -> None:
    """Notes what a reader must find."""
    values = np.asarray(array, dtype=np.float64).reshape(-1)
    EXPECTED.setdefault(file, {})[path] = {
        "type": element_type, "shape": list(array.shape), "values": values.tolist(),
    }


def numpy_arrays() -> dict[str, tuple[np.ndarray, str]]:
    """One array of each kind that NumPy stores differently."""
    random = np.random.default_rng(1)
    return {
        "double": (random.standard_normal((2, 3)), "float64"),
        "single": (random.standard_normal((3, 1, 2)).astype(np.float32), "float32"),
        "half": (random.standard_normal(5).astype(np.float16), "float16"),
        "long": (random.integers(-(2**40), 2**40, (4,)), "int64"),
        "unsigned": (random.integers(0, 2**32, (2, 2)).astype(np.uint32), "uint32"),
        "byte": (random.integers(0, 256, (7,)).astype(np.uint8), "uint8"),
        "truth": (np.array([True, False, True]), "bool"),
        "fortran": (np.asfortranarray(random.standard_normal((3, 4))), "float64"),
        "big": (random.standard_normal((2, 2)).astype(">f4"), "float32"),
        "empty": (np.zeros((0, 3)), "float64"),
    }


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 wrote its `str`."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_str(self, value: str | bytes) -> None:
        data = value.encode("latin-1") if isinstance(value, str) else value
        if self.proto == 0:
            quoted = repr(data)[1:]
            self.write(b"S" + quoted.encode("ascii") + b"\n")
        elif len(data) < 256:
            self.write(b"U" + bytes([len(data)]) + data)
        else:
            self.write(b"T" + len(data).to_bytes(4, "little") + data)
        self.memoize(value)

    dispatch[str] = save_str
    dispatch[bytes] = save_str


def python2(value: object, protocol: int) -> bytes:
    """A pickle as Python 2 with the libraries of its time wrote it."""
    out = io.BytesIO()
    Python2Pickler(out, protocol=protocol, fix_imports=True).dump(value)
    return (out.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")
            .replace(b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n"))


def pickles() -> None:
    """Arrays and plain values in every protocol."""
    arrays = numpy_arrays()
    content = {name: array for name, (array, _) in arrays.items()}
    plain = {"text": "grün ✓", "latin": "grün", "number": 1.5, "large": 2**62, "negative": -3, "huge": 2**100, "none": None,
             "flag": True, "list": [1, 2, [3]], "tuple": (1, "two"), "set": {5}, "bytes": b"\x00\xff",
             "ordered": collections.OrderedDict(a=1, b=2), "scalar": np.float32(0.25)}
    for protocol in range(6):
        file = f"numpy{protocol}.pkl"
        (FOLDER / file).write_bytes(pickle.dumps(content | {"plain": plain}, protocol=protocol))
        for name, (array, kind) in arrays.items():
            expect(file, name, array, kind)
    for protocol in range(3):
        file = f"python2_{protocol}.pkl"
        texts = {"latin": "grün", "escapes": "'\"\\\n\t\x00\xff", "number": 7}
        (FOLDER / file).write_bytes(python2(content | {"plain": texts}, protocol))
        for name, (array, kind) in arrays.items():
            expect(file, name, array, kind)


def smpl_like() -> None:
    """The kinds of value in the published SMPL files: chumpy, SciPy, Python 2."""
    random = np.random.default_rng(2)
    template = random.standard_normal((6, 3))
    shapes = random.standard_normal((6, 3, 10))
    regressor = sparse.csc_matrix(np.where(random.random((4, 6)) < 0.4, random.random((4, 6)), 0))
    content = {
        "v_template": chumpy.array(template), "shapedirs": chumpy.array(shapes)[:, :, :4],
        "posedirs": random.standard_normal((6, 3, 9)), "weights": chumpy.array(random.random((6, 4))),
        "J_regressor": regressor, "f": random.integers(0, 6, (5, 3)).astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 2], [0, 1, 2, 3]], dtype=np.uint32),
        "bs_style": "lbs", "bs_type": "lrotmin",
    }
    for file, data in {
        "smpl_like_0.pkl": python2(content, 0), "smpl_like_2.pkl": python2(content, 2),
        "smpl_like_4.pkl": pickle.dumps(content, protocol=4),
    }.items():
        (FOLDER / file).write_bytes(data)
        expect(file, "v_template", template, "float64")
        expect(file, "shapedirs", shapes[:, :, :4], "float64")
        expect(file, "posedirs", content["posedirs"], "float64")
        expect(file, "weights", content["weights"].r, "float64")
        expect(file, "f", content["f"], "uint32")
        expect(file, "kintree_table", content["kintree_table"], "uint32")
        expect(file, "J_regressor dense", regressor.toarray(), "float64")


def torch_files() -> None:
    """State dictionaries, alone and in Lightning's wrapping, in both of torch's formats."""
    torch.manual_seed(3)
    base = torch.randn(4, 6)
    state = collections.OrderedDict(
        weight=torch.nn.Parameter(torch.randn(3, 5)), half=torch.randn(7).half(), brain=torch.randn(2, 3).bfloat16(),
        count=torch.tensor(12), flags=torch.tensor([True, False]), transposed=base.t(), row=base[2],
        repeated=torch.tensor([1.0, 2.0]).expand(3, 2), nothing=torch.zeros(0, 4),
    )
    hyper = yacs.config.CfgNode({"MODEL": {"IMAGE_SIZE": 256}})
    lightning = {
        "epoch": 35, "global_step": 1_000_000, "pytorch-lightning_version": "1.8.1", "state_dict": state,
        "hyper_parameters": {"cfg": hyper, "omega": OmegaConf.create({"a": [1, 2]})}, "optimizer_states": [],
    }
    kinds = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16", torch.int64: "int64",
             torch.bool: "bool"}
    for file, content, prefix in (
        ("torch.pt", state, ""), ("torch_legacy.pt", state, ""), ("lightning.ckpt", lightning, "state_dict."),
        ("lightning_legacy.ckpt", lightning, "state_dict."),
    ):
        torch.save(content, FOLDER / file, _use_new_zipfile_serialization="legacy" not in file)
        for name, tensor in state.items():
            expect(file, prefix + name, tensor.detach().double().numpy(), kinds[tensor.dtype])


def damaged_torch() -> None:
    """Files that are whole but lie."""
    # The tensor's size, as a tuple of one: (251,) becomes (252,). The storage keeps its 251.
    lying_torch("torch_outside.pt", torch.zeros(251), b"K\xfb\x85", b"K\xfc\x85")
    # The place in the storage of a tensor without elements: 250 becomes 2^31 - 1.
    lying_torch("torch_empty_outside.pt", torch.zeros(251)[250:250], b"K\xfaK\x00\x85", b"J\xff\xff\xff\x7fK\x00\x85")


def lying_torch(file: str, tensor: torch.Tensor, true: bytes, false: bytes) -> None:
    """A checkpoint of one tensor of which something is said that is not true."""
    torch.save({"weight": tensor}, FOLDER / file)
    packed = zipfile.ZipFile(FOLDER / file)
    members = {info.filename: packed.read(info) for info in packed.infolist()}
    packed.close()
    assert sum(true in data for data in members.values()) == 1
    with zipfile.ZipFile(FOLDER / file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data.replace(true, false))


def numpy_files() -> None:
    """`.npy` in all versions and `.npz` in both packings."""
    arrays = numpy_arrays()
    for version in ((1, 0), (2, 0), (3, 0)):
        for name in ("double", "fortran", "big"):
            file = f"{name}_v{version[0]}.npy"
            with open(FOLDER / file, "wb") as out:
                np.lib.format.write_array(out, arrays[name][0], version=version)
            expect(file, "array", *arrays[name])
    for file, save in {"stored.npz": np.savez, "deflated.npz": np.savez_compressed}.items():
        save(FOLDER / file, **{name: array for name, (array, _) in arrays.items()})
        for name, (array, kind) in arrays.items():
            expect(file, name, array, kind)


def safetensors_file() -> None:
    """One tensor of each common type."""
    torch.manual_seed(4)
    tensors = {"a.weight": torch.randn(2, 3), "b": torch.randn(4).bfloat16(), "c": torch.arange(5)}
    save_file(tensors, FOLDER / "tensors.safetensors", metadata={"format": "pt"})
    for (name, tensor), kind in zip(tensors.items(), ("float32", "bfloat16", "int64"), strict=True):
        expect("tensors.safetensors", name, tensor.double().numpy(), kind)


class Attack:
    """What a hostile pickle is made of."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.file}",)


if __name__ == "__main__":
    pickles()
    smpl_like()
    torch_files()
    damaged_torch()
    numpy_files()
    safetensors_file()
    (FOLDER / "attack.pkl").write_bytes(pickle.dumps({"v_template": Attack("executed-by-a-pickle")}, protocol=2))
    torch.save({"state_dict": {"weight": Attack("executed-by-a-pickle")}}, FOLDER / "attack.ckpt")
    (FOLDER / "expected.json").write_text(json.dumps(EXPECTED, separators=(",", ":"), sort_keys=True) + "\n")
