"""`nvfair dataset audit` on a large set of simulated people's landmarks: seconds and peak memory.

python -m tests.performance.bench_audit --videos 10_000 [--folder FOLDER]

A person has 20 recordings of about six seconds, each of which also drives the person's own face by one generator, so
that half of the videos are reenactments. --folder: keep the set here, or audit the one that is here.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLIPS, FRAMES = 20, 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=lambda text: int(text.replace("_", "")), default=1_000, help="recordings")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--here", action="store_true", help="audit the set of --folder in this process")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.folder)), flush=True)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name) / "cohort"
        write(folder, options.videos)
        command = [sys.executable, "-m", "tests.performance.bench_audit", "--folder", str(folder), "--here"]
        subprocess.run(command, check=True)


def write(folder: Path, recordings: int) -> None:
    """Writes the set, unless it is there already."""
    from nvfair_tools.simulate.cohort import write_cohort
    from nvfair_tools.simulate.settings import CohortSettings, SourceSettings

    people = SourceSettings(name="sim-a", train=0, validation=0, test=max(1, recordings // CLIPS), texts=12)
    settings = CohortSettings(sources=(people,), clips=CLIPS, cross=0, frames=FRAMES, generators=("sim-keypoint",))
    write_cohort(folder, settings, workers=1)


def measure(folder: Path) -> dict[str, object]:
    """The figures of one audit in this process."""
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.leakage.audit import audit_dataset

    start, cpu = time.perf_counter(), time.process_time()
    dataset = Dataset.open(folder)
    audit = audit_dataset(dataset, workers=1)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "recordings": int((dataset.videos["kind"] == "real").sum()),
        "videos": len(dataset.videos),
        "checks": len(audit.checks),
        "defects": audit.defects,
        "copies": sum(check.cases for check in audit.checks if "motion" in check.question),
        "seconds": round(seconds, 1),
        "process_s": round(cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
