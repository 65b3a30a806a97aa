"""Writes a large simulated data set, landmarks only, reads it, and deletes it: rates, peak memory, bytes.

python -m tests.performance.bench_large_set [--videos 4000] [--folder FOLDER] [--workers 2] [--keep]

400,000 videos are 40 million frames and take 16 GB of disk. They are written by `write_cohort`, whose simulator makes
every landmark, and read by `nvfair_tools.open`, in a process each. With --folder and --keep, an interrupted run goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.performance.page_cache import forget

CLIPS = 40  # of a person; each is a recording and, by three generators, its own face and two others
VIDEOS_PER_CLIP = 10
FRAMES = 100
WINDOW = 71


def main() -> None:
    """Prints lines of JSON, one a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=4000)
    parser.add_argument("--folder", type=Path, help="where the set is written (a temporary folder)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--keep", action="store_true", help="do not delete the set")
    parser.add_argument("--step", choices=("write", "read"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "write":
        write(options.folder, options.videos, options.workers)
    elif options.step == "read":
        read(options.folder, options.windows)
    else:
        folder = options.folder or Path(tempfile.mkdtemp(prefix="large-set-"))
        try:
            for step in ("write", "read"):
                command = [sys.executable, "-m", "tests.performance.bench_large_set", "--step", step]
                command += ["--folder", str(folder / "set"), "--videos", str(options.videos)]
                command += ["--workers", str(options.workers), "--windows", str(options.windows)]
                subprocess.run(command, check=True)
        finally:
            if not options.keep:
                shutil.rmtree(folder / "set", ignore_errors=True)
                if options.folder is None:
                    folder.rmdir()


def write(folder: Path, videos: int, workers: int) -> None:
    """Simulates and writes the set."""
    from nvfair_tools.simulate import CohortSettings, SourceSettings, write_cohort

    people = max(6, -(-videos // (CLIPS * VIDEOS_PER_CLIP)))
    test, validation = max(1, people // 5), max(1, people // 10)
    source = SourceSettings(name="sim", train=people - test - validation, validation=validation, test=test, free=0.5)
    settings = CohortSettings(name="large", seed=1, sources=(source,), clips=CLIPS, frames=FRAMES)
    with Clock() as clock:
        write_cohort(folder, settings, workers=workers, progress=Counter("videos written"))
    content = json.loads((folder / "dataset.json").read_text())
    parts = list(folder.rglob("part-*.parquet"))
    report(
        "write", clock, workers=workers, videos=content["counts"]["videos"], parts=len(parts),
        gigabytes=round(sum(path.stat().st_size for path in parts) / 1e9, 3),
        table_megabytes=round((folder / "videos.parquet").stat().st_size / 1e6, 2),
    )  # fmt: skip


def read(folder: Path, windows: int) -> None:
    """Opens the set, reads all of it part by part, and windows at random."""
    import nvfair_tools
    from nvfair_tools.dataset import Dataset

    assert Dataset  # imported before the clock starts
    for state in ("cold", "warm"):
        if state == "cold":
            forget(folder)
        with Clock() as clock:
            data = nvfair_tools.open(folder)
        report(f"open, {state}", clock, videos=len(data.videos))
    usable = data.usable()[["video", "part", "first_row", "frames"]]
    forget(folder)
    progress = Counter("videos read")
    frames = videos = 0
    with Clock() as clock:
        for _, rows in usable.groupby("part", sort=True):
            tracks = data.tracks(rows.sort_values("first_row")["video"])
            frames, videos = frames + len(tracks.valid), videos + len(tracks)
            progress(videos, len(usable))
    report("read all, part by part", clock, videos=videos, frames=frames)
    if frames != int(usable["frames"].sum()) or videos != len(usable):
        sys.exit(f"read {frames} frames of {videos} videos, not those of videos.parquet")
    rng = np.random.default_rng(0)
    long_enough = usable[usable["frames"] >= WINDOW]
    chosen = long_enough.iloc[rng.integers(0, len(long_enough), windows)]
    starts = rng.integers(0, chosen["frames"].to_numpy() - WINDOW + 1)
    slices = [(video, int(start), int(start) + WINDOW) for video, start in zip(chosen["video"], starts, strict=True)]
    for state in ("cold", "warm"):
        if state == "cold":
            forget(folder)
        with Clock() as clock:
            for video, start, stop in slices:
                data.frames(video, start, stop)
        report(f"windows one by one, {state}", clock, windows=windows)
    forget(folder)
    with Clock() as clock:
        data.slices(slices)
    report("windows at once, cold", clock, windows=windows)


class Clock:
    """Seconds of a block by the clock, and of the processor for this process and those that it awaited."""

    def __enter__(self) -> Clock:
        self.start, self.used = time.perf_counter(), self._processor()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.processor = time.perf_counter() - self.start, self._processor() - self.used

    def _processor(self) -> float:
        spent = os.times()
        return spent.user + spent.system + spent.children_user + spent.children_system


class Counter:
    """Shows how many videos are done, every half minute."""

    def __init__(self, what: str) -> None:
        self.what, self.last = what, time.perf_counter()

    def __call__(self, done: int, of: int) -> None:
        """done of `of` are done."""
        if time.perf_counter() - self.last > 30 or done == of:
            self.last = time.perf_counter()
            print(f"   {done} of {of} {self.what}, at most {peak():.2f} GB until now", file=sys.stderr, flush=True)


def peak() -> float:
    """The most memory that this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def report(step: str, clock: Clock, **facts: int | float) -> None:
    """Prints a line; the counts among `facts` also a second, by the clock."""
    rates = {
        f"{name}_a_second": round(facts[name] / clock.seconds, 1)
        for name in ("videos", "frames", "windows")
        if name in facts
    }
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    taken = {"seconds": round(clock.seconds, 3), "processor_seconds": round(clock.processor, 3)}
    memory = {"peak_gb": round(peak(), 3), "largest_worker_gb": round(largest_child, 3)}
    line = {"step": step, **taken, **facts, **rates, **memory}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
