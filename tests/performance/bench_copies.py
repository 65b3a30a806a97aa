"""How many recordings that are there twice the leakage audit finds, how many others it takes for copies, and how fast.

python -m tests.performance.bench_copies [--folder VIDEOS] [--videos 2000]

The first six seconds of every video below the folder are tracked, and copies of them that were changed in six ways. A
line of JSON a way: copies found by motion and by pictures, their distances, and other videos taken for copies. Another
line: pairs of different videos. The last one: seconds of processor time to hash and to search so many recordings of
simulated people.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nvfair_tools.dataset import Dataset
from nvfair_tools.landmarks.scheme import landmarks_from_mesh
from nvfair_tools.landmarks.tracking import track_video
from nvfair_tools.leakage.motion_copies import find_motion_copies
from nvfair_tools.leakage.motion_hash import MotionHash, motion_hash
from nvfair_tools.leakage.picture_copies import find_picture_copies
from nvfair_tools.marks.perceptual_hash import hash_of_video
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from tests.nvfair_tools.clips import run_ffmpeg

CROP = "crop=trunc(iw*0.42)*2:trunc(ih*0.42)*2"
WAYS = {
    "half the size, CRF 32": ["-vf", "scale=trunc(iw/4)*2:trunc(ih/4)*2", "-crf", "32"],
    "mirrored": ["-vf", "hflip", "-crf", "23"],
    "cropped to 84 %": ["-vf", CROP, "-crf", "23"],
    "begun a second later": ["-ss", "1", "-crf", "23"],
    "30 frames a second": ["-r", "30", "-crf", "23"],
    "mirrored, cropped, a second later, 30 frames a second, CRF 30": [
        *("-ss", "1", "-vf", f"hflip,{CROP}", "-r", "30", "-crf", "30")
    ],
}

Hashes = tuple[MotionHash | None, str]


def hashes_of(folder: Path) -> dict[str, list[Hashes]]:
    """The hashes of motion and pictures of each video below a folder, by way ("" is the video itself)."""
    landmarker = LandmarkerSpec("facemesh", None, None, None).create()
    hashes: dict[str, list[Hashes]] = {way: [] for way in ("", *WAYS)}
    with tempfile.TemporaryDirectory() as name:
        base, copy = Path(name) / "base.mp4", Path(name) / "copy.mp4"
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".mp4", ".mpg")):
            run_ffmpeg("-i", path, "-t", "6", "-an", "-crf", "18", base)
            for way in hashes:
                if way:
                    run_ffmpeg("-i", base, *WAYS[way], copy)
                video = copy if way else base
                track = track_video(video, landmarker)
                motion = motion_hash(landmarks_from_mesh(track.mesh), track.valid, track.time)
                hashes[way].append((motion, hash_of_video(video)))
    return hashes


def compare(originals: Sequence[Hashes], copies: Sequence[Hashes]) -> dict[str, object]:
    """What is found of the copies, which stand in the order of their originals."""
    count = len(originals)
    by_motion = find_motion_copies([motion for motion, _ in (*originals, *copies)], most=2.0)
    own = [copy.distance for copy in by_motion if copy.second - copy.first == count]
    near = find_motion_copies([motion for motion, _ in (*originals, *copies)])
    across = [copy for copy in near if copy.first < count <= copy.second]
    by_pictures = find_picture_copies([pictures for _, pictures in (*originals, *copies)])
    return {
        "videos": count,
        "by_motion": sum(copy.second - copy.first == count for copy in across),
        "others_by_motion": sum(copy.second - copy.first != count for copy in across),
        "median": round(float(np.median(own)), 3),
        "largest": round(max(own), 3),
        "by_pictures": sum(copy.second - copy.first == count for copy in by_pictures),
        "others_by_pictures": sum(copy.second - copy.first != count for copy in by_pictures),
    }


def time_search(videos: int) -> dict[str, object]:
    """Processor seconds to hash and to search the recordings, of six seconds each, of simulated people with 20 each."""
    people = SourceSettings(name="sim-a", train=0, validation=0, test=max(1, videos // 20), texts=12)
    settings = CohortSettings(sources=(people,), clips=20, cross=0, frames=150, seed=3, generators=("sim-keypoint",))
    hashes: list[MotionHash | None] = []
    with tempfile.TemporaryDirectory() as name:
        write_cohort(Path(name) / "cohort", settings)
        dataset = Dataset.open(Path(name) / "cohort")
        real = dataset.videos.loc[dataset.videos["kind"] == "real", "video"]
        begun = time.process_time()
        for start in range(0, len(real), 256):
            tracks = dataset.tracks(real.iloc[start : start + 256])
            hashes += [motion_hash(landmarks, valid, times) for _, landmarks, valid, times in tracks]
    hashing = time.process_time() - begun
    begun = time.process_time()
    copies = find_motion_copies(hashes)
    searching = time.process_time() - begun
    line: dict[str, object] = {
        "videos": len(hashes),
        "hashing_s": round(hashing, 1),
        "searching_s": round(searching, 1),
    }
    return line | {"pairs": len(hashes) * (len(hashes) - 1) // 2, "taken_for_copies": len(copies)}


def main() -> None:
    """Prints a line of JSON for each way, one for pairs of different videos, and one for the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="videos (default: the time alone)")
    parser.add_argument("--videos", type=int, default=2_000, help="simulated recordings that are searched")
    options = parser.parse_args()
    if options.folder is not None:
        hashes = hashes_of(options.folder)
        for way in WAYS:
            print(json.dumps({"way": way} | compare(hashes[""], hashes[way])), flush=True)
        motions = [motion for motion, _ in hashes[""]]
        pairs = sum(motion is not None for motion in motions)
        line = {"pairs": pairs * (pairs - 1) // 2, "taken_for_copies": len(find_motion_copies(motions))}
        distances = sorted(copy.distance for copy in find_motion_copies(motions, most=2.0))
        print(json.dumps(line | {"smallest": round(distances[0], 3) if distances else None}), flush=True)
    print(json.dumps(time_search(options.videos)), flush=True)


if __name__ == "__main__":
    main()
