"""How many videos that were encoded again are found by their perceptual hash, and how many others are taken for copies.

python -m tests.performance.bench_marks [--folder VIDEOS]

The first four seconds of every video below the folder (default: eight videos of one face that moves otherwise in each)
are encoded, and then again in five ways. A line of JSON a way: copies whose own video is the nearest of all; copies
that are taken for another video where their own is left out; distances. The last line: distances between different
videos, and milliseconds a hash.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from nvfair_tools.marks.perceptual_hash import MOST_APPEARANCE, MOST_MOTION, HashIndex, hash_of_video
from nvfair_tools.media import MediaError, decode, encode
from tests.nvfair_tools.clips import astronaut, moving_face, run_ffmpeg

WAYS = {
    "CRF 35": ["-crf", "35"],
    "half the size": ["-vf", "scale=trunc(iw/4)*2:trunc(ih/4)*2", "-crf", "28"],
    "30 frames a second": ["-r", "30", "-crf", "28"],
    "brighter": ["-vf", "eq=brightness=0.06:contrast=1.1", "-crf", "28"],
    "VP9": ["-c:v", "libvpx-vp9", "-b:v", "100k"],
}
SECONDS = 4.0


def write_videos(folder: Path, source: Path | None) -> list[Path]:
    """The beginnings of the videos below `source`, as the data set's encoder writes them."""
    paths = []
    for number, (frames, fps) in enumerate(_beginnings(source)):
        paths.append(folder / f"{number}.mp4")
        height, width = (side // 2 * 2 for side in frames[0].shape[:2])
        encode(paths[-1], (frame[:height, :width] for frame in frames), fps)
    return paths


def _beginnings(source: Path | None) -> Iterator[tuple[list[np.ndarray], Fraction]]:
    if source is None:
        face = moving_face(astronaut(), 60, size=128)
        for seed in range(8):
            order = np.random.default_rng(seed).integers(0, 60, 100)
            yield [face[place] for place in order], Fraction(25)
        return
    for path in sorted(path for path in source.rglob("*") if path.suffix in (".mp4", ".mpg")):
        try:
            frames = [frame for frame in islice(decode(path), 400) if frame.time <= SECONDS]
        except MediaError as error:
            print(json.dumps({"left out": str(path), "reason": error.cause}), flush=True)
            continue
        step = float(np.median(np.diff([frame.time for frame in frames])))
        yield [frame.image for frame in frames], Fraction(1 / step).limit_denominator(100)


def main() -> None:
    """Prints a line of JSON for each way, and a last one for pairs of different videos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="videos (default: one face in eight videos)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = write_videos(folder, options.folder)
        begun = time.process_time()
        hashes = [hash_of_video(video) for video in videos]
        milliseconds = 1000 * (time.process_time() - begun) / len(videos)
        index = HashIndex([(video.name, text) for video, text in zip(videos, hashes, strict=True)])
        for way, arguments in WAYS.items():
            copy = folder / ("copy.webm" if way == "VP9" else "copy.mp4")
            own, others, right = [], 0, 0
            for place, video in enumerate(videos):
                run_ffmpeg("-i", video, *arguments, copy)
                text = hash_of_video(copy)
                nearest = index.nearest(text)
                right += nearest is not None and nearest[0] == video.name
                distances = index.distances(text)
                own.append(distances[place, 1])
                distances[place] = np.inf
                others += bool((distances <= (MOST_APPEARANCE, MOST_MOTION)).all(axis=1).any())
            line: dict[str, object] = {"way": way, "videos": len(videos), "found": right, "taken_for_another": others}
            print(
                json.dumps(line | {"largest": round(max(own), 3), "median": round(float(np.median(own)), 3)}),
                flush=True,
            )
        between = np.array([index.distances(text) for text in hashes])[np.triu_indices(len(videos), 1)]
        copies = int((between <= (MOST_APPEARANCE, MOST_MOTION)).all(axis=1).sum())
        line = {"pairs": len(between), "taken_for_copies": copies, "smallest": round(float(between[:, 1].min()), 3)}
        print(json.dumps(line | {"milliseconds_a_hash": round(milliseconds, 1)}))


if __name__ == "__main__":
    main()
