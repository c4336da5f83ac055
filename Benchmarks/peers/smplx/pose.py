"""Bodies a second of PyPI's smplx: vertices and joints of SMPL in 32 bits, from rotation matrices, without gradients.

    pose.py MODEL.pkl [--batch 1 64] [--seconds 2] [--threads 2]

Prints one line of JSON.
"""

import argparse
import json
import time

import torch
from smplx import SMPLLayer

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("model")
parser.add_argument("--batch", type=int, nargs="+", default=[1, 64])
parser.add_argument("--seconds", type=float, default=2)
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
layer = SMPLLayer(arguments.model, num_betas=10)
figures = {}
with torch.inference_mode():
    for batch in arguments.batch:
        generator = torch.Generator().manual_seed(1)
        betas = torch.rand(batch, 10, generator=generator) - 0.5
        angles = torch.rand(batch, 24, generator=generator) - 0.5
        turns = torch.zeros(batch, 24, 3, 3)
        turns[..., 0, 0] = turns[..., 1, 1] = angles.cos()
        turns[..., 1, 0], turns[..., 0, 1], turns[..., 2, 2] = angles.sin(), -angles.sin(), 1

        def pose(seconds):
            start, count = time.perf_counter(), 0
            while (took := time.perf_counter() - start) < seconds:
                layer(betas=betas, body_pose=turns[:, 1:], global_orient=turns[:, :1], pose2rot=False)
                count += batch
            return count / took

        pose(0.5)
        figures[f"bodies_per_second_{batch}"] = pose(arguments.seconds)
print(json.dumps(figures))
