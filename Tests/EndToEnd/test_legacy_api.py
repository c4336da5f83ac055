"""The API of the service that PoseBus replaces, as its clients use it: their own requests, every field, every status.

Also the jobs behind it, and what hostile requests do to them: nothing.
"""

import base64
import concurrent.futures
import io
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import joblib
import pytest
import requests
import zmq
from images import huge_jpeg, jpegs, sound, tiny_jpeg, video
from pipeline import BIN, DEADLINE, Program, until

sys.path.insert(0, str(Path(__file__).parent.parent / "Fixtures/hmr2"))
import make_folder

NUMBER = (int, float)


class Gateway:
    """A gateway over a pipeline, with folders of its own."""

    def __init__(self, pipeline, *options):
        self.pipeline = pipeline
        self.state = pipeline.folder / "state"
        self.videos = pipeline.folder / "videos"
        self.videos.mkdir(exist_ok=True)
        self.options = options
        self.start()

    def start(self):
        at = self.pipeline.at
        self.program = Program(
            "posebus-gateway", "--bind-http", "127.0.0.1:0", "--results", at["results"], "--replay", at["replay"],
            "--preview", at["preview"], "--ingest", at["request"], "--infer", at["frames"], "--state", self.state,
            "--video-root", self.videos, *self.options, folder=self.pipeline.folder)
        self.url = self.program.ready()["http"]

    def ask(self, method, path, **options):
        return requests.request(method, self.url + path, timeout=DEADLINE, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, **options):
        return self.ask("POST", path, **options)

    def wait_until_ready(self):
        until(lambda: self.get("/health").json()["ready"], "the old service's health to be ready")
        return self

    def hybrid(self, picture, number=0):
        """As the old clients send a picture."""
        return self.post("/pose/hybrid", json={
            "image_base64": base64.b64encode(picture).decode(), "frame_number": number, "visualize": False})

    def status(self, job):
        answer = self.get(f"/pose/video/status/{job}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_until_over(self, job):
        def over():
            status = self.status(job)
            return status if status["status"] in ("completed", "failed", "cancelled") else None

        return until(over, f"the end of job {job}", 4 * DEADLINE)


@pytest.fixture
def gateway(start):
    def gateway(*options, **pipeline):
        return Gateway(start(**pipeline), *options).wait_until_ready()

    return gateway


def shape(value):
    """The lengths of nested lists, which must be regular."""
    if not isinstance(value, list):
        return ()
    inner = {shape(item) for item in value}
    assert len(inner) <= 1, "ragged"
    return (len(value), *(inner.pop() if inner else ()))


def check_picture(answer, frame_number, points=None):
    """Every documented field of POST /pose/hybrid with its type; for a picture with somebody in it."""
    assert answer["frame_number"] == frame_number
    assert answer["has_3d"] is True and answer["error"] is None and answer["phalp_available"] is True
    assert [point["name"] for point in answer["keypoints"]] == [f"joint_{i}" for i in range(len(answer["keypoints"]))]
    assert points is None or len(answer["keypoints"]) == points
    for point in answer["keypoints"]:
        assert all(isinstance(point[key], NUMBER) for key in "xyz")
        assert 0 <= point["confidence"] <= 1
    assert shape(answer["camera_translation"]) == (3,) and answer["camera_translation"][2] > 0
    camera = answer["camera_params"]
    assert camera["type"] == "weak_perspective" and camera["scale"] > 0
    assert isinstance(camera["tx"], NUMBER) and isinstance(camera["ty"], NUMBER)
    full = answer["camera_full"]
    assert full["type"] == "perspective" and full["focal_length"] > 0
    assert [full["tx"], full["ty"], full["tz"]] == answer["camera_translation"]
    assert isinstance(full["img_width"], int) and isinstance(full["img_height"], int)
    detection = answer["detection"]
    assert shape(detection["box_center"]) == (2,) and detection["box_size"] > 0
    assert detection["vitdet_used"] is True and detection["num_persons_detected"] >= 1
    assert answer["processing_time_ms"] > 0
    # The weak-perspective camera of the crop, turned into that of the picture as 4D-Humans does, is the full one.
    side = detection["box_size"] * camera["scale"]
    for axis, middle, size in ((0, detection["box_center"][0], "img_width"), (1, detection["box_center"][1], "img_height")):
        forward = 2 * (middle - full[size] / 2) / side + camera[("tx", "ty")[axis]]
        assert forward == pytest.approx(answer["camera_translation"][axis], abs=2e-3)
    assert 2 * full["focal_length"] / side == pytest.approx(full["tz"], rel=1e-3)


def check_frames(frames, count, with_bodies=False):
    """Every documented field of the frames of POST /pose/video with its type."""
    assert [frame["frame_number"] for frame in frames] == list(range(count))
    stamps = [frame["timestamp"] for frame in frames]
    assert stamps[0] == 0 and stamps == sorted(stamps)
    persons = [person for frame in frames for person in frame["persons"]]
    for person in persons:
        assert isinstance(person["track_id"], int)
        assert 0 <= person["confidence"] <= 1 and 0 <= person["tracking_confidence"] <= 1
        x1, y1, x2, y2 = person["bbox"]
        assert x1 < x2 and y1 < y2
        assert set(person["camera"]) == {"tx", "ty", "tz"}
        points = len(person["keypoints_3d"])
        assert shape(person["keypoints_3d"]) == (points, 3) and shape(person["keypoints_2d"]) == (points, 2)
        smpl = person["smpl"]
        if with_bodies:
            assert (shape(smpl["betas"]), shape(smpl["body_pose"]), shape(smpl["global_orient"])) == (
                (10,), (23, 3, 3), (1, 3, 3))
            assert shape(person["mesh_vertices"]) == (6890, 3)
        else:
            assert smpl == {"betas": [], "body_pose": [], "global_orient": []} and person["mesh_vertices"] == []
    return persons


# What the light engine and the bus alone can show -------------------------------------------------------------------


def test_health_of_a_pipeline_that_is_up(gateway):
    service = gateway()
    health = service.get("/health")
    assert health.status_code == 200
    health = health.json()
    assert health["status"] == "ready" and health["ready"] is True and health["vitdet_available"] is True
    assert set(health["models"]) == {"hmr2", "vitdet", "phalp"}
    assert set(health["models"].values()) <= {"loaded", "not_loaded"}
    assert health["error"] is None and "device" in health

    detailed = service.get("/api/pose/health")
    assert detailed.status_code == 200
    detailed = detailed.json()
    assert detailed["status"] == "healthy" and detailed["models_loaded"] is True
    assert isinstance(detailed["gpu_available"], bool) and abs(detailed["timestamp"] - time.time()) < 600
    assert all(isinstance(value, bool) for value in detailed["models"].values())
    assert detailed["pool"] == {"gpu_busy": False, "queue_length": 0, "active_jobs": 0}

    pool = service.get("/api/pose/pool-status")
    assert pool.status_code == 200
    pool = pool.json()
    assert pool["pool"] == {"gpu_busy": False, "max_workers": 1, "active_workers": 0, "available_workers": 1}
    assert pool["queue"] == {"length": 0, "estimated_wait_time_seconds": 0}
    assert {key: pool["jobs"][key] for key in ("total", "queued", "processing", "completed")} == {
        "total": 0, "queued": 0, "processing": 0, "completed": 0}
    assert pool["system"]["models_loaded"] is True

    faces = service.get("/debug/faces").json()
    assert faces["status"] in ("loaded", "not_loaded")


def test_nobody_in_the_picture_is_no_error(gateway):
    service = gateway()
    answer = service.hybrid(tiny_jpeg(), 7)
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    assert answer["frame_number"] == 7 and answer["has_3d"] is False and answer["error"] is None
    assert answer["keypoints"] == answer["mesh_vertices_data"] == answer["mesh_faces_data"] == []
    assert answer["camera_translation"] is None and answer["detection"]["num_persons_detected"] == 0
    assert (answer["frame_width"], answer["frame_height"]) == (64, 48)


@pytest.mark.parametrize("number", [0, 41, -3, 2.5, "frame-9", None])
def test_the_frame_number_comes_back_as_it_was_sent(gateway, number):
    assert gateway().hybrid(tiny_jpeg(), number).json()["frame_number"] == (0 if number is None else number)


def test_pictures_in_other_formats(gateway, tmp_path):
    service = gateway()
    for kind in ("png", "bmp", "tiff", "gif", "ppm"):
        path = tmp_path / f"picture.{kind}"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=96x64", "-frames:v", "1", "-update", "1", path],
            check=True, timeout=DEADLINE)
        answer = service.hybrid(path.read_bytes())
        assert answer.status_code == 200, (kind, answer.text)
        assert (answer.json()["frame_width"], answer.json()["frame_height"]) == (96, 64)


def test_a_canvas_of_a_browser(gateway):
    url = "data:image/jpeg;base64," + base64.b64encode(tiny_jpeg()).decode()
    answer = gateway().post("/pose/hybrid", json={"image_base64": url})
    assert answer.status_code == 200, answer.text


def test_many_pictures_at_once_get_their_own_answers(gateway):
    service = gateway()
    sizes = [(64 + 16 * i, 48 + 16 * (i % 5)) for i in range(24)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(
            lambda item: service.hybrid(jpegs(1, f"{item[1][0]}x{item[1][1]}")[0], item[0]), enumerate(sizes)))
    for index, (answer, size) in enumerate(zip(answers, sizes)):
        assert answer.status_code == 200, answer.text
        answer = answer.json()
        assert (answer["frame_number"], answer["frame_width"], answer["frame_height"]) == (index, *size)


def bad_pictures():
    good = base64.b64encode(tiny_jpeg()).decode()
    as_json = {"Content-Type": "application/json"}
    deep = b'{"image_base64":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    return {
        "no JSON": ({"data": b"picture", "headers": as_json}, 400, "No JSON data provided"),
        "empty body": ({"data": b"", "headers": as_json}, 400, "No JSON data provided"),
        "an array": ({"json": ["image_base64"]}, 400, "No JSON data provided"),
        "null": ({"data": b"null", "headers": as_json}, 400, "No JSON data provided"),
        "empty object": ({"json": {}}, 400, "Missing image_base64"),
        "wrong type": ({"json": {"image_base64": 5}}, 400, "image_base64"),
        "wrong frame number": ({"json": {"image_base64": good, "frame_number": [1]}}, 400, "frame_number"),
        "no base64": ({"json": {"image_base64": "§§§"}}, 400, "Failed to decode image"),
        "no picture": ({"json": {"image_base64": base64.b64encode(b"hello").decode()}}, 400, "Failed to decode image"),
        "damaged JPEG": (
            {"json": {"image_base64": base64.b64encode(tiny_jpeg()[:200]).decode()}}, 400, "Failed to decode image"),
        "enormous JPEG": (
            {"json": {"image_base64": base64.b64encode(huge_jpeg()).decode()}}, 400, "Failed to decode image"),
        "playlist": (
            {"json": {"image_base64": base64.b64encode(b"#EXTM3U\nfile:///etc/passwd\n").decode()}}, 400,
            "Failed to decode image"),
        "deep": ({"data": deep, "headers": as_json}, 400, "No JSON data provided"),
        "form": ({"data": {"image_base64": good}}, 415, "application/json"),
        "multipart": ({"files": {"frame": tiny_jpeg()}}, 415, "application/json"),
        "no type": ({"data": json.dumps({"image_base64": good})}, 415, "application/json"),
        "too large": (
            {"data": b'{"image_base64":"' + b"A" * (9 << 20) + b'"}', "headers": as_json}, 413, ""),
        "not UTF-8": ({"data": b'{"image_base64":"\xff\xfe"}', "headers": as_json}, 400, ""),
    }


def test_bad_pictures_are_refused_and_disturb_nobody(gateway):
    service = gateway("--max-body", 8 << 20)
    for name, (request, status, text) in bad_pictures().items():
        answer = service.post("/pose/hybrid", **request)
        assert answer.status_code == status, (name, answer.status_code, answer.text[:300])
        assert text in answer.json()["error"], (name, answer.text[:300])
        assert service.hybrid(tiny_jpeg()).status_code == 200, name


def test_wrong_methods_and_unknown_jobs(gateway):
    service = gateway()
    assert service.get("/pose/hybrid").status_code == 405
    assert service.post("/health").status_code == 405
    unknown = service.get("/pose/video/status/no-such-job")
    assert unknown.status_code == 404 and "no-such-job" in unknown.json()["error"]
    assert service.get("/v1/jobs/no-such-job").status_code == 404
    assert service.ask("DELETE", "/v1/jobs/no-such-job").status_code == 404


def test_a_video_is_waited_for_and_comes_with_all_its_frames(gateway):
    service = gateway()
    path = video(service.videos / "ride.mp4", frames=40)
    answer = service.post("/pose/video", json={"video_path": str(path)})
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    assert answer["status"] == "success" and answer["video_path"] == str(path)
    assert answer["total_frames"] == 40 and "pkl_path" in answer
    assert answer["processing_time_seconds"] >= 0 and answer["parsing_time_seconds"] >= 0
    check_frames(answer["frames"], 40)
    # The video's own rate.
    assert answer["frames"][25]["timestamp"] == pytest.approx(1, abs=1e-3)

    status = service.status(answer["job_id"])
    assert status["job_id"] == answer["job_id"] and status["status"] == "completed"
    assert status["video_path"] == str(path)
    assert status["queued_at"] <= status["started_at"] <= status["completed_at"] <= time.time() + 600
    assert status["result"]["frames"] == answer["frames"] and status["result"]["total_frames"] == 40
    short = service.get(f"/pose/video/status/{answer['job_id']}?frames=0").json()
    assert "frames" not in short["result"] and short["result"]["total_frames"] == 40
    assert service.get("/api/pose/pool-status").json()["jobs"]["completed"] == 1


def test_videos_queue_behind_one_that_runs_and_are_really_processed(gateway):
    service = gateway()
    # While infer is away nothing ends.
    service.pipeline.terminate("infer")
    first, second, third = (video(service.videos / f"{name}.mp4", frames=10 + i) for i, name in enumerate("abc"))
    answers = {}
    waiting = threading.Thread(
        target=lambda: answers.setdefault("first", service.post("/pose/video", json={"video_path": str(first)})))
    waiting.start()
    until(lambda: service.get("/api/pose/pool-status").json()["pool"]["gpu_busy"], "the first video to be processed")
    jobs = []
    for position, path in ((1, second), (2, third)):
        answer = service.post("/pose/video", json={"video_path": str(path)})
        assert answer.status_code == 202, answer.text
        answer = answer.json()
        assert answer["status"] == "queued" and answer["queue_position"] == position and answer["message"]
        status = service.status(answer["job_id"])
        assert status["status"] == "queued" and status["result"] is None and status["started_at"] is None
        jobs.append(answer["job_id"])
    health = service.get("/api/pose/health").json()["pool"]
    assert health == {"gpu_busy": True, "queue_length": 2, "active_jobs": 3}
    pool = service.get("/api/pose/pool-status").json()
    assert pool["queue"]["length"] == 2 and pool["queue"]["estimated_wait_time_seconds"] > 0
    assert pool["pool"]["active_workers"] == 1 and pool["pool"]["available_workers"] == 0
    service.pipeline.start("infer")
    ends = [service.wait_until_over(job) for job in jobs]
    assert [end["status"] for end in ends] == ["completed", "completed"]
    assert [end["result"]["total_frames"] for end in ends] == [11, 12]
    for end, count in zip(ends, (11, 12)):
        check_frames(end["result"]["frames"], count)
    waiting.join(DEADLINE)
    # It was asked for while infer was known to be away, or just before.
    assert answers["first"].status_code in (200, 202)


def bad_videos(service):
    """Paths that name no video which may be read, with a word of the reason."""
    videos, outside = service.videos, service.pipeline.folder / "outside"
    outside.mkdir()
    secret = video(outside / "secret.mp4", frames=3)
    (videos / "link.mp4").symlink_to(secret)
    (videos / "folder-link").symlink_to(outside)
    (videos / "zero").symlink_to("/dev/zero")
    (videos / "sub").mkdir()
    (videos / "empty.mp4").touch()
    (videos / "text.mp4").write_text("this is no video\n" * 50)
    (videos / "sound.mp4").write_bytes(sound(outside / "sound.mp4").read_bytes())
    (videos / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    (videos / "list.mp4").write_text(f"ffconcat version 1.0\nfile {secret}\n")
    os.mkfifo(videos / "pipe.mp4")
    return [
        (str(secret), "not found"), ("../outside/secret.mp4", "not found"), (f"{videos}/../outside/secret.mp4", "not found"),
        (str(videos / "link.mp4"), "not found"), (str(videos / "folder-link/secret.mp4"), "not found"),
        ("http://127.0.0.1:1/x.mp4", "not found"), (f"file://{secret}", "not found"), ("rtsp://127.0.0.1/x", "not found"),
        (f"concat:{secret}", "not found"), ("-", "not found"), ("pipe:0", "not found"), ("/dev/zero", "not found"),
        (str(videos / "zero"), "not found"), ("", "not found"), ("x" * 10_000, "not found"), ("a\0b", "not found"),
        ("$(touch /tmp/pwned)", "not found"), (str(videos / "nothing.mp4"), "not found"),
        (str(videos / "sub"), "no file"), (str(videos), "not found"), (str(videos / "pipe.mp4"), "no file"),
        (str(videos / "empty.mp4"), "empty"), (str(videos / "text.mp4"), "Not a video"),
        (str(videos / "sound.mp4"), "Not a video"), (str(videos / "list.m3u8"), "Not a video"),
        (str(videos / "list.mp4"), "Not a video"),
    ]


def test_only_videos_in_the_configured_folders_are_read(gateway):
    service = gateway()
    for path, text in bad_videos(service):
        answer = service.post("/pose/video", json={"video_path": path})
        assert answer.status_code == 400, (path[:100], answer.text[:300])
        assert text in answer.json()["error"], (path[:100], answer.text[:300])
    for body, text in (({}, "Missing video_path"), ({"video_path": 3}, "video_path"), ([], "No JSON")):
        answer = service.post("/pose/video", json=body)
        assert answer.status_code == 400 and text in answer.json()["error"]
    # None of it became a job, and a good one still does.
    assert service.get("/v1/jobs").json() == {"jobs": []}
    good = video(service.videos / "good.mp4", frames=5)
    assert service.post("/pose/video", json={"video_path": "good.mp4"}).json()["total_frames"] == 5
    assert good.exists()


def test_without_a_root_no_path_is_read(start):
    pipeline = start()
    service = Gateway.__new__(Gateway)
    service.pipeline, service.state, service.options = pipeline, pipeline.folder / "state", ()
    at = pipeline.at
    service.program = Program(
        "posebus-gateway", "--bind-http", "127.0.0.1:0", "--results", at["results"], "--replay", at["replay"], "--ingest",
        at["request"], "--infer", at["frames"], "--state", service.state, folder=pipeline.folder)
    service.url = service.program.ready()["http"]
    answer = service.post("/pose/video", json={"video_path": str(video(pipeline.folder / "a.mp4", frames=2))})
    assert answer.status_code == 400 and "--video-root" in answer.json()["error"]


def test_a_damaged_video_fails_with_its_reason(gateway):
    service = gateway()
    whole = video(service.videos / "whole.mp4", frames=100).read_bytes()
    # The container's index comes first, so the file still opens.
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", service.videos / "whole.mp4", "-c", "copy", "-movflags", "faststart",
         service.videos / "fast.mp4"], check=True, timeout=DEADLINE)
    fast = (service.videos / "fast.mp4").read_bytes()
    assert len(fast) > len(whole) // 2
    (service.videos / "cut.mp4").write_bytes(fast[: len(fast) // 2])
    answer = service.post("/pose/video", json={"video_path": "cut.mp4"})
    assert answer.status_code == 500, answer.text
    answer = answer.json()
    assert "broke off" in answer["error"] and answer["job_id"]
    status = service.status(answer["job_id"])
    assert status["status"] == "failed" and status["error"] == answer["error"] and status["result"] is None


def test_a_job_that_takes_too_long_fails_in_the_old_words(gateway):
    service = gateway("--job-timeout", 1)
    service.pipeline.terminate("infer")
    path = video(service.videos / "slow.mp4", frames=10)
    answer = service.post("/pose/video", json={"video_path": str(path)}).json()
    end = service.wait_until_over(answer["job_id"])
    assert end["status"] == "failed" and end["error"] == "Processing timeout (exceeded 1000ms)"


def test_a_client_that_hangs_up_does_not_stop_its_job(gateway):
    service = gateway()
    path = video(service.videos / "long.mp4", frames=3000)
    host, port = service.url.removeprefix("http://").split(":")
    body = json.dumps({"video_path": str(path)}).encode()
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
        connection.sendall(
            b"POST /pose/video HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
            + str(len(body)).encode() + b"\r\n\r\n" + body)
        until(lambda: service.get("/v1/jobs").json()["jobs"], "the job")
    job = service.get("/v1/jobs").json()["jobs"][0]["job_id"]
    end = service.wait_until_over(job)
    assert end["status"] == "completed" and end["progress"] == {"frames": 3000, "total": 3000}


def test_jobs_survive_a_gateway_that_is_killed(gateway):
    service = gateway()
    service.pipeline.terminate("infer")
    paths = [video(service.videos / f"{name}.mp4", frames=20 + i) for i, name in enumerate("ab")]
    jobs = []
    for path in paths:
        answer = service.post("/v1/videos?name=" + path.name, data=path.read_bytes())
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['job_id']}"
        jobs.append(answer.json()["job_id"])
    until(lambda: service.get(f"/v1/jobs/{jobs[0]}").json()["status"] == "processing", "the first job")
    service.program.kill()
    service.pipeline.start("infer")
    service.start()
    service.wait_until_ready()
    ends = [service.wait_until_over(job) for job in jobs]
    assert [end["status"] for end in ends] == ["completed", "completed"]
    for end, count in zip(ends, (20, 21)):
        check_frames(end["result"]["frames"], count)
    # Uploads go with their jobs.
    assert until(lambda: not list((service.state / "uploads").iterdir()), "the uploads' end")
    assert service.program.terminate() == 0


def test_a_picture_while_a_video_is_processed(gateway):
    service = gateway()
    path = video(service.videos / "long.mp4", frames=2000)
    job = service.post("/v1/videos", data=path.read_bytes()).json()["job_id"]
    pictures = 0
    while service.get(f"/v1/jobs/{job}").json()["status"] in ("queued", "processing"):
        answer = service.hybrid(tiny_jpeg(), pictures)
        assert answer.status_code == 200 and answer.json()["frame_number"] == pictures
        pictures += 1
    end = service.wait_until_over(job)
    assert end["status"] == "completed" and end["result"]["total_frames"] == 2000
    assert pictures > 0


def test_uploads(gateway):
    service = gateway("--max-video", 300_000)
    path = video(service.videos / "ride.mp4", frames=30)
    answer = service.post("/v1/videos", params={"name": "../../my ride.mp4", "stream": "slope"}, data=path.read_bytes())
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert job["source"] == "my ride.mp4" and job["stream"] == "slope"
    assert set(job) == {"job_id", "stream", "session", "status", "queue_position", "progress", "queued_at", "started_at",
                        "completed_at", "error", "source"}
    end = service.wait_until_over(job["job_id"])
    assert end["status"] == "completed" and end["video_path"] == "my ride.mp4"
    modern = service.get(f"/v1/jobs/{job['job_id']}").json()
    assert modern["progress"] == {"frames": 30, "total": 30} and modern["session"]
    assert modern["queue_position"] is None and modern["error"] is None
    # In pieces of unknown length, as a browser streams it.
    data = path.read_bytes()
    answer = service.post("/v1/videos", data=(data[i:i + 1000] for i in range(0, len(data), 1000)))
    assert answer.status_code == 202
    for data, status in ((b"", 400), (b"no video at all " * 100, 415), (tiny_jpeg(), 415),
                         (b"x" * 400_000, 413), ((b"x" * 1000 for _ in range(400)), 413)):
        answer = service.post("/v1/videos", data=data)
        assert answer.status_code == status, (status, answer.status_code, answer.text)
        assert answer.json()["error"]
    assert service.post("/v1/videos?stream=a/b", data=path.read_bytes()).status_code == 400
    until(lambda: not list((service.state / "uploads").iterdir()), "the uploads' end")


def test_cancelling_jobs(gateway):
    service = gateway()
    service.pipeline.terminate("infer")
    data = video(service.videos / "ride.mp4", frames=30).read_bytes()
    first, second = (service.post("/v1/videos", data=data).json()["job_id"] for _ in range(2))
    assert service.get(f"/v1/jobs/{second}").json()["queue_position"] == 1
    for job in (second, first):
        answer = service.ask("DELETE", f"/v1/jobs/{job}")
        assert answer.status_code == 200 and answer.json()["status"] == "cancelled", answer.text
    # Cancelled again it stays what it is.
    assert service.ask("DELETE", f"/v1/jobs/{first}").json()["status"] == "cancelled"
    assert not list((service.state / "uploads").iterdir())


def test_two_gateways_do_not_share_a_state_folder(gateway):
    service = gateway()
    second = Program(
        "posebus-gateway", "--bind-http", "127.0.0.1:0", "--state", service.state, folder=service.pipeline.folder)
    assert second.end() == 73
    assert "another gateway" in second.errors()


def test_while_models_load(start):
    """Infer is not there: the old service said the same while it loaded its models."""
    pipeline = start()
    pipeline.terminate("infer")
    service = Gateway(pipeline)
    health = service.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "warming_up" and health.json()["ready"] is False and health.json()["error"]
    detailed = service.get("/api/pose/health")
    assert detailed.status_code == 503 and detailed.json()["status"] == "initializing"
    answer = service.hybrid(tiny_jpeg())
    assert answer.status_code == 503 and "HMR2 model not loaded" in answer.json()["error"]
    # A picture that is none is the requester's fault whatever is loaded.
    assert service.hybrid(b"hello").status_code == 400
    # A video is taken all the same, and processed once somebody is there.
    path = video(service.videos / "ride.mp4", frames=6)
    answer = service.post("/pose/video", json={"video_path": str(path)})
    assert answer.status_code == 202, answer.text
    pipeline.start("infer")
    service.wait_until_ready()
    assert service.wait_until_over(answer.json()["job_id"])["result"]["total_frames"] == 6
    assert service.hybrid(tiny_jpeg()).status_code == 200


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed: apt-get install curl")
def test_curl_as_in_the_old_reference(gateway):
    """Submit, poll, fetch: the shell session of the old documents, without jq."""
    service = gateway()
    path = video(service.videos / "ride.mp4", frames=8)

    def curl(*arguments):
        return json.loads(subprocess.run(
            ["curl", "-s", "--max-time", str(DEADLINE), *arguments], check=True, capture_output=True, timeout=2 * DEADLINE).stdout)

    submitted = curl("-X", "POST", f"{service.url}/pose/video", "-H", "Content-Type: application/json", "-d",
                     json.dumps({"video_path": str(path)}))
    job = submitted["job_id"]
    until(lambda: curl(f"{service.url}/pose/video/status/{job}")["status"] == "completed", "the job's end")
    assert len(curl(f"{service.url}/pose/video/status/{job}")["result"]["frames"]) == 8


# Persons -----------------------------------------------------------------------------------------------------------


def person_frames(folder, clip, count=1, start=20):
    """JPEGs out of a clip."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clip, "-vf", f"select=gte(n\\,{start})", "-frames:v", str(count), "-q:v", "2",
         folder / "frame%03d.jpg"], check=True, timeout=DEADLINE)
    return [path.read_bytes() for path in sorted(folder.glob("frame*.jpg"))]


def test_a_rider_with_the_light_engine(gateway, models, clips, tmp_path):
    service = gateway(engine="blazepose")
    picture = person_frames(tmp_path, clips / "kicker.mp4")[0]
    answer = service.hybrid(picture, 20)
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    check_picture(answer, 20, points=33)
    assert answer["mesh_vertices_data"] == answer["mesh_faces_data"] == []

    shutil.copy(clips / "kicker.mp4", service.videos)
    result = service.post("/pose/video", json={"video_path": "kicker.mp4"})
    assert result.status_code == 200, result.text
    result = result.json()
    persons = check_frames(result["frames"], result["total_frames"])
    assert len(persons) > result["total_frames"] / 2
    assert service.get("/health").json()["device"] in (None, "cpu", "cuda")


def rendered(pipeline, folder, frames):
    """The rendered test person as JPEGs, as ingest's preview shows what it was fed, and as a video."""
    preview = pipeline.socket(zmq.SUB, "preview")
    preview.subscribe("preview/figure")
    time.sleep(0.5)
    subprocess.run(
        [BIN / "posebus", "feed", f"test:?frames={frames}&width=640&height=480", "--stream", "figure", "--to",
         pipeline.at["request"]], check=True, timeout=DEADLINE)
    pictures = [preview.recv_multipart()[-1] for _ in range(frames)]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "image2pipe", "-framerate", "25", "-i", "-", "-c:v", "mpeg4", "-q:v", "2", folder],
        check=True, input=b"".join(pictures), timeout=DEADLINE)
    return pictures


def test_the_rendered_person(gateway, models):
    service = gateway(engine="blazepose")
    pictures = rendered(service.pipeline, service.videos / "figure.mp4", 20)
    answer = service.hybrid(pictures[10], 10)
    assert answer.status_code == 200, answer.text
    check_picture(answer.json(), 10, points=33)
    result = service.post("/pose/video", json={"video_path": "figure.mp4"}).json()
    assert result["total_frames"] == 20
    assert len(check_frames(result["frames"], 20)) >= 15


def test_the_points_of_the_light_engine_are_seen_where_its_camera_says(gateway, models, clips, tmp_path):
    """The camera of an engine without one: what puts its points where they were seen."""
    service = gateway(engine="blazepose")
    answer = service.hybrid(person_frames(tmp_path, clips / "kicker.mp4")[0]).json()
    full = answer["camera_full"]
    center = answer["detection"]["box_center"]
    half = answer["detection"]["box_size"] / 2
    for point in answer["keypoints"]:
        z = point["z"] + full["tz"]
        x = full["focal_length"] * (point["x"] + full["tx"]) / z + full["img_width"] / 2
        y = full["focal_length"] * (point["y"] + full["ty"]) / z + full["img_height"] / 2
        assert math.hypot(x - center[0], y - center[1]) < 2 * half


def test_a_rider_with_bodies(gateway, models, clips, tmp_path):
    folder = tmp_path / "hmr2"
    make_folder.make(folder, "tiny", "b")
    service = gateway(
        "--hmr2-dir", folder, "--engine", "hmr2", "--device", "cpu", engine="hmr2",
        infer=["--hmr2-dir", folder, "--device", "cpu"])
    answer = service.hybrid(person_frames(tmp_path, clips / "kicker.mp4")[0], 3)
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    check_picture(answer, 3, points=44)
    vertices, faces = answer["mesh_vertices_data"], answer["mesh_faces_data"]
    assert shape(vertices) == (6890, 3)
    assert shape(faces)[1] == 3 and all(0 <= corner < len(vertices) for face in faces for corner in face)
    assert service.get("/health").json()["models"]["hmr2"] == "loaded"
    loaded = service.get("/debug/faces").json()
    assert loaded["status"] == "loaded" and loaded["total_faces"] == len(faces) and loaded["first_face"] == faces[0]

    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clips / "kicker.mp4", "-frames:v", "6", service.videos / "short.mp4"], check=True,
        timeout=DEADLINE)
    result = service.post("/pose/video", json={"video_path": "short.mp4"})
    assert result.status_code == 200, result.text
    assert check_frames(result.json()["frames"], 6, with_bodies=True)
    # PHALP's own file, as the old service left it, and the same over HTTP.
    ours = joblib.load(result.json()["pkl_path"])
    assert len(ours) == 6 and all(len(frame["smpl"]) == len(frame["tid"]) for frame in ours.values())
    assert service.post("/pose/video", json={"video_path": "short.mp4"}).json()["pkl_path"] != result.json()["pkl_path"]
    export = f"/v1/sessions/{result.json()['session']}/export?format="
    assert service.get(export + "phalp").content == Path(result.json()["pkl_path"]).read_bytes()
    with zipfile.ZipFile(io.BytesIO(service.get(export + "ply").content)) as meshes:
        assert meshes.testzip() is None and all(name.endswith(".ply") for name in meshes.namelist())
        assert len(meshes.namelist()) == sum(len(frame["tid"]) for frame in ours.values())
