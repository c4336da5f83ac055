"""MediaPipe Pose over a clip, in video mode: the bare loop of its documentation, on pictures that OpenCV reads.

    python loop.py CLIP

Prints `first` when the first pose is there; its last line is a JSON object with the frames and the frames with a pose.
"""

import json
import sys

import cv2
import mediapipe


def main(clip):
    frames = poses = 0
    video = cv2.VideoCapture(clip)
    with mediapipe.solutions.pose.Pose(static_image_mode=False, model_complexity=1) as pose:
        while True:
            there, picture = video.read()
            if not there:
                break
            frames += 1
            if pose.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).pose_landmarks is not None:
                poses += 1
                if poses == 1:
                    print("first", flush=True)
    print(json.dumps({"frames": frames, "poses": poses}))


if __name__ == "__main__":
    main(sys.argv[1])
