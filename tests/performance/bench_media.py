"""Frames a second of reading, probing and writing video, beside a plain PyAV loop.

python -m tests.performance.bench_media [CLIP ...]   (without clips: one made from a public-domain portrait)
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from nvfair_tools.media import decode, encode, probe


def plain_decode(paths: list[Path]) -> int:
    """PyAV to RGB arrays, nothing checked."""
    frames = 0
    for path in paths:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                frame.to_ndarray(format="rgb24")
                frames += 1
    return frames


def measure(paths: list[Path], repeats: int = 3) -> dict[str, float]:
    """Frames a second by method; the best of `repeats`."""
    some = [frame.image for frame in decode(paths[0])][:100]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mp4"
        methods: dict[str, Callable[[], int]] = {
            "decode": lambda: sum(sum(1 for _ in decode(path)) for path in paths),
            "plain PyAV loop": lambda: plain_decode(paths),
            "probe": lambda: sum(probe(path).frames for path in paths),
            "encode": lambda: encode(target, some, Fraction(25)).frames,
        }
        result = dict.fromkeys(methods, 0.0)
        for _ in range(repeats):
            for name, method in methods.items():
                start = time.perf_counter()
                frames = method()
                result[name] = max(result[name], frames / (time.perf_counter() - start))
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
    print(json.dumps({name: round(value) for name, value in result.items()}, indent=1))


if __name__ == "__main__":
    main()
