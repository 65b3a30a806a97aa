"""How fast parts are written and read, beside pandas with nested lists, in one run.

python -m tests.performance.bench_shards [--rows 4000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from nvfair_tools.dataset.labels import VideoLabels
from nvfair_tools.dataset.parts import write_part
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.features import distances

FRAMES = 100  # of a video


def walk(rows: int) -> np.ndarray:
    """Landmarks (rows, 126, 2) that move like a face's: smooth, with a little noise; float32 pixels."""
    random = np.random.default_rng(0)
    face = random.uniform(80, 180, (126, 2))
    sway = np.cumsum(random.normal(0, 0.3, (rows, 1, 2)), axis=0) % 40
    return (face + sway + random.normal(0, 0.2, (rows, 126, 2))).astype(np.float32)


def timed(work: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds of a call, after one that does not count."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def ours(path: Path, landmarks: np.ndarray, with_distances: bool) -> tuple[float, float]:
    """Seconds to write and to read; writing computes the distances."""
    rows = len(landmarks)
    stamps = np.arange(FRAMES) / 25.0
    valid = np.ones(FRAMES, dtype=bool)

    def rows_of(video: str) -> FrameRows:
        start = int(video) * FRAMES
        return FrameRows(landmarks[start : start + FRAMES], valid, stamps)

    labels = VideoLabels("bench:driver", "bench:target", "warp", "train")
    videos = dict.fromkeys((f"{n:06d}" for n in range(rows // FRAMES)), labels)
    column = "distances" if with_distances else "landmarks"

    def read() -> np.ndarray:
        chunks = pq.read_table(path, columns=[column]).column(column).chunks
        return np.concatenate([chunk.flatten().to_numpy() for chunk in chunks])

    return timed(lambda: write_part(path, videos, rows_of, with_distances=with_distances)), timed(read)


def plain(path: Path, landmarks: np.ndarray, with_distances: bool) -> tuple[float, float]:
    """The same with pandas: a column of lists, its own Parquet defaults, arrays back by stacking."""
    column = "distances" if with_distances else "landmarks"

    def write() -> None:
        values = distances(landmarks, dtype=np.float16) if with_distances else landmarks.reshape(len(landmarks), -1)
        # pandas cannot write half precision within lists through every engine; float32 is what a user would reach for.
        lists = list(values.astype(np.float32))
        frame = pd.DataFrame({"video": np.repeat(np.arange(len(lists) // FRAMES), FRAMES).astype(str), column: lists})
        frame.to_parquet(path)

    return timed(write), timed(lambda: np.stack(pd.read_parquet(path, columns=[column])[column].to_numpy()))


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4000)
    rows = parser.parse_args().rows // FRAMES * FRAMES
    landmarks = walk(rows)
    print(f"{rows} rows; k rows/s written (computing included) and read; MB per 100 k rows")
    with tempfile.TemporaryDirectory() as folder:
        for with_distances in (False, True):
            for name, run in (("ours", ours), ("pandas", plain)):
                path = Path(folder) / f"{name}-{with_distances}.parquet"
                written, read = run(path, landmarks, with_distances)
                size = path.stat().st_size / rows * 1e5 / 1e6
                what = "distances" if with_distances else "landmarks"
                print(
                    f"{what:10} {name:7} write {rows / written / 1e3:8.1f}  read {rows / read / 1e3:8.1f}  {size:8.1f}"
                )


if __name__ == "__main__":
    main()
