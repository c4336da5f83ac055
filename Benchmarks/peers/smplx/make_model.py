"""Writes a body model of SMPL's size and structure, with random numbers, as a file that both smplx and PoseBus read.

    make_model.py OUT.pkl

The real one may not be passed on. 6,890 vertices, 24 joints, 10 betas, each vertex moved by four joints as in the published file.
"""

import pickle
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Tests" / "Fixtures" / "hmr2"))
import make_folder  # noqa: E402

numbers = make_folder.body()
weights = numbers["weights"]
weights[weights < np.sort(weights, axis=1)[:, [-4]]] = 0
numbers["weights"] = weights / weights.sum(axis=1, keepdims=True)
numbers |= {"bs_style": "lbs", "bs_type": "lrotmin"}
del numbers["extra"]
Path(sys.argv[1]).write_bytes(pickle.dumps(numbers, protocol=2))
