"""The old API: what a service around the engine costs above the engine itself."""

import base64
import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import time

from ..bench import PEERS, ROOT, Failed
from ..row import Row, ratio

# Widths of the pictures. The clip is 640 × 360.
WIDTHS = (640, 1280)
WARM_UP = 10
REQUESTS = 50


def picture(bench, width):
    """A frame of the clip with the rider in it, as a JPEG."""
    file = bench.work / f"still-{width}.jpg"
    if not file.exists():
        bench.run(
            ["ffmpeg", "-v", "error", "-ss", "1", "-i", bench.clip(), "-vf", f"scale={width}:-2", "-frames:v", "1", "-q:v", "2",
             file])
    return file.read_bytes()


def weights(bench):
    """HMR2's layers in small and SMPL in its own size: the engine is quick, and a body has all its vertices and faces."""
    folder = bench.work / "hmr2-tiny"
    if not folder.exists():
        script = ROOT / "Tests" / "Fixtures" / "hmr2" / "make_folder.py"
        bench.run([sys.executable, script, folder, "--size", "tiny", "--variant", "b"])
    return folder


class Client:
    """One connection that is kept, as the old clients' is."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def ask(self, body):
        """Milliseconds until the last byte of the answer is there, its headers, and its bytes."""
        begin = time.perf_counter()
        self.connection.request("POST", "/pose/hybrid", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        took = 1000 * (time.perf_counter() - begin)
        if answer.status != 200:
            raise Failed(f"POST /pose/hybrid was answered with {answer.status}: {text[:500]}")
        return took, answer.headers, text


def overhead(bench, url, engine_milliseconds):
    """Figures of a service. `engine_milliseconds(headers)` tells what of the request before was the engine's own."""
    client = Client(url)
    figures = {}
    for width in WIDTHS:
        body = json.dumps({
            "image_base64": base64.b64encode(picture(bench, width)).decode(), "frame_number": 7, "visualize": False}).encode()
        took, engine, size = [], [], 0
        for _ in range(WARM_UP + REQUESTS):
            milliseconds, headers, text = client.ask(body)
            took.append(milliseconds)
            engine.append(engine_milliseconds(headers))
            size = len(text)
        answer = json.loads(text)
        shape = len(answer["mesh_vertices_data"]), len(answer["mesh_faces_data"]), len(answer["keypoints"])
        if shape != (6890, 13776, 44):
            raise Failed(f"an answer has {shape} vertices, faces and keypoints")
        above = [whole - own for whole, own in zip(took[WARM_UP:], engine[WARM_UP:])]
        figures |= {
            f"overhead_{width}_ms": statistics.median(above),
            f"overhead_{width}_p99_ms": statistics.quantiles(above, n=100, method="inclusive")[98],
            f"engine_{width}_ms": statistics.median(engine[WARM_UP:]), f"answer_{width}_bytes": size}
    return figures


def posebus(bench):
    from gateways import Gateway
    from pipeline import until

    engine = ["--hmr2-dir", weights(bench), "--device", "cpu"]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(bench.folder())
        pipeline = stack.enter_context(bench.pipeline(folder, engine="hmr2", infer=engine))
        gateway = stack.enter_context(Gateway(pipeline, "--engine", "hmr2", *engine))
        bench.remember(gateway.program.command)
        until(lambda: gateway.json("/health")["ready"], "the gateway reaches all stages")
        subscriber = pipeline.results("pose/json/").socket

        def engine_milliseconds(_):
            """Of the one outcome that the request has led to; the frames that proved the subscription may come before it."""
            while (outcome := subscriber.recv_multipart())[0].startswith(b"pose/json/settle"):
                pass
            return json.loads(outcome[1])["timing_ms"]["infer"]

        return overhead(bench, gateway.url, engine_milliseconds)


def flask(bench):
    command = [bench.python("flask"), PEERS / "flask" / "wrapper.py", "--engine-ms", f"{bench.engine_milliseconds:.0f}"]
    bench.remember(command)
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise Failed("the Flask service ended at once; its words are above")
        return overhead(bench, url, lambda headers: float(headers["Engine-Milliseconds"]))
    finally:
        process.kill()
        process.wait()


def prepare(bench):
    bench.python("flask")
    # Tells how long the peer's engine is to take, and warms the file cache.
    bench.engine_milliseconds = posebus(bench)["engine_640_ms"]
    bench.commands.clear()


ROWS = [Row(
    name="gateway",
    title="gateway: POST /pose/hybrid, what a request takes beside the engine",
    against="a Flask service with the same engine time",
    contenders={"PoseBus": posebus, "Flask": flask},
    checks=[
        ratio(f"overhead_{width}_ms", "PoseBus", "Flask", 0.2, f"{width} wide, PoseBus / Flask", at_least=False)
        for width in WIDTHS],
    figure="overhead_640_ms", unit="ms (p50)",
    prepare=prepare,
    note="A JPEG as base64 in JSON, one client on one connection; the answer is a body with its mesh and faces. PoseBus's request goes "
         "through ingest, infer and sink, and is durable in the store before it is answered. Not counted is the engine's own time, which "
         "PoseBus's outcome and the peer's answer say.")]
