"""What an ffmpeg process for each video costs, beside the same x264 within this process (PyAV).

python -m tests.performance.bench_encoding [--size 256] [--repeats 5]

For videos of 2, 50 and 150 frames: milliseconds by the clock and of the processor, and context switches a frame of the
writer and of the encoder, voluntary and not. The encoder alone is measured; a build renders between the frames. A video
of 2 frames shows what the process costs that is started. The first value is the median of the clock.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from nvfair_tools.media import encode
from nvfair_tools.media.encoding import CRF, PRESET
from tests.nvfair_tools.clips import astronaut, moving_face

FPS = Fraction(25)


def encode_here(path: Path, frames: list[np.ndarray]) -> None:
    """The settings of `encode`, within this process and in one thread."""
    converter = VideoReformatter()
    flags = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT
    options = {"movflags": "+use_metadata_tags+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        codec = stream.codec_context
        codec.options = {"preset": PRESET, "crf": str(CRF), "flags": "+bitexact"}
        codec.thread_count, codec.time_base = 1, 1 / FPS
        codec.colorspace = codec.color_primaries = codec.color_trc = 1  # BT.709 in H.273
        codec.color_range = ColorRange.MPEG
        for number, image in enumerate(frames):
            frame = converter.reformat(
                av.VideoFrame.from_ndarray(image, format="rgb24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=flags,
                threads=1,
            )
            frame.pts, frame.time_base = number, 1 / FPS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def measure(write: Callable[[Path], object], frames: int, repeats: int) -> dict[str, object]:
    """The figures of one way to write a video of so many frames."""
    clock, usages = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write(path)
        for _ in range(repeats):
            before = time.perf_counter(), *map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            write(path)
            clock.append(time.perf_counter() - before[0])
            after = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            usages.append([_difference(*pair) for pair in zip(before[1:], after, strict=True)])
        size = path.stat().st_size
    writer, encoder = np.mean(usages, axis=0)
    return {
        "clock_ms": round(1000 * statistics.median(clock), 1),
        "process_ms": round(1000 * (writer[0] + encoder[0]), 1),
        "of_the_writer": round(1000 * writer[0], 1),
        "switches_a_frame_of_the_writer": [round(count / frames, 2) for count in writer[1:]],
        "switches_a_frame_of_the_encoder": [round(count / frames, 2) for count in encoder[1:]],
        "bytes": size,
    }


def _difference(before: resource.struct_rusage, after: resource.struct_rusage) -> tuple[float, int, int]:
    """Processor seconds; voluntary and other context switches."""
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_nvcsw - before.ru_nvcsw, after.ru_nivcsw - before.ru_nivcsw


def main() -> None:
    """Prints a line of JSON for each length and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="side of the frames in pixels (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    frames = moving_face(astronaut(), 150, size=options.size)
    for count in (2, 50, 150):
        ways: dict[str, Callable[[Path], object]] = {
            "a process a video": lambda path, some=frames[:count]: encode(path, some, FPS),
            "within the process": lambda path, some=frames[:count]: encode_here(path, some),
        }
        for name, write in ways.items():
            print(json.dumps({"frames": count, "encoder": name, **measure(write, count, options.repeats)}), flush=True)


if __name__ == "__main__":
    main()
