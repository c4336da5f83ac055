"""Runs the tracker of PyPI's phalp over detections that are made up: its tracks, distances, regression of places and
assignment as published, its networks replaced by the numbers that walkers.py gives and by poses that stay.

    track.py IN.npz

Prints one line of JSON: frames a second of the tracker alone, how many identities it gave, and how often somebody's changed.
What detects, draws and downloads is replaced by nothing.
"""

import argparse
import json
import logging
import os
import sys
import time
import types
import warnings
from pathlib import Path
from types import SimpleNamespace as Settings

# Its products are of a few numbers each: threads only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import scipy.ndimage  # noqa: E402
import scipy.optimize  # noqa: E402
import sklearn.linear_model  # noqa: E402,F401  # Before what is replaced by nothing: scikit-learn uses some of it.

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Tests" / "Parity"))
from unused import Nothing  # noqa: E402

UNUSED = ("colordict", "cv2", "detectron2", "dill", "gdown", "phalp.models", "phalp.utils.utils_dataset",
          "phalp.utils.utils_detectron2", "phalp.utils.utils_scenedetect", "phalp.visualize", "pycocotools", "pytube", "rich",
          "scenedetect", "tqdm")


def prepare():
    """Two functions that the package imports from where they are no more: both under the name it knows, from SciPy."""
    sys.meta_path.insert(0, Nothing(UNUSED))
    sys.modules.setdefault("scipy.ndimage.filters", scipy.ndimage)
    assignment = types.ModuleType("sklearn.utils.linear_assignment_")
    assignment.linear_assignment = lambda costs: np.stack(scipy.optimize.linear_sum_assignment(costs), axis=1)
    sys.modules["sklearn.utils.linear_assignment_"] = assignment
    import phalp.trackers.PHALP  # noqa: F401
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)


def new_tracker():
    from phalp.deep_sort_.nn_matching import NearestNeighborDistanceMetric
    from phalp.deep_sort_.tracker import Tracker
    from phalp.trackers.PHALP import PHALP
    # As published, without the two attributes that come from networks: A and L are compared, poses stay.
    cfg = Settings(verbose=False, use_gt=False, phalp=Settings(
        predict="AL", distance_type="EQ_010", hungarian_th=100, past_lookback=1, track_history=7, max_age_track=50, n_init=5,
        shot=0, alpha=0.1))
    host = type("Host", (), {"forward_for_tracking": PHALP.forward_for_tracking})()
    host.cfg = cfg
    metric = NearestNeighborDistanceMetric(cfg, cfg.phalp.hungarian_th, cfg.phalp.past_lookback)
    return Tracker(cfg, metric, max_age=cfg.phalp.max_age_track, n_init=cfg.phalp.n_init, phalp_tracker=host,
                   dims=[4096, 4096, 99])


def detection(data, row):
    from phalp.deep_sort_.detection import Detection
    place = np.zeros(99, dtype=np.float32)
    place[88:90] = data["xy"][row]
    place[90:] = np.tile(data["camera"][row], 3)
    # The first half of a pose is what its network went on from; the second is compared.
    pose = np.concatenate([np.zeros(2048, dtype=np.float32), data["pose"][row]])
    return Detection({
        "bbox": np.array([0.0, 0, 1, 1]), "size": [1, 1], "scale": np.ones(2), "conf": data["confidence"][row],
        "appe": data["appearance"][row], "pose": pose, "loca": place, "uv": np.zeros(1, dtype=np.float32),
        "time": int(data["frame"][row]), "ground_truth": 1, "row": row})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("detections", type=Path)
    arguments = parser.parse_args()
    prepare()
    with np.load(arguments.detections) as file:
        data = {name: file[name] for name in file.files}
    frames = [np.flatnonzero(data["frame"] == frame) for frame in range(data["frame"].max() + 1)]
    identities = np.zeros(len(data["frame"]), dtype=int)
    tracker, spent = new_tracker(), 0.0
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        for frame, rows in enumerate(frames):
            found = [detection(data, row) for row in rows]
            start = time.perf_counter()
            tracker.predict()
            tracker.update(found, frame, str(frame), 0)
            spent += time.perf_counter() - start
            tracker.tracked_cost.clear()
            for track in tracker.tracks:
                if track.time_since_update == 0:
                    identities[track.track_data["history"][-1]["row"]] = track.track_id
    changes = sum(
        int(np.count_nonzero(np.diff(identities[data["truth"] == person]))) for person in np.unique(data["truth"]))
    print(json.dumps({
        "frames_per_second": len(frames) / spent, "identities": len(np.unique(identities)), "changes": changes}))


main()
