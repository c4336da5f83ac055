"""Compares PHALP's networks with the public code: numbers layer by layer, and time.

    venv/bin/python compare_phalp.py --code PHALP --hmr2-code 4D-Humans --runner .build/release/parity-runner \\
        --phalp-dir FOLDER [--repeat 9]

The venv is the one that phalp_reference.py names. Both see the same weights and the same inputs.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import phalp_reference as reference


def call(command: list, repeat: int) -> dict[str, list[float]]:
    lines = subprocess.run([str(part) for part in [*command, "--repeat", repeat]], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    times = defaultdict(list)
    for name, value in (line.split() for line in lines):
        times[name].append(float(value))
    return times


def write_inputs(folder: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    folder.mkdir()
    count = len(reference.FRAMES)
    for name, values in {
        "vertices": vertices, "faces": faces, "crops": reference.crops(2), "textures": reference.textures(3),
        "histories": reference.histories(count), "frames": np.array(reference.FRAMES), "since": np.array(reference.SINCE),
    }.items():
        np.save(folder / f"{name}.npy", values)


def compare(expected: dict, found: Path) -> float:
    """Prints each layer's differences and answers with the largest."""
    largest = 0.0
    hidden = None
    for name, wanted in expected.items():
        ours = np.fromfile(found / f"{name}.f32", dtype=np.float32).reshape(wanted.shape)
        difference = np.abs(ours - wanted)
        note = ""
        if name in ("uv_image", "uv_vector"):
            # A texel at the very edge of what the body hides may be seen by one and not by the other.
            kind = (ours[:, 3:] > 0) != (wanted[:, 3:] > 0)
            note = f", {kind.sum()} of {kind.size} texels seen by one alone"
            difference = np.where(kind, 0, difference)
            hidden = kind.sum()
        if name == "depth":
            edges = difference > 0.01
            note = f", {edges.sum()} of {edges.size} pixels show another triangle"
            difference = np.where(edges, 0, difference)
        if name == "embedding" and hidden:
            note = ", follows from the texels above"
        print(f"  {name:16} mean {difference.mean():.3e} max {difference.max():.3e} (of values {np.abs(wanted).mean():.3g})"
              f"{note}")
        largest = max(largest, float(difference.max()))
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True)
    parser.add_argument("--hmr2-code", type=Path, required=True)
    parser.add_argument("--runner", type=Path, required=True)
    parser.add_argument("--phalp-dir", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=0)
    parser.add_argument("--persons", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--rasters", nargs="+", default=["automatic", "tensors"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        public = [sys.executable, HERE / "phalp_reference.py", "--code", arguments.code, "--hmr2-code", arguments.hmr2_code,
                  "--phalp-dir", arguments.phalp_dir, "--threads", arguments.threads]
        times = {"public": call([*public, "--output", folder / "public"], arguments.repeat)}
        expected = {path.stem: np.load(path) for path in sorted((folder / "public").glob("*.npy"))}
        write_inputs(folder / "inputs", expected.pop("vertices"), expected.pop("faces"))
        for precision in arguments.precisions:
            for raster in arguments.rasters if precision == arguments.precisions[0] else arguments.rasters[:1]:
                name = f"{precision}, {raster}"
                times[name] = call(
                    [arguments.runner, "phalp", "--phalp-dir", arguments.phalp_dir, "--input", folder / "inputs",
                     "--output", folder / name, "--precision", precision, "--raster", raster, "--device", arguments.device,
                     "--persons", arguments.persons, "--threads", arguments.threads], arguments.repeat)
                print(f"{name}:")
                print(f"  largest difference: {compare(expected, folder / name):.3e}")
        for name, parts in times.items():
            for part, values in parts.items():
                count = 1 if name == "public" else arguments.persons
                print(f"{name}: {part}: median {statistics.median(values) / count:.2f} ms a person of {len(values)} "
                      f"({min(values) / count:.2f}–{max(values) / count:.2f}), {count} at once")


if __name__ == "__main__":
    main()
