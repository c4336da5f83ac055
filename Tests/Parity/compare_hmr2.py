"""Compares engine `hmr2` with the public code of 4D-Humans: numbers layer by layer, and time.

    venv/bin/python compare_hmr2.py --code 4D-Humans --runner .build/release/parity-runner --hmr2-dir FOLDER [--repeat 9]

The venv is the one that hmr2_reference.py names. Both see the same weights and the same crops; times alternate.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
UNITS = {"keypoints_3d": ("mm", 1000), "vertices": ("mm", 1000)}


def ours(arguments, crops: Path, output: Path, precision: str, repeat: int) -> list[float]:
    command = [arguments.runner, "hmr2", "--hmr2-dir", arguments.hmr2_dir, "--crops", crops, "--output", output,
               "--precision", precision, "--device", arguments.device, "--repeat", str(repeat)]
    lines = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(line) for line in lines.split()]


def theirs(arguments, crops: Path, output: Path, repeat: int) -> list[float]:
    command = [sys.executable, HERE / "hmr2_reference.py", "--code", arguments.code, "--hmr2-dir", arguments.hmr2_dir,
               "--crops", crops, "--output", output, "--repeat", str(repeat)]
    lines = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(line) for line in lines.split() if line[0].isdigit()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True)
    parser.add_argument("--runner", type=Path, required=True)
    parser.add_argument("--hmr2-dir", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=0)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE.parent / "Fixtures/hmr2"))
    from make_folder import noise
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        crops = noise("crops", arguments.count * 3 * 256 * 256).reshape(-1, 3, 256, 256)
        np.save(folder / "crops.npy", crops)
        crops.tofile(folder / "crops.f32")
        times = {"public": theirs(arguments, folder / "crops.npy", folder / "public", arguments.repeat)}
        expected = {path.stem: np.load(path) for path in sorted((folder / "public").glob("*.npy"))}
        for precision in arguments.precisions:
            times[precision] = ours(arguments, folder / "crops.f32", folder / precision, precision, arguments.repeat)
            print(f"{precision}:")
            for name, wanted in expected.items():
                found = np.fromfile(folder / precision / f"{name}.f32", dtype=np.float32).reshape(wanted.shape)
                unit, factor = UNITS.get(name, ("", 1))
                difference = np.abs(found - wanted) * factor
                if unit:
                    difference = np.linalg.norm((found - wanted) * factor, axis=-1)
                print(f"  {name:14} mean {difference.mean():.3e} max {difference.max():.3e} {unit}"
                      f" (of values {np.abs(wanted).mean() * factor:.3g})")
        if arguments.repeat:
            times["public"] += theirs(arguments, folder / "crops.npy", folder / "public", arguments.repeat)
            for name, values in times.items():
                print(f"{name}: median {statistics.median(values):.3f} s of {len(values)} "
                      f"({min(values):.3f}–{max(values):.3f}), {arguments.count} crops")


if __name__ == "__main__":
    main()
