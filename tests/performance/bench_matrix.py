"""Training on each generator and testing on all: peak memory, clock and processor time of `nvfair matrix`.

python -m tests.performance.bench_matrix                           6,440 simulated videos
python -m tests.performance.bench_matrix --clips 12 --cross 8      NVFAIR's 161 people and 54,096 videos (2 GB of disk)
python -m tests.performance.bench_matrix --data DATASET            a data set that is there already

Each command is a process of its own. Plain is what the frames of the largest split would take in memory at once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nvfair_tools.dataset import Dataset


def main() -> None:
    """Prints a line for the data set and one for each command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4, help="clips a person, at least 2 (%(default)s)")
    parser.add_argument("--cross", type=int, default=2, help="other faces that each clip drives (%(default)s)")
    parser.add_argument("--data", type=Path, help="a data set to take instead")
    parser.add_argument("--windows", type=int, default=2_000, help="training budget (%(default)s)")
    parser.add_argument("--method", default="temporal-cnn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nvfair-matrix-") as name:
        folder = Path(name)
        data = options.data or folder / "data"
        if options.data is None:
            wishes = ["--clips", str(options.clips), "--cross", str(options.cross)]
            print(measured("simulate", "cohort", str(data), *wishes), flush=True)
        print(described(data), flush=True)
        training = ["--method", options.method, "--windows", str(options.windows)]
        print(measured("matrix", str(data), str(folder / "matrix"), *training), flush=True)


def described(data: Path) -> str:
    """The size of a data set in words."""
    videos = Dataset.open(data).usable()
    frames = videos[videos["generator"].notna()].groupby(["split", "generator"])["frames"].sum()
    largest = {"one generator's training frames": frames["train"].max(), "all test frames": frames["test"].sum()}
    plain = ", ".join(f"{count * 1008 / 2**30:.2f} GiB ({text})" for text, count in largest.items())
    return f"{len(videos):,} videos, {int(videos['frames'].sum()):,} frames; plain: {plain}"


def measured(*words: str) -> str:
    """Runs an `nvfair` command; its peak memory, clock and processor seconds in words."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "nvfair_tools", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"nvfair {' '.join(words)}: exit status {process.returncode}")
    peak = used.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return (
        f"nvfair {words[0]}: peak {peak:.2f} GiB, {time.perf_counter() - begun:.0f} s, "
        f"processor {used.ru_utime + used.ru_stime:.0f} s"
    )


if __name__ == "__main__":
    main()
