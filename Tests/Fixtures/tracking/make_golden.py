"""Writes golden.npz: made-up people and the tracks that the public tracker finds among them.

    git clone https://github.com/brjathu/PHALP
    python -m venv venv && venv/bin/pip install torch numpy scipy scikit-learn
    venv/bin/python make_golden.py --code PHALP

One row a detection, ordered by sequence and frame: `sequence`, `frame`, `truth` (-1: nobody), `xy`, `camera`, `confidence`,
`appearance`, `pose` as in Parity/tracking_reference.py, and what the public tracker made of it: `track_019`, `track_010` by
its two distances, `state_019` (1 tentative, 2 confirmed, after the frame). `frames` (S) counts the frames of each sequence,
`shots` (K, 2) are its (sequence, frame). `predicted` (M, 6), by EQ_019: sequence, frame, track, x, y, nearness of each
confirmed track that got no detection in the frame, as it was predicted for that frame out of those before.

For the regression alone: `ridge_time` (R, 7) and `ridge_x`, `ridge_y`, `ridge_n` (R, 7; n is the logarithm of the nearness),
`ridge_horizon` (R), `ridge_prediction` and `ridge_interval` (R, 3; x, y, n) for the time ridge_time[6] + ridge_horizon. The
interval is that of `get_prediction_interval`: neither divided by the count of repeated times nor, for n, an exponent.

A sequence in which noise far below what matters changes a track is left out for another: there, rounding decides.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "Parity"))
import tracking_reference  # noqa: E402

SHORT, LONG = 64, 8
APPEARANCE, POSE = 8, 9
SHOTS = range(48, 58)
# A track lives through this many frames without a detection: one of the first is found again, one of the second is new.
GONE = {SHORT: 50, SHORT + 1: 51, SHORT + 2: 50, SHORT + 3: 51}
FOCAL = 5000 / 256


def rounded(values, bits: int) -> np.ndarray:
    """float32 with so many bits of mantissa: what is kept of noise compresses badly."""
    step = np.uint32(1 << (23 - bits))
    whole = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((whole + step // np.uint32(2)) & ~(step - np.uint32(1))).view(np.float32)


class Person:
    """Somebody who walks through the picture, and what a network would make of them."""

    def __init__(self, rng, frames: int, twin=None, long: bool = False):
        self.rng = rng
        # How they look and how far apart two of them are: squared distances of 0.3 to 1 between people.
        self.looks = twin.looks if twin else rng.normal(0, rng.uniform(0.14, 0.25), APPEARANCE)
        self.stance = rng.normal(0, 0.35, POSE)
        self.stride = rng.uniform(0.15, 0.5, POSE)
        self.rate, self.phase = rng.uniform(0.15, 0.45), rng.uniform(0, 2 * np.pi, POSE)
        self.place()
        self.still = False
        self.first = 0 if rng.random() < 0.6 else int(rng.integers(1, frames // 2))
        self.last = frames if rng.random() < 0.65 else int(rng.integers(frames // 2, frames))
        self.away = np.zeros(frames, dtype=bool)
        for _ in range(rng.integers(0, 3)):
            start = rng.integers(5, frames)
            self.away[start:start + rng.integers(2, 13)] = True
        if long:
            # One who is gone for so long is still known, or no longer.
            start = rng.integers(8, 40)
            self.away[start:start + rng.integers(30, 61)] = True

    def place(self) -> None:
        rng = self.rng
        self.x, self.y = rng.uniform(0.05, 0.95), rng.uniform(0.4, 0.6)
        # A height of 0.15 to 0.6 of the picture's side.
        self.nearness = np.log(2 * 5000 / (0.9 * 256 * rng.uniform(0.15, 0.6)))
        self.speed = np.array([rng.choice([-1, 1]) * rng.uniform(0.001, 0.014), rng.normal(0, 0.001), rng.normal(0, 0.004)])

    def leave(self, start: int, length: int) -> None:
        """Stands, is gone for exactly so long, and stands there again."""
        self.still, self.first, self.last = True, 0, len(self.away)
        self.away[:] = False
        self.away[start:start + length] = True

    def walk(self) -> None:
        self.phase += self.rate
        if self.still:
            return
        self.speed[:2] += self.rng.normal(0, 0.0006, 2)
        self.x += self.speed[0]
        self.y = np.clip(self.y + self.speed[1], 0.2, 0.8)
        self.nearness = np.clip(self.nearness + self.speed[2], 3.0, 6.0)
        if self.x < 0.02 or self.x > 0.98:
            self.speed[0] = -self.speed[0]


def row(rng, person, noise: float = 1) -> tuple:
    """camera, confidence, appearance, pose"""
    z = np.exp(person.nearness + rng.normal(0, 0.02 * noise))
    x, y = (np.array([person.x, person.y]) + rng.normal(0, 0.003 * noise, 2) - 0.5) * z / FOCAL
    pose = person.stance + person.stride * np.sin(person.phase) + rng.normal(0, 0.05 * noise, POSE)
    looks = (person.looks + rng.normal(0, 0.035 * noise, APPEARANCE)) * 1000
    return (x, y, z), 1 - 0.2 * rng.random() * min(noise, 3), looks, pose


def sequence(seed: int, long: bool, shot: bool, gone: int | None) -> tuple:
    """The rows of one sequence, its number of frames and the frames at which a shot begins."""
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(100, 121)) if long else int(rng.integers(30, 46))
    people: list = []
    for _ in range(rng.integers(2, 6 if long else 9)):
        twin = people[-1] if people and rng.random() < 0.15 else None
        people.append(Person(rng, frames, twin, long and rng.random() < 0.6))
    if gone:
        people = people[:2]
        people[0].leave(30, gone)
        people[1].leave(0, 0)
        people[0].x, people[1].x = 0.3, 0.7
    shots = sorted(rng.choice(np.arange(12, frames - 8), size=rng.integers(1, 3), replace=False).tolist()) if shot else []
    rows = []
    for frame in range(frames):
        for person in people:
            person.place() if frame in shots else person.walk()
        seen = []
        for number, person in enumerate(people):
            if frame < person.first or frame >= person.last or (person.away[frame] and frame not in shots):
                continue
            hidden = any(other is not person and other.nearness < person.nearness and abs(other.x - person.x) < 0.05
                         for other in people)
            if hidden and rng.random() < 0.7 or rng.random() < 0.02:
                continue
            seen.append((number, *row(rng, person, 2 if hidden else 1)))
        if not gone and rng.random() < 0.05:
            seen.append((-1, *row(rng, Person(rng, frames), 3)))
        rows += [(frame, *seen[index]) for index in rng.permutation(len(seen))]
    return rows, frames, shots


def table(sequences: list) -> dict:
    rows = [(number, *each) for number, (some, _, _) in enumerate(sequences) for each in some]
    numbers = [np.array([each[column] for each in rows], dtype=np.int32) for column in range(3)]
    camera = rounded([each[3] for each in rows], 14)
    shots = [(number, frame) for number, (_, _, frames) in enumerate(sequences) for frame in frames]
    return {
        "sequence": numbers[0], "frame": numbers[1], "truth": numbers[2],
        "xy": rounded(camera[:, :2] / camera[:, 2:] * FOCAL + 0.5, 16), "camera": camera,
        "confidence": rounded([each[4] for each in rows], 10), "appearance": rounded([each[5] for each in rows], 9),
        "pose": rounded([each[6] for each in rows], 9), "frames": np.array([each[1] for each in sequences], dtype=np.int32),
        "shots": np.array(shots, dtype=np.int32).reshape(-1, 2),
    }


def decided(data: dict, tracks: dict) -> bool:
    """Whether noise far above that of rounding leaves every track as it is."""
    rng = np.random.default_rng(1)
    for _ in range(2):
        shaken = dict(data)
        shaken["xy"] = (data["xy"] + rng.normal(0, 1e-4, data["xy"].shape)).astype(np.float32)
        for name in ("camera", "appearance", "pose"):
            shaken[name] = (data[name] * (1 + rng.normal(0, 1e-5, data[name].shape))).astype(np.float32)
        for distance, wanted in tracks.items():
            found = tracking_reference.run(shaken, distance)
            if not (np.array_equal(found.track, wanted.track) and np.array_equal(found.state, wanted.state)):
                return False
    return True


def sequences() -> tuple:
    """The sequences to keep, and the seeds of those left out."""
    kept, left_out = [], []
    for number in range(SHORT + LONG):
        seed = number
        while True:
            one = sequence(seed, long=number >= SHORT, shot=number in SHOTS, gone=GONE.get(number))
            data = table([one])
            tracks = {distance: tracking_reference.run(data, distance) for distance in tracking_reference.DISTANCES}
            if decided(data, tracks):
                kept.append(one)
                break
            left_out.append(seed)
            seed += 1000
    return kept, left_out


def regressions(count: int = 200) -> dict:
    from phalp.utils.utils import get_prediction_interval
    from sklearn.linear_model import Ridge
    rng = np.random.default_rng(7)
    result: dict = {name: [] for name in ("time", "x", "y", "n", "horizon", "prediction", "interval")}
    for number in range(count):
        # A young track's history is filled with copies of its first detection; an older one's has gaps.
        distinct = 2 + number % 6
        steps = np.where(rng.random(distinct - 1) < 0.8, 1, rng.integers(2, 40, distinct - 1))
        time = np.cumsum([float(rng.integers(0, 1000) if number % 10 else 86400 * 30), *steps])
        place = np.array([rng.uniform(0, 1), rng.uniform(0.2, 0.8), rng.uniform(3, 6)])
        speed = np.array([rng.normal(0, 0.01), rng.normal(0, 0.003), rng.normal(0, 0.01)])
        values = place + speed * (time - time[0])[:, None] + rng.normal(0, [0.003, 0.003, 0.02], (distinct, 3))
        if number % 20 == 5:
            # After a shot every entry holds the same place.
            values[:] = values[-1]
        repeats = np.concatenate([np.zeros(7 - distinct, dtype=int), np.arange(distinct)])
        time, values = time[repeats], values[repeats]
        horizon = float(rng.integers(1, 50))
        powers = time[:, None] ** [0, 1]
        prediction, interval = [], []
        for value, alpha in zip(values.T, (1.2, 2.0, 5.0)):
            ridge = Ridge(alpha=alpha).fit(powers, value)
            at = time[-1] + horizon
            prediction.append(ridge.predict(np.array([[1, at]]))[0])
            interval.append(get_prediction_interval(value, ridge.predict(powers), time, at))
        for name, entry in zip(result, (time, *values.T, horizon, prediction, interval)):
            result[name].append(entry)
    return {f"ridge_{name}": np.array(entries, dtype=np.float64) for name, entries in result.items()}


def report(data: dict) -> None:
    """What happens in the sequences, as the public tracker saw it."""
    print(f"assignment by {tracking_reference.assignment()}")
    print(f"{len(data['frames'])} sequences, {data['frames'].sum()} frames, {len(data['sequence'])} detections, "
          f"{(data['truth'] < 0).sum()} of nobody, {len(data['shots'])} shots, {len(data['predicted'])} predictions")
    for name in ("track_019", "track_010"):
        switches, kept, gaps = 0, 0, []
        for number in range(len(data["frames"])):
            for person in range(data["truth"].max() + 1):
                rows = np.flatnonzero((data["sequence"] == number) & (data["truth"] == person))
                same = data[name][rows][1:] == data[name][rows][:-1]
                gap = np.diff(data["frame"][rows])
                switches += (~same).sum()
                kept += same.sum()
                gaps += gap[same & (gap > 1)].tolist()
        print(f"{name}: {kept} times the same track as before, {switches} times another; "
              f"{len(gaps)} gaps bridged, the longest of {max(gaps) - 1} frames")
    print(f"tracks differ between the distances in {(data['track_019'] != data['track_010']).sum()} rows; "
          f"states: {np.bincount(data['state_019'])[1:].tolist()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True, help="a clone of PHALP")
    parser.add_argument("--output", type=Path, default=HERE / "golden.npz")
    arguments = parser.parse_args()
    tracking_reference.prepare(arguments.code)
    kept, left_out = sequences()
    data = table(kept)
    by_019, by_010 = (tracking_reference.run(data, distance) for distance in tracking_reference.DISTANCES)
    data |= {"track_019": by_019.track, "track_010": by_010.track, "state_019": by_019.state,
             "predicted": by_019.predicted, **regressions()}
    np.savez_compressed(arguments.output, **data)
    report(data)
    print(f"left out, because rounding decides there: {left_out}")
    print(f"{arguments.output.stat().st_size} bytes")
