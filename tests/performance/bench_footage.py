"""Cutting a recording of an hour: processor time against the recording's own length, and memory against its length.

python -m tests.performance.bench_footage --minutes 3 60 [--film RECORDING]

A line of JSON a length: frames, segments, processor seconds, how many times faster than the recording one core is, and
the peak memory. Without --film, a film of two people in shots of eight seconds is made, whose last third is one shot.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

FPS, SIZE = 25, 256
_SHOT = 8 * FPS  # frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--film", type=Path, help="cut this file, in this process")
    options = parser.parse_args()
    if options.film:
        print(json.dumps(measure(options.film)), flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        for minutes in options.minutes:
            film = write_film(Path(folder) / f"{minutes}.mp4", minutes)
            command = [sys.executable, "-m", "tests.performance.bench_footage", "--film", str(film)]
            subprocess.run(command, check=True)


def write_film(path: Path, minutes: int) -> Path:
    """A film of so many minutes, encoded frame by frame."""
    from nvfair_tools.media import encode

    encode(path, _frames(minutes * 60 * FPS), Fraction(FPS))
    return path


def _frames(count: int) -> Iterator[np.ndarray]:
    from tests.nvfair_tools.clips import astronaut, hopper, moving_face

    people = [moving_face(portrait, _SHOT, SIZE) for portrait in (astronaut(), hopper())]
    for number in range(count):
        shot, place = divmod(number, _SHOT)
        if number >= 2 * count // 3:  # one shot: forth and back, without a jump
            place, person = (place if shot % 2 == 0 else _SHOT - 1 - place), people[0]
        else:
            person = people[shot % 2]
        yield person[place]


def measure(film: Path) -> dict[str, object]:
    """The figures of cutting one film in this process."""
    from nvfair_tools.curate.footage.proposals import propose_segments
    from nvfair_tools.pipeline.progress import Silent

    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.perf_counter(), time.process_time()
        proposals = propose_segments([film], Path(folder) / "cut", workers=0, reporter=Silent())
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    frames = sum(int(row["frames"]) for row in proposals.rows)
    return {
        "frames_of_segments": frames,
        "segments": len(proposals.rows),
        "left_out": len(proposals.left_out),
        "seconds": round(seconds, 1),
        "process_s": round(cpu, 1),
        "faster_than_real_time": round(frames / FPS / cpu, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
