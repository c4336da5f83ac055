"""What the public tracker, PHALP, makes of detections whose place, size, looks and pose are given.

    git clone https://github.com/brjathu/PHALP
    python -m venv venv && venv/bin/pip install torch numpy scipy scikit-learn
    venv/bin/python tracking_reference.py --code PHALP IN.npz OUT.npy [--distance EQ_019|EQ_010]

IN.npz holds one row a detection, ordered by sequence and frame: `sequence`, `frame` int32 (N); `xy` (N, 2), the root's place
in the square that the padded picture fills, 0 to 1; `camera` (N, 3), its translation x, y, z in PHALP's units; `confidence` (N);
`appearance` (N, A); `pose` (N, P) of which the last three are no pose; and `frames` int32 (S), the frames of each sequence,
also those without a detection; `shots` int32 (K, 2), the pairs (sequence, frame) at which a new shot begins. OUT.npy becomes
int32 (N): the number of the track that took the detection, counted from 1 in each sequence.

The tracker, its distances, its tracks and the regression of places are the public code's own, as published: only the
networks, and what draws, detects and downloads, are replaced by nothing. Without the pose predictor's network a track's
pose stays the one last seen, which is the public code's way where `predict` is AL.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

# Its products are of a few numbers each: threads only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402

from unused import Nothing  # noqa: E402

UNUSED = ("cv2", "detectron2", "dill", "hmr2", "hydra", "omegaconf", "phalp.models", "phalp.utils.io",
          "phalp.utils.utils_dataset", "phalp.utils.utils_detectron2", "phalp.utils.utils_download", "phalp.visualize",
          "pycocotools", "rich", "scenedetect")
DISTANCES = ("EQ_019", "EQ_010")
TENTATIVE, CONFIRMED = 1, 2


def prepare(code: Path) -> None:
    import logging

    import scipy.ndimage
    # Before the rest, because scikit-learn uses for itself some of what is replaced below.
    import sklearn.linear_model  # noqa: F401
    sys.meta_path.insert(0, Nothing(UNUSED))
    # SciPy has the function still, but no longer under the name that the public code imports.
    sys.modules.setdefault("scipy.ndimage.filters", scipy.ndimage)
    sys.path.insert(0, str(code))
    import phalp.trackers.PHALP  # noqa: F401
    # Its log goes through a library that is replaced by nothing, which no other log survives.
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)


def assignment() -> str:
    """The library that solves the public code's assignments here: it takes the first that it can import."""
    for library, module in (("scikit-learn", "sklearn.utils.linear_assignment_"), ("lap", "lap")):
        try:
            __import__(module)
            return library
        except ImportError:
            continue
    return "scipy"


def configuration(distance: str):
    from phalp.configs.base import FullConfig
    cfg = FullConfig()
    published = {"hungarian_th": 100, "past_lookback": 1, "track_history": 7, "max_age_track": 50, "n_init": 5,
                 "pose_distance": "smpl"}
    assert all(getattr(cfg.phalp, name) == value for name, value in published.items()), "another configuration"
    cfg.phalp.predict = "AL"
    cfg.phalp.distance_type = distance
    return cfg


def tracker(cfg):
    from phalp.external.deep_sort_.nn_matching import NearestNeighborDistanceMetric
    from phalp.external.deep_sort_.tracker import Tracker
    from phalp.trackers.PHALP import PHALP
    # As much of PHALP as its tracker asks of it.
    host = type("Host", (), {"forward_for_tracking": PHALP.forward_for_tracking,
                             "get_pose_distance": PHALP.get_pose_distance})()
    host.cfg = cfg
    metric = NearestNeighborDistanceMetric(cfg, cfg.phalp.hungarian_th, cfg.phalp.past_lookback)
    return Tracker(cfg, metric, max_age=cfg.phalp.max_age_track, n_init=cfg.phalp.n_init, phalp_tracker=host,
                   dims=[4096, 4096, 99])


def detection(data: dict, row: int):
    """A detection as PHALP's `get_human_features` hands it to the tracker; `extra_data` holds its row."""
    from phalp.external.deep_sort_.detection import Detection
    loca = np.zeros(99, dtype=np.float32)
    loca[88:90] = data["xy"][row]
    loca[90:] = np.tile(data["camera"][row], 3)
    return Detection({
        "bbox": np.array([0.0, 0, 1, 1]), "size": [1, 1], "scale": np.ones(2), "conf": data["confidence"][row],
        "appe": np.array(data["appearance"][row], dtype=np.float32), "pose": np.array(data["pose"][row], dtype=np.float32),
        "loca": loca, "uv": np.zeros(1, dtype=np.float32), "time": int(data["frame"][row]), "ground_truth": 1,
        "annotations": [], "extra_data": row})


class Tracks(NamedTuple):
    #: (N) int32, the track of each detection
    track: np.ndarray
    #: (N) uint8, that track's state after its frame
    state: np.ndarray
    #: (M, 6) float32: sequence, frame, track, x, y, nearness of each confirmed track that no detection of the frame
    #: went to, as it was predicted for this frame before the frame was seen
    predicted: np.ndarray


def run(data: dict, distance: str = "EQ_019", seconds: dict | None = None) -> Tracks:
    """Tracks every sequence; `seconds` gets the processor time that each took, by sequence."""
    import time
    track = np.zeros(len(data["sequence"]), dtype=np.int32)
    state = np.zeros(len(track), dtype=np.uint8)
    predicted: list = []
    shots = {tuple(pair) for pair in np.asarray(data["shots"]).reshape(-1, 2).tolist()}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Of a track that ends after its first frame it makes a prediction out of one place, and never uses it.
        warnings.simplefilter("ignore")
        for sequence, frames in enumerate(data["frames"]):
            cfg = configuration(distance)
            it = tracker(cfg)
            rows = np.flatnonzero(data["sequence"] == sequence)
            started = time.process_time()
            for frame in range(frames):
                cfg.phalp.shot = int((sequence, frame) in shots)
                detections = [detection(data, row) for row in rows[data["frame"][rows] == frame]]
                expected = {each.track_id: each.track_data["prediction"]["loca"][-1].copy() for each in it.tracks}
                it.predict()
                it.update(detections, frame, str(frame), cfg.phalp.shot)
                it.tracked_cost.clear()
                for each in it.tracks:
                    if each.time_since_update == 0:
                        row = each.track_data["history"][-1]["extra_data"]
                        track[row], state[row] = each.track_id, each.state
                    elif each.is_confirmed():
                        loca = expected[each.track_id]
                        predicted.append((sequence, frame, each.track_id, loca[88], loca[89], loca[92]))
            if seconds is not None:
                seconds[sequence] = time.process_time() - started
    assert (track > 0).all()
    return Tracks(track, state, np.array(predicted, dtype=np.float32).reshape(-1, 6))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("detections", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--code", type=Path, required=True, help="a clone of PHALP")
    parser.add_argument("--distance", choices=DISTANCES, default=DISTANCES[0])
    arguments = parser.parse_args()
    prepare(arguments.code)
    np.save(arguments.output, run(dict(np.load(arguments.detections)), arguments.distance).track)
