"""Speed of `nvfair verify` against the video's own time on one core, and its memory along a long video.

python -m tests.performance.bench_verification [CLIP] [--minutes 5]   (without a clip: one made from a portrait)

The clip is repeated to the length without encoding it again. Processor seconds count, so that other work on the machine
does not. Memory is the resident size after the first tenth and at the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from datetime import date
from pathlib import Path

import benchmark
from benchmark.verification.verify import Verifier
from nvfair_tools.landmarks.mediapipe import quiet_stderr
from nvfair_tools.media import probe
from nvfair_tools.media.encoding import ffmpeg_binary


def resident_megabytes() -> float:
    """The memory of this process that is in use now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def measure(clip: Path, minutes: float, folder: Path) -> dict[str, float]:
    """Verifies the clip, repeated to so many minutes, against an enrolment made from it."""
    long = folder / "long.mkv"
    command = [ffmpeg_binary(), "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(clip), "-an"]
    subprocess.run([*command, "-t", str(60 * minutes), "-c", "copy", str(long)], check=True)
    consent = benchmark.stated_consent("a measurement", date(2020, 1, 1), scope=["any"])
    person = benchmark.enrol("bench:one", clip, consent=consent)
    info, windows, early = probe(clip), 0, 0.0
    with quiet_stderr(), Verifier(person) as verifier:
        start, processor = time.perf_counter(), time.process_time()
        run = verifier.follow(long)
        for window in run:
            windows += 1
            if not early and window.end > 6 * minutes:
                early = resident_megabytes()
        seconds = run.result().seconds
        taken, used = time.perf_counter() - start, time.process_time() - processor
    return {
        "video, seconds": round(seconds, 1),
        "width": info.width,
        "height": info.height,
        "windows": windows,
        "processor seconds": round(used, 1),
        "times real time, one core": round(seconds / used, 2),
        "wall seconds": round(taken, 1),
        "MB after a tenth": round(early, 1),
        "MB at the end": round(resident_megabytes(), 1),
    }


def main(arguments: list[str] | None = None) -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        clip = options.clip
        if clip is None:
            from tests.nvfair_tools.clips import face_clip

            clip = face_clip(Path(name) / "face.mp4", frames=200)
        print(json.dumps(measure(clip, options.minutes, Path(name)), indent=1))


if __name__ == "__main__":
    main()
