"""What a tracker's numbers for the detections of a crowd are worth: MOTA, IDF1 and identity switches, by motmetrics."""

import motmetrics
import numpy as np

# A detection is of a person where the boxes overlap by at least so much.
OVERLAP = 0.5


def distances(people, found):
    """1 - IoU of each person's box with each found one, NaN where they have too little in common."""
    low = np.maximum(people[:, None, :2], found[None, :, :2])
    high = np.minimum((people[:, :2] + people[:, 2:])[:, None], (found[:, :2] + found[:, 2:])[None])
    both = np.clip(high - low, 0, None).prod(axis=2)
    overlap = both / (people[:, 2:].prod(axis=1)[:, None] + found[:, 2:].prod(axis=1)[None] - both)
    return np.where(overlap >= OVERLAP, 1 - overlap, np.nan)


def scores(data: dict, tracks) -> list:
    """For each sequence, and for all of them at the end: {"mota", "idf1", "switches"}."""
    accumulators = []
    for sequence, frames in enumerate(data["frames"]):
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        rows = np.flatnonzero(data["sequence"] == sequence)
        people = np.flatnonzero(data["person_sequence"] == sequence)
        for frame in range(frames):
            found = rows[data["frame"][rows] == frame]
            here = people[data["person_frame"][people] == frame]
            accumulator.update(
                data["person"][here].tolist(), tracks[found].tolist(),
                distances(data["person_box"][here].astype(float), data["box"][found].astype(float)))
        accumulators.append(accumulator)
    summary = motmetrics.metrics.create().compute_many(
        accumulators, metrics=["mota", "idf1", "num_switches"], generate_overall=True)
    return [{"mota": round(float(row.mota), 6), "idf1": round(float(row.idf1), 6), "switches": int(row.num_switches)}
            for row in summary.itertuples()]


def worse(ours: dict, theirs: dict) -> bool:
    """Whether a score is below another in any respect; the last digit is rounded."""
    return (ours["mota"] < theirs["mota"] - 2e-6 or ours["idf1"] < theirs["idf1"] - 2e-6
            or ours["switches"] > theirs["switches"])
