#!/usr/bin/env python3
"""Times `posebus up CLIP` against MediaPipe's own Python loop over the same clip, alternately, in one run.

    swift build -c release
    pip install mediapipe==0.10.21 numpy
    python3 compare_mediapipe_speed.py clip.mp4 [--rounds 5] [--posebus .build/release/posebus]

Both are whole processes, timed from their start to their end, decoding by ffmpeg included. What a process costs before
and after its frames is measured with the clip's first frame alone, in the same rounds, and the second figure is without
it. Prints every round, the medians and their ratio; exit status 1 when PoseBus is slower with everything included.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def loop(clip):
    """MediaPipe as its documentation has it, on frames that ffmpeg decodes."""
    import json

    import mediapipe
    import numpy as np

    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "json", clip],
        check=True, capture_output=True).stdout
    stream = json.loads(probe)["streams"][0]
    width, height = stream["width"], stream["height"]
    decoder = subprocess.Popen(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", clip, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt",
         "rgb24", "-"], stdout=subprocess.PIPE)
    frames = found = 0
    with mediapipe.solutions.pose.Pose(static_image_mode=False, model_complexity=1) as pose:
        while len(pixels := decoder.stdout.read(3 * width * height)) == 3 * width * height:
            answer = pose.process(np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
            frames += 1
            found += answer.pose_landmarks is not None
    decoder.wait()
    print(f"{frames} frames, a pose in {found}")


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with status {done.returncode}:\n{done.stderr}")
    return seconds, done.stdout.strip().splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--posebus", default=HERE.parent / ".build/release/posebus", type=pathlib.Path)
    parser.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loop:
        return loop(arguments.clip)

    with tempfile.TemporaryDirectory() as folder:
        first = pathlib.Path(folder) / "first.mkv"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", arguments.clip, "-frames:v", "1", "-c", "copy", first], check=True)

        def posebus(clip):
            store = pathlib.Path(folder) / "store.sqlite"
            for file in pathlib.Path(folder).glob("store.sqlite*"):
                file.unlink()
            return timed([arguments.posebus, "up", clip, "--ephemeral", "--store", store])

        def mediapipe(clip):
            return timed([sys.executable, __file__, "--loop", clip])

        whole = {posebus: [], mediapipe: []}
        start = {posebus: [], mediapipe: []}
        for runner in (posebus, mediapipe):
            print(f"{runner.__name__}: {runner(arguments.clip)[1][0]}")  # also warms the file cache
        for index in range(arguments.rounds):
            for runner in (posebus, mediapipe):
                whole[runner].append(runner(arguments.clip)[0])
                start[runner].append(runner(first)[0])
            print(f"round {index + 1}: " + ", ".join(
                f"{runner.__name__} {whole[runner][-1]:.2f} s, first frame alone {start[runner][-1]:.2f} s"
                for runner in (posebus, mediapipe)))
    medians = {}
    for runner in (posebus, mediapipe):
        total, begin = statistics.median(whole[runner]), statistics.median(start[runner])
        medians[runner] = (total, total - begin)
        print(f"median {runner.__name__}: {total:.2f} s with everything, {total - begin:.2f} s without start and end")
    ratios = [ours / theirs for ours, theirs in zip(medians[posebus], medians[mediapipe])]
    print(f"ratio posebus / mediapipe: {ratios[0]:.2f} with everything, {ratios[1]:.2f} without start and end")
    sys.exit(ratios[0] > 1)


if __name__ == "__main__":
    main()
