#!/usr/bin/env python3
"""Makes docs/images/posebus.svg: the pipeline, with a frame of our own rendered person going in and the pose that
PoseBus finds in it coming out.

    docs/images/make.py [FOLDER WITH THE BUILT PROGRAMS]

Needs pyzmq, the built programs and the weights (posebus models fetch). Nothing in the picture is drawn by hand: the frame
comes from `posebus feed test:`, received as an ingest does, and the joints from `posebus image`.
"""

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import zmq

HERE = Path(__file__).resolve().parent
BIN = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / ".build" / "release")
FRAME = 70  # In this one an arm is raised.
SIZE = (400, 400)
# The bones of `Skeleton.blazepose33`, by side: a reader sees left from right.
LEFT = [(11, 13), (13, 15), (15, 17), (15, 19), (11, 23), (23, 25), (25, 27), (27, 29), (29, 31), (0, 2), (2, 7)]
RIGHT = [(12, 14), (14, 16), (16, 18), (16, 20), (12, 24), (24, 26), (26, 28), (28, 30), (30, 32), (0, 5), (5, 8)]
MIDDLE = [(11, 12), (23, 24), (9, 10)]
COLOURS = {"left": "#e8590c", "right": "#1971c2", "middle": "#f1f3f5"}


def rendered_frame():
    """The JPEG of one frame of `test:`, taken from the feeder as an ingest takes it."""
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    source = f"test:?frames={FRAME + 1}&width={SIZE[0]}&height={SIZE[1]}&quality=80"
    feeder = subprocess.Popen(
        [BIN / "posebus", "feed", source, "--to", f"tcp://127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    frame = None
    while True:
        peer, header, *image = socket.recv_multipart()
        header = json.loads(header)
        socket.send_multipart([peer, b"OK" if header.get("end") else f"OK {header['frame']}".encode()])
        if header.get("end"):
            feeder.wait(10)
            return frame
        if header["frame"] == FRAME:
            (frame,) = image


def found_pose(jpeg):
    """The first person that `posebus image` finds."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(jpeg)
        file.flush()
        answer = subprocess.run([BIN / "posebus", "image", file.name], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)["persons"][0]


def skeleton(points):
    """Bones and joints as SVG, in pixels of the frame."""
    def line(bone, colour):
        (x1, y1, _), (x2, y2, _) = points[bone[0]], points[bone[1]]
        return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
    bones = [line(bone, COLOURS[side])
             for side, bones in (("middle", MIDDLE), ("left", LEFT), ("right", RIGHT)) for bone in bones]
    joints = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>' for x, y, _ in points]
    return (f'<g stroke-width="3" stroke-linecap="round">{"".join(bones)}</g>'
            f'<g fill="#fff" stroke="#212529" stroke-width="0.8">{"".join(joints)}</g>')


def box(x, name, lines):
    """A stage."""
    text = "".join(f'<text x="{x + 85}" y="{156 + 20 * i}" class="small">{line}</text>' for i, line in enumerate(lines))
    return (f'<rect x="{x}" y="90" width="170" height="140" rx="10" class="stage"/>'
            f'<text x="{x + 85}" y="124" class="name">{name}</text>{text}')


def arrow(x1, x2, label):
    return (f'<line x1="{x1}" y1="160" x2="{x2}" y2="160" class="flow" marker-end="url(#head)"/>'
            f'<text x="{(x1 + x2 - 8) / 2}" y="148" class="tiny">{label}</text>')


def picture(jpeg, person):
    data = base64.b64encode(jpeg).decode()
    x, y, width, height = person["bbox"]
    side = min(1.15 * height, *SIZE)
    left = min(max(x + (width - side) / 2, 0), SIZE[0] - side)
    top = min(max(y + (height - side) / 2, 0), SIZE[1] - side)
    view = f"{left:.0f} {top:.0f} {side:.0f} {side:.0f}"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1330 330" font-family="Helvetica, Arial, sans-serif">
<title>PoseBus: frames go through ingest, infer and sink; the sink's acknowledgements go back to ingest</title>
<style>
.stage {{ fill: #f8f9fa; stroke: #495057; stroke-width: 1.5 }}
.name {{ font-size: 21px; font-weight: bold; text-anchor: middle; fill: #212529 }}
.small {{ font-size: 14px; text-anchor: middle; fill: #495057 }}
.tiny {{ font-size: 13px; text-anchor: middle; fill: #495057 }}
.flow {{ stroke: #495057; stroke-width: 2.5; fill: none }}
</style>
<defs>
<marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 L10 5 L0 10 z" fill="#495057"/></marker>
<clipPath id="round"><rect width="220" height="220" rx="10"/></clipPath>
<image id="frame" width="{SIZE[0]}" height="{SIZE[1]}" href="data:image/jpeg;base64,{data}"/>
</defs>
<rect width="1330" height="330" fill="#fff"/>
<g transform="translate(10 50)" clip-path="url(#round)"><svg width="220" height="220" viewBox="{view}">
<use href="#frame"/></svg></g>
<text x="120" y="296" class="small">a camera, a video, images</text>
{arrow(240, 300, "frame")}
{box(304, "INGEST", ["gives every frame", "a number, keeps it", "until it is stored"])}
{arrow(480, 550, "JPEG")}
{box(554, "INFER", ["finds every person:", "33 joints in pixels", "and in metres"])}
{arrow(730, 800, "outcome")}
{box(804, "SINK", ["puts in order,", "stores in SQLite,", "then publishes"])}
{arrow(980, 1078, "JSON")}
<path d="M889 230 V272 H389 V238" class="flow" stroke-dasharray="6 5" marker-end="url(#head)"/>
<text x="639" y="294" class="small">acknowledged: only what is stored is forgotten</text>
<g transform="translate(1090 50)" clip-path="url(#round)"><svg width="220" height="220" viewBox="{view}">
<use href="#frame"/>{skeleton(person["keypoints_2d"])}</svg></g>
<text x="1200" y="296" class="small">one outcome for every frame</text>
</svg>
"""


jpeg = rendered_frame()
(HERE / "posebus.svg").write_text(picture(jpeg, found_pose(jpeg)))
