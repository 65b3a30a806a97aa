"""Our parts beside plain Parquet, .npy files, HDF5 and an Arrow cache: bytes, writing, reading at random or all.

python -m tests.performance.bench_storage [--landmarks 200000] [--distances 6000] [--windows 40] [--folder FOLDER]

All ways store the same frames of simulated people: landmarks rounded to 1/64 pixel (an error of 1/128 at most), and
their distances in half precision, in one run. Writing includes computing the distances, and plain Parquet has the files
of our parts. Windows are 71 frames of a video; their rate is that of the median. Cold: the files are dropped from the
page cache before every reading, before each window too. Every window is compared with what was written. HDF5 needs h5py
and the Arrow cache needs `datasets`; what is missing is left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools.dataset import Dataset, TrackTable
from nvfair_tools.dataset.parts import plan_parts
from nvfair_tools.features import distances
from nvfair_tools.simulate import CohortSettings, SourceSettings, write_cohort
from tests.performance.storage_formats import ArrowCache, Frames, Hdf5, Way, ways_for

LENGTH = 71
NEEDS = {Hdf5: "h5py", ArrowCache: "datasets"}


def main() -> None:
    """Prints a line of JSON a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landmarks", type=int, default=200_000, help="frames (%(default)s)")
    parser.add_argument("--distances", type=int, default=6_000, help="frames (%(default)s)")
    parser.add_argument("--windows", type=int, default=40, help="read at random, cold, and five times as many warm")
    parser.add_argument("--folder", type=Path, help="on which disk (the one of temporary files)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        source = simulated(folder / "people", max(options.landmarks, options.distances))
        for feature, count in (("landmarks", options.landmarks), ("distances", options.distances)):
            measure(folder / feature, some_frames(source, count, feature), options.windows)


def simulated(folder: Path, frames: int) -> Dataset:
    """A cohort with at least so many frames."""
    clips = 3
    people = max(10, 3 + frames // (clips * 10 * 140))
    source = SourceSettings(name="sim", train=people - 3, validation=1, test=2, texts=6, free=0.5)
    write_cohort(folder, CohortSettings(name="storage", seed=1, sources=(source,), clips=clips, frames=150), workers=1)
    return Dataset.open(folder)


def some_frames(source: Dataset, count: int, feature: str) -> Frames:
    """Whole videos with about `count` frames, evenly from all parts."""
    usable = source.usable()
    shuffled = usable.sample(frac=1, random_state=0)
    chosen = shuffled[shuffled["frames"].cumsum() <= count].sort_values("video")
    tracks = source.tracks(chosen["video"])
    return Frames(source.identities, planned(chosen, tracks), tracks, feature)


def planned(videos: pd.DataFrame, tracks: TrackTable) -> pd.DataFrame:
    """The rows of `videos` in the order of `tracks`, numbered, with part and first row as a data set of them has."""
    rows = videos.set_index("video", drop=False).loc[tracks.videos].reset_index(drop=True)
    plan = plan_parts(rows)
    return rows.assign(part=plan["part"], first_row=plan["first_row"])


def measure(folder: Path, frames: Frames, windows: int) -> None:
    """Writes and reads the frames each way."""
    values = frames.values(0).shape[1]
    rows = max(int(group["frames"].sum()) for _, group in frames.videos.groupby("part"))
    facts = {"frames": frames.count, "videos": len(frames.tracks), "values": values, "rows of the largest part": rows}
    print(json.dumps({"feature": frames.feature, **facts}), flush=True)
    rng = np.random.default_rng(0)
    lengths = np.diff(frames.tracks.offsets)
    numbers = rng.choice(np.flatnonzero(lengths >= LENGTH), 6 * windows)
    slices = [
        (int(n), int(start)) for n, start in zip(numbers, rng.integers(0, lengths[numbers] - LENGTH + 1), strict=True)
    ]
    for kind in ways_for(frames.feature):
        missing = [package for base, package in NEEDS.items() if issubclass(kind, base) and not is_there(package)]
        if missing:
            print(json.dumps({"way": kind.name, "left out": f"{missing[0]} is not installed"}), flush=True)
            continue
        way = kind(folder / kind.name, frames)
        print(json.dumps({"way": kind.name, **figures(way, slices, windows)}), flush=True)


def figures(way: Way, slices: list[tuple[int, int]], windows: int) -> dict[str, float]:
    """MB of 100,000 frames, and thousands of frames or windows a second."""
    count = way.frames.count
    written = seconds(way.write)
    way.open()
    reads = {}
    for state in ("cold", "warm"):
        if state == "cold":
            way.make_cold()
        start = time.perf_counter()
        if way.read_all() != count:
            raise SystemExit(f"{way.name}: other frames than were written")
        reads[state] = time.perf_counter() - start
    cold = []
    for chosen in slices[:windows]:
        way.make_cold()
        cold.append(seconds_of_window(way, *chosen))
    warm = [seconds_of_window(way, *chosen) for chosen in slices[windows:]]
    way.close()
    return {
        "MB of 100,000 frames": round(way.size() / count * 0.1, 2),
        "written, k/s": round(count / written / 1e3, 2),
        "read cold, k/s": round(count / reads["cold"] / 1e3, 1),
        "read warm, k/s": round(count / reads["warm"] / 1e3, 1),
        "windows/s cold": round(1 / statistics.median(cold), 1),
        "windows/s warm": round(1 / statistics.median(warm), 1),
    }


def seconds_of_window(way: Way, n: int, start: int) -> float:
    """Seconds to read a window, which must be what was written."""
    begin = time.perf_counter()
    window = way.window(n, start, start + LENGTH)
    taken = time.perf_counter() - begin
    landmarks = way.frames.tracks.landmarks[way.frames.tracks.rows(n)][start : start + LENGTH]
    expected = landmarks.reshape(LENGTH, -1) if window.shape[1] == 252 else distances(landmarks, dtype=np.float16)
    if not np.array_equal(window, expected, equal_nan=True):
        raise SystemExit(f"{way.name}: a window differs from what was written")
    return taken


def is_there(package: str) -> bool:
    """Whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def seconds(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
