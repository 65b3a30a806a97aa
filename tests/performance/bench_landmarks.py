"""Frames a second of `track_video` beside a plain loop (PyAV decoding, mediapipe tracking) over the same clips.

python -m tests.performance.bench_landmarks [CLIP ...]   (without clips: one made from a public-domain portrait)
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.landmarks.mediapipe import quiet_stderr
from nvfair_tools.landmarks.tracking import track_video


def plain_loop(paths: list[Path]) -> int:
    """What one writes first, one face, nothing checked; returns the number of frames."""
    import mediapipe

    frames = 0
    for path in paths:
        result = []
        with (
            av.open(str(path)) as container,
            mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1) as mesh,
        ):
            for frame in container.decode(video=0):
                image = frame.to_ndarray(format="rgb24")
                faces = mesh.process(image).multi_face_landmarks or ()
                result.append(np.array([(p.x, p.y, p.z) for face in faces for p in face.landmark], np.float32))
        frames += len(result)
    return frames


def measure(paths: list[Path], repeats: int = 3) -> dict[str, float]:
    """Frames a second and processor milliseconds a frame of both, in turn; the best of `repeats`."""
    landmarker = create_landmarker("facemesh")
    methods = {
        "track_video": lambda: sum(len(track_video(path, landmarker)) for path in paths),
        "plain loop": lambda: plain_loop(paths),
    }
    result: dict[str, float] = {}
    with quiet_stderr():
        for method in methods.values():
            method()
        for _ in range(repeats):
            for name, method in methods.items():
                start, processor = time.perf_counter(), time.process_time()
                frames = method()
                taken, used = time.perf_counter() - start, time.process_time() - processor
                result[f"{name}, frames/s"] = max(result.get(f"{name}, frames/s", 0.0), frames / taken)
                key = f"{name}, processor ms/frame"
                result[key] = min(result.get(key, np.inf), 1e3 * used / frames)
    landmarker.close()
    return result


def main(arguments: list[str] | None = None) -> None:
    """Prints the rates as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        clips = options.clips
        if not clips:
            from tests.nvfair_tools.clips import face_clip

            clips = [face_clip(Path(folder) / "face.mp4", frames=200)]
        result = measure(clips, options.repeats)
    print(json.dumps({**{k: round(v, 2) for k, v in result.items()}, "cores": len(os.sched_getaffinity(0))}, indent=1))


if __name__ == "__main__":
    main()
