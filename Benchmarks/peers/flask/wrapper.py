"""A Flask service around an engine, as one writes it: one picture in, one body out, in the fields of POST /pose/hybrid.

    python wrapper.py --engine-ms N

The engine sleeps that long and returns a body of SMPL's size; how long it slept is in the answer's header Engine-Milliseconds.
Prints its address when it listens. The server is the one that `app.run(threaded=True)` starts.
"""

import argparse
import base64
import io
import logging
import time

import cv2
import numpy as np
from flask import Flask, jsonify, request
from PIL import Image
from werkzeug.serving import make_server

VERTICES, FACES, JOINTS = 6890, 13776, 44

app = Flask(__name__)
# A line for each request goes to standard error otherwise.
logging.getLogger("werkzeug").setLevel(logging.ERROR)


class Engine:
    """Takes its time, and always sees the same body. Arrays are of the types that the networks and SMPL's file give."""

    def __init__(self, milliseconds):
        self.seconds = milliseconds / 1000
        numbers = np.random.default_rng(1)
        self.vertices = numbers.normal(0, 0.4, (VERTICES, 3)).astype(np.float32)
        self.joints = numbers.normal(0, 0.4, (JOINTS, 3)).astype(np.float32)
        self.translation = np.array([0.1, 0.2, 30], dtype=np.float32)
        self.camera = np.array([0.9, 0.01, 0.05], dtype=np.float32)
        self.faces = numbers.integers(0, VERTICES, (FACES, 3)).astype(np.uint32)

    def look(self, picture):
        """Milliseconds that it took."""
        begin = time.perf_counter()
        time.sleep(self.seconds)
        return 1000 * (time.perf_counter() - begin)


@app.post("/pose/hybrid")
def hybrid():
    data = request.get_json()
    if not data or "image_base64" not in data:
        return jsonify({"error": "image_base64 is missing"}), 400
    start = time.time()
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(data["image_base64"]))).convert("RGB"))
    picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    height, width = picture.shape[:2]
    engine = app.config["engine"]
    slept = engine.look(picture)
    tx, ty, tz = engine.translation.tolist()
    scale, crop_x, crop_y = engine.camera.tolist()
    answer = jsonify({
        "frame_number": data.get("frame_number", 0),
        "keypoints": [
            {"name": f"joint_{index}", "x": float(x), "y": float(y), "z": float(z), "confidence": 1.0}
            for index, (x, y, z) in enumerate(engine.joints)],
        "has_3d": True,
        "mesh_vertices_data": engine.vertices.tolist(),
        "mesh_faces_data": engine.faces.tolist(),
        "camera_translation": [tx, ty, tz],
        "camera_params": {"scale": scale, "tx": crop_x, "ty": crop_y, "type": "weak_perspective"},
        "camera_full": {
            "tx": tx, "ty": ty, "tz": tz, "focal_length": 5000 / 256 * max(width, height), "img_width": width,
            "img_height": height, "type": "perspective"},
        "detection": {
            "box_center": [width / 2, height / 2], "box_size": float(height), "vitdet_used": True, "num_persons_detected": 1},
        "phalp_available": True,
        "processing_time_ms": 1000 * (time.time() - start),
        "error": None,
    })
    answer.headers["Engine-Milliseconds"] = str(slept)
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine-ms", type=float, required=True)
    app.config["engine"] = Engine(parser.parse_args().engine_ms)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
