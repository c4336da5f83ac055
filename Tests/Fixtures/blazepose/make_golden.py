#!/usr/bin/env python3
"""Writes golden.json: what MediaPipe's pose calculators compute on made-up tensors.

The tensors come from one integer hash (`noise`), so that the Swift tests make the very same ones and the fixture holds
results only. The arithmetic below is written from the calculators' description in numpy, apart from the Swift code;
the crops are cut by OpenCV, as MediaPipe's CPU graphs do.

    python3 make_golden.py > golden.json        # needs numpy and opencv-python-headless
"""
import json
import math

import cv2
import numpy as np


def noise(count, seed):
    """`count` numbers in 0 ..< 1."""
    index = np.arange(count, dtype=np.uint64) + np.uint64(seed) * np.uint64(1_000_003)
    value = (index * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    value ^= value >> np.uint64(15)
    value = (value * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    value ^= value >> np.uint64(13)
    return (value >> np.uint64(8)).astype(np.float32) / np.float32(1 << 24)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(np.asarray(x, np.float64), -100, 100)))


def anchors():
    result = []
    for stride, per_cell in ((8, 2), (16, 2), (32, 6)):
        cells = 224 // stride
        for row in range(cells):
            for column in range(cells):
                result += [((column + 0.5) / cells, (row + 0.5) / cells)] * per_cell
    return np.array(result)


def overlap(a, b):
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if (size <= 0).any():
        return 0.0
    both = size.prod()
    return both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both)


def detections():
    centers = anchors()
    boxes = (noise(2254 * 12, 1).reshape(2254, 12) - 0.5) * 80
    boxes[:, 2:4] = 30 + 40 * noise(2254 * 2, 2).reshape(2254, 2)
    boxes[5::7, 2] *= -1  # boxes of negative width are left out
    logits = noise(2254, 3) * 24 - 22
    scores = sigmoid(logits)
    found = []
    for i in np.flatnonzero(scores >= 0.5):
        values = boxes[i].astype(np.float64) / 224
        if values[2] < 0 or values[3] < 0:
            continue
        middle, half = centers[i] + values[:2], values[2:4] / 2
        corners = np.concatenate([middle - half, middle + half])
        found.append((scores[i], corners, values[4:].reshape(4, 2) + centers[i]))
    found.sort(key=lambda d: -d[0])
    result = []
    while found:
        best = found[0]
        group = [d for d in found if overlap(d[1], best[1]) > 0.3]
        rest = [d for d in found if overlap(d[1], best[1]) <= 0.3]
        total = sum(d[0] for d in group)
        result.append({
            "score": float(best[0]),
            "corners": (sum(d[0] * d[1] for d in group) / total).tolist(),
            "points": (sum(d[0] * d[2] for d in group) / total).ravel().tolist(),
        })
        found = rest
    return result


REGION = (310.0, 150.0, 200.0, 0.6)  # centre, side, rotation


def matrix(region):
    x, y, size, angle = region
    c, s = size * math.cos(angle), size * math.sin(angle)
    return np.array([[c, -s, x - c / 2 + s / 2], [s, c, y - s / 2 - c / 2]])


def landmarks():
    raw = noise(39 * 5, 4).reshape(39, 5) * 300 - 20
    raw[:, 3:] = raw[:, 3:] / 30 - 4
    heatmap = noise(64 * 64 * 39, 5).reshape(64, 64, 39) * 12 - 10
    world = noise(39 * 3, 6).reshape(39, 3) * 2 - 1
    place = raw[:, :2].astype(np.float64) / 256
    for i in range(39):
        column, row = int(place[i, 0] * 64), int(place[i, 1] * 64)
        if not (0 <= column < 64 and 0 <= row < 64):
            continue
        rows, columns = slice(max(0, row - 4), min(64, row + 5)), slice(max(0, column - 4), min(64, column + 5))
        weight = sigmoid(heatmap[rows, columns, i])
        if weight.max() >= 0.5:
            place[i] = [(weight.sum(0) * np.arange(64)[columns]).sum() / 64 / weight.sum(),
                        (weight.sum(1) * np.arange(64)[rows]).sum() / 64 / weight.sum()]
    m = matrix(REGION)
    pixels = place @ m[:, :2].T + m[:, 2]
    c, s = math.cos(REGION[3]), math.sin(REGION[3])
    metres = np.c_[c * world[:, 0] - s * world[:, 1], s * world[:, 0] + c * world[:, 1], world[:, 2]]
    return {
        "pixels": pixels[:35].round(4).tolist(),
        "depth": (raw[:33, 2] / 256 * REGION[2]).tolist(),
        "visibility": sigmoid(raw[:33, 3]).tolist(),
        "presence": sigmoid(raw[:33, 4]).tolist(),
        "metres": metres[:33].tolist(),
    }


def crops():
    image = (noise(48 * 64 * 3, 7).reshape(48, 64, 3) * 255).astype(np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 2)  # so that OpenCV's steps of 1/32 pixel hardly matter
    result = {"image": image.ravel().tolist(), "crops": []}
    for region, border in (((30, 25, 20, 0.5), "zero"), ((5, 40, 60, -1.1), "replicate"), ((32, 24, 64, 0), "zero")):
        m = matrix(region)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ m[:, :2].T + m[:, 2]
        side = 16
        transform = cv2.getPerspectiveTransform(
            corners.astype(np.float32), np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32))
        mode = cv2.BORDER_CONSTANT if border == "zero" else cv2.BORDER_REPLICATE
        pixels = cv2.warpPerspective(image, transform, (side, side), flags=cv2.INTER_LINEAR, borderMode=mode)
        result["crops"].append({"region": region, "border": border, "pixels": pixels.ravel().tolist()})
    return result


def filtered():
    """One-euro filter of the auxiliary landmarks: cutoff 0.01, beta 10, derivative cutoff 1."""
    raw = 300 + 40 * noise(12, 8).astype(np.float64)
    interval, scale, output = 1 / 30, 1 / 180, []

    def weight(cutoff):
        return 1 / (1 + 1 / (2 * math.pi * cutoff) / interval)

    value, derivative = None, 0.0
    for i, x in enumerate(raw):
        if value is None:
            value = x
        else:
            derivative += weight(1) * ((x - raw[i - 1]) * scale / interval - derivative)
            value += weight(0.01 + 10 * abs(derivative)) * (x - value)
        output.append(value)
    return {"raw": raw.tolist(), "filtered": output}


def rounded(value):
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return value


print(json.dumps(rounded({
    "anchors": {"count": len(anchors()), "first": anchors()[0].tolist(), "at1600": anchors()[1600].tolist(),
                "last": anchors()[-1].tolist(), "sum": anchors().sum(0).tolist()},
    "detections": detections(), "region": REGION, "landmarks": landmarks(), "crops": crops(), "filter": filtered(),
})))
