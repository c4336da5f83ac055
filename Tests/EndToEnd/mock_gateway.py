"""A gateway made of nothing but data, to look at the viewer without the stages.

It speaks the gateway's HTTP and WebSocket as docs/gateway.md describes them and can be told to misbehave: stages that are
down, keys that are asked for, connections that are lost, recordings with and without pictures.

    python mock_gateway.py --port 5001 [--folder DIR]

DIR holds NAME.jsonl (from `posebus export --format json`) and NAME/000000.jpg and so on; without it the recordings are made up.
"""

import argparse
import asyncio
import json
import math
import struct
import time
import uuid
from pathlib import Path

import numpy as np
from aiohttp import WSMsgType, web

ROOT = Path(__file__).resolve().parents[2]
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
# BlazePose's bones without face and fingers.
LIMBS = [(11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (24, 26),
         (26, 28), (27, 31), (28, 32), (7, 8), (0, 7), (0, 8)]
SIDES, RINGS = 10, 5


def tube_faces():
    """Triangles of one tube of RINGS rings around each limb."""
    faces = []
    for limb in range(len(LIMBS)):
        base = limb * SIDES * RINGS
        for ring in range(RINGS - 1):
            for side in range(SIDES):
                a, b = base + ring * SIDES + side, base + ring * SIDES + (side + 1) % SIDES
                faces += [(a, b, a + SIDES), (b, b + SIDES, a + SIDES)]
    return np.array(faces, "<u4")


def tube_body(joints):
    """Vertices around the joints (33 x 3, metres): a figure of tubes with the same faces in every frame."""
    vertices = []
    for a, b in LIMBS:
        start, axis = joints[a], joints[b] - joints[a]
        along = axis / (np.linalg.norm(axis) + 1e-9)
        side = np.cross(along, [0.3, 0.2, 1.0])
        side /= np.linalg.norm(side) + 1e-9
        up = np.cross(along, side)
        for ring in range(RINGS):
            t = ring / (RINGS - 1)
            radius = 0.03 + 0.045 * math.sin(math.pi * (0.1 + 0.8 * t))
            for k in range(SIDES):
                angle = 2 * math.pi * k / SIDES
                vertices.append(start + axis * t + radius * (math.cos(angle) * side + math.sin(angle) * up))
    return np.array(vertices, "<f4")


def place(person, width, height, focal):
    """Gives a BlazePose person a place before the camera: the one where its joints fall onto its keypoints."""
    flat = np.array(person["keypoints_2d"])[:, :2] - [width / 2, height / 2]
    body = np.array(person["keypoints_3d"])
    a, b = body[:, :2] - body[:, :2].mean(0), flat - flat.mean(0)
    scale = (a * b).sum() / (a * a).sum()
    depth = focal / max(scale, 1e-6)
    x, y = flat.mean(0) / focal * depth - body[:, :2].mean(0)
    person["camera_translation"] = [round(float(v), 4) for v in (x, y, depth)]
    person["focal_length"] = focal


class Session:
    def __init__(self, stream, outcomes, jpegs, kept=None, bodies=False, revisions=()):
        self.stream, self.id = stream, outcomes[0]["session"]
        self.outcomes, self.jpegs, self.bodies = outcomes, jpegs, bodies
        self.kept = kept if kept is not None else [[0, len(jpegs) - 1]] if jpegs else []
        self.revisions = list(revisions)

    def frame(self, sequence):
        if any(first <= sequence <= last for first, last in self.kept):
            return self.jpegs[sequence]
        return None

    def summary(self):
        drops = sum(o["drop"] is not None for o in self.outcomes)
        last = self.outcomes[-1]
        return {
            "v": 1, "stream": self.stream, "session": self.id, "first": 0, "next": len(self.outcomes),
            "poses": len(self.outcomes) - drops, "drops": drops, "began_ns": self.outcomes[0]["capture_time_ns"],
            "ended_ns": last["capture_time_ns"], "frames": len(self.outcomes),
            "kept_frames": sum(b - a + 1 for a, b in self.kept), "width": last["width"], "height": last["height"],
            "engine": last["engine"], "skeleton": last["skeleton"],
            "revisions": [{"number": n, "made_ns": last["capture_time_ns"]} for n in self.revisions]}

    def timeline(self):
        return {
            "first": 0, "next": len(self.outcomes), "capture_time_ns": [o["capture_time_ns"] for o in self.outcomes],
            "persons": [len(o["persons"]) for o in self.outcomes],
            "drops": [[o["sequence"], o["drop"]["stage"], o["drop"]["reason"]] for o in self.outcomes if o["drop"]],
            "kept": self.kept}

    def meshes(self, outcome):
        if not self.bodies or not outcome["persons"]:
            return b""
        block = struct.pack("<I", len(outcome["persons"]))
        for person in outcome["persons"]:
            vertices = tube_body(np.array(person["keypoints_3d"])) + np.array(person["camera_translation"], "<f4")
            block += struct.pack("<II", person["track_id"], len(vertices)) + vertices.astype("<f4").tobytes()
        return block


def figure(phase, width, height, centre, track):
    """One made-up person that waves its limbs."""
    joints = np.zeros((33, 3))
    swing = math.sin(phase)
    spots = {0: (0, -.62, -.1), 7: (.07, -.62, 0), 8: (-.07, -.62, 0), 11: (.18, -.45, 0), 12: (-.18, -.45, 0),
             13: (.33, -.25, .1 * swing), 14: (-.33, -.25, -.1 * swing), 15: (.4, -.02 - .2 * swing, .2 * swing),
             16: (-.4, -.02 + .2 * swing, -.2 * swing), 23: (.1, 0, 0), 24: (-.1, 0, 0), 25: (.13, .4, -.15 * swing),
             26: (-.13, .4, .15 * swing), 27: (.13, .8, -.05 * swing), 28: (-.13, .8, .05 * swing),
             31: (.14, .86, -.18), 32: (-.14, .86, -.18)}
    near = {0: (1, 2, 3, 4, 5, 6, 9, 10), 15: (17, 19, 21), 16: (18, 20, 22), 27: (29,), 28: (30,)}
    for joint, spot in spots.items():
        joints[joint] = spot
        for other in near.get(joint, ()):
            joints[other] = np.array(spot) + [.01, .015, .02]
    focal = 1.2 * max(width, height)
    place_ = np.array(centre)
    world = joints + place_
    flat = world[:, :2] / world[:, 2:] * focal + [width / 2, height / 2]
    box = [*flat.min(0), *(flat.max(0) - flat.min(0))]
    return {
        "track_id": track, "score": 0.97, "state": "confirmed", "observed": True,
        "bbox": [round(float(v), 2) for v in box],
        "keypoints_2d": [[round(float(x), 2), round(float(y), 2), 0.99] for x, y in flat],
        "keypoints_3d": [[round(float(v), 4) for v in p] for p in joints],
        "camera_translation": [round(float(v), 4) for v in place_], "focal_length": focal}


def outcome(stream, session, sequence, capture, width, height, persons, drop=None, engine="blazepose"):
    return {
        "v": 1, "stream": stream, "session": session, "sequence": sequence, "camera_frame": sequence,
        "capture_time_ns": capture, "delivery": "lossless", "width": 0 if drop else width, "height": 0 if drop else height,
        "engine": engine, "skeleton": "blazepose33", "drop": drop, "persons": persons,
        "timing_ms": {"ingest": 0.1, "queue": 8.0, "infer": 21.5, "sink": 0.4, "total": 30.2}}


def made_up(stream, jpegs, persons=1, width=320, height=240, drops=(), gap=None, bodies=False, **options):
    """A recording of waving figures."""
    session, capture, outcomes = str(uuid.uuid4()), time.time_ns() - 3_600_000_000_000, []
    for n in range(len(jpegs)):
        capture += 40_000_000 + (gap[1] if gap and gap[0] == n else 0)
        if n in drops:
            outcomes.append(outcome(stream, session, n, capture, 0, 0, [], {"stage": "ingest", "reason": drops[n]}))
            continue
        people = [figure(n / 6 + k, width, height, (0.8 * (k - (persons - 1) / 2), 0, 3.2 + 0.4 * k), k + 1)
                  for k in range(persons)]
        for person in people:
            if bodies:
                person["smpl"] = {}
            if person["track_id"] == 2 and 30 <= n < 45:
                person |= {"observed": False, "state": "predicted"}
        outcomes.append(outcome(stream, session, n, capture, width, height, people))
    return Session(stream, outcomes, jpegs, bodies=bodies, **options)


def of_folder(folder):
    sessions = []
    for file in sorted(folder.glob("*.jsonl")):
        outcomes = [json.loads(line) for line in file.read_text().splitlines()]
        for o in outcomes:
            for person in o["persons"]:
                if "camera_translation" not in person:
                    place(person, o["width"], o["height"], 1.2 * max(o["width"], o["height"]))
                # Only that it is there matters: the meshes come from the gateway.
                person["smpl"] = {}
        jpegs = [p.read_bytes() for p in sorted((folder / file.stem).glob("*.jpg"))]
        sessions.append(Session(file.stem, outcomes, jpegs, bodies=True, revisions=[1]))
    return sessions


class Mock:
    """The gateway's state; tests reach into it to make things go wrong."""

    def __init__(self, sessions, live=(), key=None, rate=25, pause=2):
        self.sessions = {s.id: s for s in sessions}
        self.live, self.key, self.rate, self.pause = list(live), key, rate, pause
        self.down = {}
        self.readers = {}
        self.jobs = {}
        self.latest = {}
        self.three = Path("/usr/share/javascript/three")

    # What is asked over HTTP

    def status(self):
        now = time.time_ns()
        stages = {}
        for name, port in (("ingest", 5551), ("infer", 5560), ("sink", 5573)):
            detail = self.down.get(name)
            stages[name] = {"state": "down" if detail else "up", "since_ns": now - 4_000_000_000,
                            "endpoint": f"tcp://127.0.0.1:{port}", "detail": detail or ""}
        return {"version": "mock", "engine": "blazepose", "device": "cpu", "time_ns": now, "stages": stages,
                "streams": self.streams(), "viewers": len(self.readers),
                "jobs": {"queued": 0, "processing": sum(j["status"] == "processing" for j in self.jobs.values())}}

    def streams(self):
        answer = []
        for stream, o in self.latest.items():
            answer.append({"stream": stream, "live": any(s.stream == stream for s in self.live), "session": o["session"],
                           "frames_per_second": float(self.rate), "latency_ms": o["timing_ms"]["total"],
                           "last_sequence": o["sequence"], "last_capture_time_ns": o["capture_time_ns"],
                           "poses": o["sequence"] + 1, "drops": 0})
        return answer

    @web.middleware
    async def guard(self, request, handler):
        path = request.path
        open_ = path == "/" or path.startswith(("/viewer/", "/client/", "/three/", "/healthz", "/readyz"))
        if self.key and not open_:
            given = request.query.get("key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
            if given != self.key:
                return web.json_response({"error": "This gateway asks for an API key, and none or a wrong one came with the "
                                                   "request. Send it as Authorization: Bearer KEY."}, status=401)
        try:
            answer = await handler(request)
        except web.HTTPNotFound:
            return web.json_response({"error": f"There is nothing at {path}."}, status=404)
        if not answer.prepared:
            answer.headers["Content-Security-Policy"] = (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
            answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    def session(self, request):
        found = self.sessions.get(request.match_info["session"])
        if not found:
            raise web.HTTPNotFound()
        return found

    async def get_outcomes(self, request):
        session = self.session(request)
        first = int(request.query.get("from", 0))
        limit = min(int(request.query.get("limit", 256)), 1000)
        through = int(request.query.get("to", 1 << 60))
        chosen = [o for o in session.outcomes[first:first + limit] if o["sequence"] <= through]
        if request.query.get("revision", "original") != "original":
            chosen = [o | {"persons": [p | {"track_id": p["track_id"] + 10} for p in o["persons"]]} for o in chosen]
        following = chosen[-1]["sequence"] + 1 if chosen else first
        return web.json_response({"outcomes": chosen, "next": following, "ended": following >= len(session.outcomes)})

    async def get_frame(self, request):
        jpeg = self.session(request).frame(int(request.match_info["sequence"]))
        if jpeg is None:
            return web.json_response({"error": "This frame was not kept."}, status=404)
        return web.Response(body=jpeg, content_type="image/jpeg",
                            headers={"Cache-Control": "public, max-age=31536000, immutable"})

    async def get_meshes(self, request):
        session = self.session(request)
        block = session.meshes(session.outcomes[int(request.match_info["sequence"])])
        if not block:
            return web.json_response({"error": "Nobody in this frame has a body."}, status=404)
        return web.Response(body=block, content_type="application/octet-stream")

    async def get_body(self, request):
        faces = tube_faces()
        return web.Response(body=struct.pack("<II", len(LIMBS) * SIDES * RINGS, len(faces)) + faces.tobytes(),
                            content_type="application/octet-stream")

    async def get_formats(self, request):
        rows = [("json", "application/x-ndjson", "jsonl", [], "Every outcome as it is, one a line."),
                ("csv", "text/csv", "csv", [], "One row a keypoint, for spreadsheets."),
                ("npz", "application/x-npz", "npz", [], "NumPy arrays."),
                ("bvh", "text/plain", "bvh", ["smpl"], "Skeleton animation for Blender and others."),
                ("obj", "application/zip", "zip", ["smpl", "body"], "One mesh for each person of each frame."),
                ("mp4", "video/mp4", "mp4", ["frames"], "The video with the skeletons drawn in.")]
        return web.json_response({"formats": [dict(zip(("name", "media_type", "extension", "needs", "summary"), r))
                                              for r in rows]})

    async def get_export(self, request):
        session = self.session(request)
        kind = request.query["format"]
        if kind == "bvh":
            return web.json_response({"error": "bvh needs the SMPL files, and none are installed. Start the gateway with "
                                               "--hmr2-dir."}, status=409)
        lines = "".join(json.dumps(o) + "\n" for o in session.outcomes)
        return web.Response(text=lines, content_type="application/x-ndjson", headers={
            "Content-Disposition": f'attachment; filename="{session.stream}.{kind}"'})

    async def post_video(self, request):
        size = 0
        async for chunk in request.content.iter_chunked(1 << 16):
            size += len(chunk)
        job = {"job_id": str(uuid.uuid4()), "stream": request.query.get("stream", "video"), "session": None,
               "status": "queued", "queue_position": 1, "progress": {"frames": 0, "total": None}, "queued_at": time.time(),
               "started_at": None, "completed_at": None, "error": None, "source": request.query.get("name", "video")}
        self.jobs[job["job_id"]] = job
        asyncio.get_running_loop().create_task(self.work(job, size))
        return web.json_response(job, status=202, headers={"Location": f"/v1/jobs/{job['job_id']}"})

    async def work(self, job, size):
        await asyncio.sleep(0.5)
        if size < 64:
            job |= {"status": "failed", "error": f"{job['source']} is no video that ffmpeg can read."}
            return
        session = next(iter(self.sessions.values()))
        job |= {"status": "processing", "queue_position": None, "started_at": time.time(), "session": session.id}
        for n in range(0, 101, 5):
            job["progress"] = {"frames": n, "total": 100}
            await asyncio.sleep(0.15)
        job |= {"status": "completed", "completed_at": time.time()}

    async def get_job(self, request):
        job = self.jobs.get(request.match_info["job"])
        return web.json_response(job) if job else web.json_response({"error": "No such job."}, status=404)

    async def delete_job(self, request):
        self.jobs[request.match_info["job"]]["status"] = "cancelled"
        return web.json_response(self.jobs[request.match_info["job"]])

    async def post_frame(self, request):
        body = await request.read()
        if body[:2] != b"\xff\xd8":
            return web.json_response({"error": "The frame was refused: it is no JPEG."}, status=422)
        return web.json_response({"stream": request.match_info["stream"], "frame": 7}, status=202)

    # What is pushed

    async def get_events(self, request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        session = next(iter(self.sessions.values()))
        last = request.headers.get("Last-Event-ID")
        first = int(last.split("/")[1]) + 1 if last else 0
        await response.write(b": hello\n\n")
        for o in session.outcomes[first:first + 5]:
            data = f"event: outcome\nid: {session.id}/{o['sequence']}\ndata: {json.dumps(o)}\n\n"
            await response.write(data.encode())
        return response

    async def get_live(self, request):
        socket = web.WebSocketResponse(heartbeat=20, compress=False)
        await socket.prepare(request)
        reader = {"streams": set(request.query.getall("stream", [])) or None,
                  "frames": request.query.get("frames", "0") == "1", "meshes": request.query.get("meshes", "0") == "1"}
        self.readers[socket] = reader
        try:
            await socket.send_json({"type": "hello", "v": 1})
            await socket.send_json({"type": "status"} | self.status())
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    wish = json.loads(message.data)
                    for key in ("frames", "meshes"):
                        if key in wish:
                            reader[key] = wish[key]
                    if "subscribe" in wish:
                        reader["streams"] = (reader["streams"] or set()) | set(wish["subscribe"])
                    if "unsubscribe" in wish:
                        reader["streams"] = (reader["streams"] or set(self.latest)) - set(wish["unsubscribe"])
        finally:
            self.readers.pop(socket, None)
        return socket

    async def send(self, stream, text=None, build=None):
        for socket, reader in list(self.readers.items()):
            if reader["streams"] is not None and stream is not None and stream not in reader["streams"]:
                continue
            try:
                await (socket.send_str(text) if text else socket.send_bytes(build(reader)))
            except (ConnectionError, RuntimeError):
                self.readers.pop(socket, None)

    async def play(self, session):
        """Sends a recording again and again, as a live stream whose sessions end."""
        while True:
            live = str(uuid.uuid4())
            head = {"type": "session", "event": "begin", "stream": session.stream, "session": live, "frames": None,
                    "poses": 0, "drops": 0, "complete": False}
            await self.send(session.stream, json.dumps(head))
            for o, jpeg in zip(session.outcomes, session.jpegs):
                await asyncio.sleep(1 / self.rate)
                now = o | {"session": live, "capture_time_ns": time.time_ns() - 40_000_000}
                self.latest[session.stream] = now
                text = json.dumps(now).encode()

                def build(reader, o=o, jpeg=jpeg, text=text):
                    picture = jpeg if reader["frames"] else b""
                    mesh = session.meshes(o) if reader["meshes"] else b""
                    return struct.pack("<I", len(text)) + text + struct.pack("<I", len(picture)) + picture + mesh

                await self.send(session.stream, build=build)
            played = [o | {"session": live} for o in session.outcomes]
            self.sessions[live] = Session(session.stream, played, session.jpegs, session.kept, session.bodies)
            await self.send(session.stream, json.dumps(head | {"event": "end", "frames": len(played), "complete": True,
                                                                "poses": len(played)}))
            await asyncio.sleep(self.pause)

    async def tick(self):
        while True:
            await asyncio.sleep(1)
            await self.send(None, json.dumps({"type": "status"} | self.status()))

    def static(self, folder):
        async def answer(request):
            file = (folder / request.match_info["path"]).resolve()
            if not file.is_file():
                raise web.HTTPNotFound()
            return web.Response(body=file.read_bytes(), content_type=TYPES.get(file.suffix, "application/octet-stream"),
                                headers={"Cache-Control": "no-cache"})
        return answer

    def app(self):
        viewer = ROOT / "Sources" / "Gateway" / "Viewer"
        app = web.Application(middlewares=[self.guard], client_max_size=1 << 30)

        async def index(request):
            return web.Response(body=(viewer / "index.html").read_bytes(), content_type="text/html")

        def answer(make):
            async def handler(request):
                return web.json_response(make(request))
            return handler

        async def three(request):
            return await self.static(self.three)(request)

        app.add_routes([
            web.get("/", index),
            web.get("/viewer/{path:.+}", self.static(viewer)),
            web.get("/client/{path:.+}", self.static(ROOT / "clients" / "javascript")),
            web.get("/three/{path:.+}", three),
            web.get("/healthz", answer(lambda r: {"status": "ok"})),
            web.get("/v1/status", answer(lambda r: self.status())),
            web.get("/v1/streams", answer(lambda r: {"streams": self.streams()})),
            web.get("/v1/sessions", answer(lambda r: {
                "sessions": [s.summary() for s in self.sessions.values()
                             if r.query.get("stream") in (None, s.stream)]})),
            web.get("/v1/sessions/{session}", answer(lambda r: self.session(r).summary())),
            web.get("/v1/sessions/{session}/outcomes", self.get_outcomes),
            web.get("/v1/sessions/{session}/timeline", answer(lambda r: self.session(r).timeline())),
            web.get("/v1/sessions/{session}/frames/{sequence}", self.get_frame),
            web.get("/v1/sessions/{session}/outcomes/{sequence}/meshes", self.get_meshes),
            web.get("/v1/sessions/{session}/export", self.get_export),
            web.get("/v1/body", self.get_body),
            web.get("/v1/export-formats", self.get_formats),
            web.post("/v1/streams/{stream}/frames", self.post_frame),
            web.post("/v1/videos", self.post_video),
            web.get("/v1/jobs", answer(lambda r: {"jobs": list(self.jobs.values())})),
            web.get("/v1/jobs/{job}", self.get_job),
            web.delete("/v1/jobs/{job}", self.delete_job),
            web.get("/v1/events", self.get_events),
            web.get("/v1/live", self.get_live),
        ])

        async def background(app):
            tasks = [asyncio.create_task(self.play(s)) for s in self.live] + [asyncio.create_task(self.tick())]
            yield
            for task in tasks:
                task.cancel()

        app.cleanup_ctx.append(background)
        return app


def sample(jpegs):
    """Recordings with everything a viewer has to show."""
    drops = {12: "corrupt_jpeg", 60: "shed", 61: "shed", 62: "shed"}
    return [
        made_up("two riders", jpegs, persons=2, drops=drops, gap=(80, 3_000_000_000), bodies=True, revisions=[1, 2],
                kept=[[0, 89], [110, len(jpegs) - 1]]),
        made_up("no pictures", jpegs, persons=1, kept=[]),
    ]


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(Path(__file__).parent))
    from images import jpegs as pictures

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--key")
    options = parser.parse_args()
    recordings = sample(list(pictures(150)))
    shown = of_folder(options.folder) if options.folder else []
    mock = Mock(recordings + shown, live=shown + recordings[:1], key=options.key)
    web.run_app(mock.app(), host="127.0.0.1", port=options.port)
