"""Measures the public code of 4D-Humans on crops of noise, and libtorch's fastest matrix products beside it.

    python measure.py --code 4D-Humans --hmr2-dir FOLDER --batch 1 --batch 8 [--device cuda] [--autocast] [--seconds 5]

Prints one JSON object: crops a second of each batch size, and operations a second of the best product in bfloat16. The network is
the public code's own, as Tests/Parity/hmr2_reference.py starts it; crops lie on the device already.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Tests" / "Parity"))

import hmr2_reference as reference  # noqa: E402


def timed(work, device, seconds, least=3):
    """Seconds of each run, one that warms up left out; a GPU is waited for."""
    import torch

    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    work()
    wait()
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - start)
    return times


def product_rate(device):
    """Operations a second of the fastest of some products in bfloat16, those of HMR2's layers among them."""
    import torch

    shapes = [(192, 1280, 3840), (192, 1280, 5120), (1536, 1280, 5120), (2048, 2048, 2048)]
    if device.startswith("cuda"):
        shapes = [(64 * 192, 1280, 3840), (64 * 192, 1280, 5120), (64 * 192, 5120, 1280), (8192, 8192, 8192)]
    best = 0
    for rows, depth, columns in shapes:
        a = torch.randn(rows, depth, device=device, dtype=torch.bfloat16)
        weight = torch.randn(columns, depth, device=device, dtype=torch.bfloat16)
        times = timed(lambda: torch.nn.functional.linear(a, weight), device, 0.4)  # noqa: B023 - run at once
        best = max(best, 2 * rows * depth * columns / min(times))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True)
    parser.add_argument("--hmr2-dir", type=Path, required=True)
    parser.add_argument("--batch", type=int, action="append", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--autocast", action="store_true", help="in bfloat16, as torch.autocast chooses")
    parser.add_argument("--seconds", type=float, default=4, help="of each batch size")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    reference.prepare(arguments.code)
    import torch

    torch.set_num_threads(arguments.threads)
    figures = {}
    with contextlib.redirect_stdout(sys.stderr), torch.no_grad():
        model, _ = reference.load(arguments.hmr2_dir)
        model = model.to(arguments.device)
        precision = (torch.autocast(arguments.device.split(":")[0], dtype=torch.bfloat16) if arguments.autocast
                     else contextlib.nullcontext())
        with precision:
            for batch in arguments.batch:
                crops = torch.from_numpy(reference.test_crops(batch)).to(arguments.device)
                times = timed(lambda: model({"img": crops}), arguments.device, arguments.seconds)  # noqa: B023
                figures[f"crops_per_second_{batch}"] = batch / statistics.median(times)
        figures["product_operations_per_second"] = product_rate(arguments.device)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
