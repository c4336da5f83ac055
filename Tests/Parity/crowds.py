"""Makes crowds: people who walk, cross, hide one another, leave and come back, with the truth about who is who.

    python3 crowds.py OUT.npz [--crowds 0-23]

Needs NumPy alone; the same crowds each time. Crowd 0 is the easiest, two people; the last has twelve of them, of whom some
dress alike, and a poor detector. The camera is a fixed one, 1280 by 720 pixels, and what it sees of a person is what the
detections say: one who is hidden behind others is missed, or has a truncated box and doubtful features.

OUT.npz holds the detections as tracking_reference.py reads them, and with them `box` (N, 4; x, y, width, height in pixels),
`score` (N) and `truth` (N; -1 where nobody is), and for every person of every frame who is not hidden by more than
three quarters: `person_sequence`, `person_frame`, `person`, `person_box`.
"""

import argparse

import numpy as np

COUNT = 24
WIDTH, HEIGHT, FOCAL = 1280, 720, 1000.0
CAMERA_HEIGHT = 1.6
APPEARANCE, POSE = 16, 27
# PHALP's unit of depth: a focal length of 5000 for a picture of 256.
FOCAL_IN_SQUARE = 5000 / 256
HIDDEN, PARTLY = 0.25, 0.7


class Person:
    """Walks from place to place on the ground, now and then to one outside the picture; metres, frames."""

    def __init__(self, rng, looks, start: int):
        self.rng, self.looks, self.start = rng, looks, start
        self.height, self.girth = rng.uniform(1.55, 1.95), rng.uniform(0.3, 0.42)
        self.stance = rng.normal(0, 0.2, POSE)
        self.stride = np.abs(rng.normal(0.22, 0.06, POSE))
        self.phase = rng.uniform(0, 2 * np.pi, POSE)
        self.place = self.somewhere() if start == 0 else self.outside()
        self.velocity = np.zeros(2)
        self.wait = 0
        self.choose()

    def somewhere(self):
        depth = self.rng.uniform(4.5, 14)
        return np.array([self.rng.uniform(-0.55, 0.55) * depth, depth])

    def outside(self):
        depth = self.rng.uniform(4.5, 14)
        return np.array([self.rng.choice([-1, 1]) * (0.64 * depth + self.rng.uniform(0.5, 1.5)), depth])

    def choose(self) -> None:
        self.goal = self.outside() if self.rng.random() < 0.3 else self.somewhere()
        self.speed = self.rng.uniform(0.6, 1.9) / 30

    def walk(self) -> None:
        if self.wait > 0:
            self.wait -= 1
            return
        way = self.goal - self.place
        distance = np.hypot(*way)
        if distance < 0.3:
            # Outside one stays away for up to two seconds, inside one stands for a moment.
            out = abs(self.place[0]) > 0.64 * self.place[1]
            self.wait = int(self.rng.integers(10, 60) if out else self.rng.integers(0, 25))
            self.choose()
            return
        self.velocity += 0.15 * (way / distance * self.speed - self.velocity)
        self.place = self.place + self.velocity
        self.place[1] = max(self.place[1], 3.5)
        self.phase += 6 * np.hypot(*self.velocity) + 0.02

    def box(self):
        x, depth = self.place
        scale = FOCAL / depth
        top = HEIGHT / 2 + (CAMERA_HEIGHT - self.height) * scale
        # Arms and legs swing.
        width = (self.girth * 1.5 + 0.1 * np.sin(self.phase[0])) * scale
        return np.array([WIDTH / 2 + x * scale - width / 2, top, width, self.height * scale])

    def pose(self):
        return self.stance + self.stride * np.sin(self.phase)


def visible(box, nearer):
    """The share of a box that is in the picture and in front of which nobody is, and the box of that part."""
    x = box[0] + box[2] * (np.arange(16) + 0.5) / 16
    y = box[1] + box[3] * (np.arange(24) + 0.5) / 24
    free = ((x >= 0) & (x < WIDTH))[None, :] & ((y >= 0) & (y < HEIGHT))[:, None]
    for other in nearer:
        # A body fills its box only in part.
        free &= ~((np.abs(x - other[0] - other[2] / 2) < 0.4 * other[2])[None, :]
                  & ((y > other[1] + 0.03 * other[3]) & (y < other[1] + other[3]))[:, None])
    if not free.any():
        return 0.0, box
    columns, rows = np.flatnonzero(free.any(axis=0)), np.flatnonzero(free.any(axis=1))
    part = np.array([x[columns[0]] - box[2] / 32, y[rows[0]] - box[3] / 48, (np.ptp(columns) + 1) * box[2] / 16,
                     (np.ptp(rows) + 1) * box[3] / 24])
    return free.mean(), part


def size(number: int) -> int:
    """How many people a crowd has."""
    return 2 + round(10 * number / (COUNT - 1))


def crowd(number: int):
    """Rows of detections, rows of people, the number of frames."""
    difficulty = number / (COUNT - 1)
    rng = np.random.default_rng(9000 + number)
    frames = 300
    everyone: list = []
    for _ in range(size(number)):
        # People in the same uniform are told apart by little.
        alike = everyone and rng.random() < 0.4 * difficulty
        looks = everyone[rng.integers(len(everyone))].looks + rng.normal(0, 0.03, APPEARANCE) if alike \
            else rng.normal(0, rng.uniform(0.1, 0.2), APPEARANCE)
        everyone.append(Person(rng, looks, 0 if rng.random() < 0.7 else int(rng.integers(10, 120))))
    noise, missed, wrong = 0.8 + 0.8 * difficulty, 0.01 + 0.05 * difficulty, 0.02 + 0.1 * difficulty
    detections, people = [], []
    for frame in range(frames):
        seen = []
        here = sorted((person for person in everyone if frame >= person.start), key=lambda person: person.place[1])
        for person in here:
            person.walk()
        here.sort(key=lambda person: person.place[1])
        boxes = [person.box() for person in here]
        for index, person in enumerate(here):
            box, name = boxes[index], everyone.index(person)
            share, part = visible(box, boxes[:index])
            if share < HIDDEN:
                continue
            people.append((frame, name, box))
            doubt = 1.0 if share > PARTLY else 1 + 4 * (1 - share)
            if rng.random() < (missed if share > PARTLY else 0.5):
                continue
            found = box if share > PARTLY or rng.random() < 0.3 else part
            seen.append((name, *sight(rng, person, found, noise * doubt)))
        if rng.random() < wrong:
            seen.append((-1, *sight(rng, ghost := Person(rng, rng.normal(0, 0.15, APPEARANCE), 0), ghost.box(), 3)))
        detections += [(frame, *seen[index]) for index in rng.permutation(len(seen))]
    return detections, people, frames


def sight(rng, person, box, noise: float):
    """box, score, root in the square, camera, appearance, pose: as a detector and a network would say them."""
    box = box + rng.normal(0, 0.012 * noise, 4) * box[[2, 3, 2, 3]]
    root = np.array([box[0] + box[2] / 2, box[1] + 0.52 * box[3]]) + rng.normal(0, 0.01 * noise, 2) * box[2:]
    square = (root + [0, (WIDTH - HEIGHT) / 2]) / WIDTH
    depth = person.place[1] * (WIDTH * FOCAL_IN_SQUARE / FOCAL) * np.exp(rng.normal(0, 0.025 * noise))
    camera = np.array([*((square - 0.5) * depth / FOCAL_IN_SQUARE), depth])
    looks = (person.looks + rng.normal(0, 0.025 * noise, APPEARANCE)) * 1000
    pose = person.pose() + rng.normal(0, 0.03 * noise, POSE)
    score = float(np.clip(1 - 0.05 * noise - 0.1 * rng.random(), 0.3, 1))
    return box, score, square, camera, looks, pose


def crowds(numbers=range(COUNT)) -> dict:
    made = [crowd(number) for number in numbers]
    rows = [(index, *row) for index, (detections, _, _) in enumerate(made) for row in detections]
    people = [(index, *row) for index, (_, somebody, _) in enumerate(made) for row in somebody]

    def column(of, number, kind):
        return np.array([row[number] for row in of], dtype=kind)

    return {
        "sequence": column(rows, 0, np.int32), "frame": column(rows, 1, np.int32), "truth": column(rows, 2, np.int32),
        "box": column(rows, 3, np.float32), "score": column(rows, 4, np.float32), "confidence": column(rows, 4, np.float32),
        "xy": column(rows, 5, np.float32), "camera": column(rows, 6, np.float32), "appearance": column(rows, 7, np.float32),
        "pose": column(rows, 8, np.float32), "frames": np.array([frames for _, _, frames in made], dtype=np.int32),
        "shots": np.zeros((0, 2), dtype=np.int32), "people": np.array([size(number) for number in numbers], dtype=np.int32),
        "person_sequence": column(people, 0, np.int32), "person_frame": column(people, 1, np.int32),
        "person": column(people, 2, np.int32), "person_box": column(people, 3, np.float32),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output")
    parser.add_argument("--crowds", default=f"0-{COUNT - 1}", help="FIRST-LAST")
    arguments = parser.parse_args()
    first, last = map(int, arguments.crowds.split("-"))
    np.savez(arguments.output, **crowds(range(first, last + 1)))
