"""The one encoder of videos: equal frames, rate and tags give equal bytes.

Legend: H, W image height and width.
Every video of a data set goes through this encoder, self-reenactments included, so that no generator can be recognised
by its codec, frame rate or value range.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from nvfair_tools.errors import MissingExtra
from nvfair_tools.files import atomic_output
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.library_encoder import encode_here, has_x264
from nvfair_tools.media.source_types import SOURCE_TYPE_TAG
from nvfair_tools.media.timing import MAX_RATE_TERM
from nvfair_tools.media.x264 import steady_options
from nvfair_tools.media.xmp import append_xmp

# x264's constant rate factor: at about 18 compression is no longer visible. Measured on real faces at 256 pixels, 18
# moves landmarks by 0.17 to 0.25 px in the median (0.5 to 0.6 px at the 95th percentile); 23 moves them by 0.29 px in
# half the bytes, 10 by 0.10 px in 3.7 times the bytes.
CRF = 18
PRESET = "medium"
_STDERR_TAIL = 2000
# Bytes that the pipe to ffmpeg holds, where the system allows it: five frames of 256x256 in place of a third of one.
_PIPE_BYTES = 1 << 20


@dataclass(frozen=True)
class EncodedInfo:
    """The result of an encoding: the number of written frames, and the SHA-256 of the file as a hex digest."""

    frames: int
    sha256: str


def ffmpeg_binary() -> str:
    """The path of ffmpeg: `NVFAIR_FFMPEG`, else the binary in the imageio-ffmpeg wheel, else the system's.

    Raises MissingExtra where there is none.
    """
    if path := os.environ.get("NVFAIR_FFMPEG"):
        return path
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        path = shutil.which("ffmpeg")
    if not path:
        raise MissingExtra("imageio-ffmpeg", "media", "and there is no ffmpeg on the PATH")
    return path


def encode(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: Fraction,
    *,
    metadata: Mapping[str, str] | None = None,
    crf: int = CRF,
) -> EncodedInfo:
    """Encodes uint8 RGB frames (H, W, 3) as H.264 in an mp4 at exactly `fps`; the file appears whole or not at all.

    x264 in one thread, yuv420p, BT.709, no creation time, no encoder tag. H and W must be even (yuv420p halves
    the colour): odd sizes are refused rather than padded, because padding would move landmarks' frame of reference.
    metadata: tags of the container with any keys; `probe(path).metadata` returns them. A file with tags also ends with
    an XMP packet of constant length, which says IPTC's digital source type where the tag `digital_source_type` has one.
    crf: x264's constant rate factor; videos of a data set have the default, stress tests of the benchmark worse ones.
    Raises MediaError: "no_frames" where `frames` is empty, "not_encoded" where a frame has another shape or type, the
    rate is not positive, or the encoder fails (ffmpeg: with the end of its output). An error raised by `frames` passes
    through.

    x264 runs in this process (PyAV). Where `NVFAIR_FFMPEG` names a program, or PyAV has no x264, an ffmpeg process for
    each video does the same, with the same bytes where its x264 is the same.
    """
    path, rate = Path(path), _checked_rate(path, fps)
    pending = iter(frames)
    first = next(pending, None)
    if first is None:
        raise MediaError("no_frames", path, "there was no frame to write", remedy="give at least one frame")
    shape = _checked_shape(path, first, None, 0)
    with atomic_output(path) as temporary:
        checked = _checked_frames(path, itertools.chain((first,), pending), shape)
        if "NVFAIR_FFMPEG" not in os.environ and has_x264():
            count = encode_here(path, temporary, checked, rate, metadata or {}, preset=PRESET, crf=crf)
        else:
            command = _ffmpeg_command(temporary, shape, rate, metadata or {}, crf)
            count = _run_ffmpeg(path, command, checked)
        if metadata:
            append_xmp(temporary, metadata.get(SOURCE_TYPE_TAG, ""))
        _check_frame_count(path, temporary, count)
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    return EncodedInfo(frames=count, sha256=digest)


def _ffmpeg_command(
    target: Path, shape: tuple[int, ...], rate: Fraction, metadata: Mapping[str, str], crf: int
) -> list[str]:
    try:
        import ffmpeg
    except ImportError as error:
        raise MissingExtra("ffmpeg-python", "media", str(error)) from error
    options: dict[str, Any] = {
        "vcodec": "libx264",
        "threads": 1,
        "preset": PRESET,
        "crf": crf,
        **steady_options(),
        "pix_fmt": "yuv420p",
        "vf": "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact",
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "color_range": "tv",
        "video_track_timescale": rate.numerator,
        "map_metadata": -1,
        "fflags": "+bitexact",
        "flags:v": "+bitexact",
        # The first flag keeps tags with any key; the second lets a browser start before it has the end of the file.
        "movflags": "+use_metadata_tags+faststart",
        "format": "mp4",
    }
    height, width = shape[:2]
    source = ffmpeg.input(
        "pipe:",
        format="rawvideo",
        pix_fmt="rgb24",
        video_size=(width, height),
        framerate=f"{rate.numerator}/{rate.denominator}",
    )
    stream = source.output(str(target), **options).global_args("-nostdin", "-hide_banner", "-loglevel", "warning")
    command = stream.compile(cmd=ffmpeg_binary(), overwrite_output=True)
    # ffmpeg-python accepts each option once, but every tag needs a `-metadata` of its own.
    tags = [argument for key, value in sorted(metadata.items()) for argument in ("-metadata", f"{key}={value}")]
    target_index = command.index(str(target))
    return command[:target_index] + tags + command[target_index:]


def _checked_frames(path: Path, frames: Iterator[np.ndarray], shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The frames unchanged. Raises MediaError at the first that is of another kind than the first one."""
    for index, frame in enumerate(frames):
        _checked_shape(path, frame, shape, index)
        yield frame


def _run_ffmpeg(path: Path, command: list[str], frames: Iterator[np.ndarray]) -> int:
    """Writes the frames to ffmpeg and returns their number.

    ffmpeg's messages go to a file, so that neither side waits for the other, however many messages there are.
    """
    count = 0
    with tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages)
        except OSError as error:
            raise MediaError(
                "not_encoded", path, f"{command[0]} cannot be run: {error.strerror}", remedy="correct NVFAIR_FFMPEG"
            ) from error
        assert process.stdin is not None
        _enlarge_pipe(process.stdin)
        try:
            for frame in frames:
                process.stdin.write(np.ascontiguousarray(frame).data)
                count += 1
            process.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg has ended; its exit status is checked below
        except BaseException:
            process.kill()
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            status = process.wait()
        if status != 0:
            text = f"ffmpeg ended with status {status}:\n{_message_tail(messages)}"
            raise MediaError("not_encoded", path, text, frames=count)
    return count


def _enlarge_pipe(pipe: IO[bytes]) -> None:
    """Lets a pipe hold some frames, so that writer and reader need not wait for each other within each frame."""
    with contextlib.suppress(ImportError, OSError):  # no Unix, or the user has used up what pipes may hold
        import fcntl

        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _check_frame_count(path: Path, encoded: Path, count: int) -> None:
    """Raises MediaError where the encoded file does not hold `count` frames: an encoder may drop some silently."""
    from nvfair_tools.media.container import open_container

    with open_container(encoded) as container:
        stream = container.streams.video[0]
        written = sum(1 for packet in container.demux(stream) if packet.size)
    if written != count:
        raise MediaError("not_encoded", path, f"the encoder wrote {written} of {count} frames", frames=written)


def _checked_shape(path: Path, frame: np.ndarray, shape: tuple[int, ...] | None, index: int) -> tuple[int, ...]:
    ok = isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3
    if not ok or (shape is not None and frame.shape != shape):
        actual = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        expected = f"uint8 {shape}" if shape else "uint8 (H, W, 3)"
        raise MediaError(
            "not_encoded", path, f"frame {index} is {actual}, not {expected}", frames=index, remedy="convert the frames"
        )
    if frame.shape[0] % 2 or frame.shape[1] % 2 or not frame.size:
        raise MediaError(
            "not_encoded",
            path,
            f"frames of {frame.shape[1]}x{frame.shape[0]} pixels have an odd or zero side",
            remedy="crop or pad the frames to even sides",
        )
    return frame.shape


def _checked_rate(path: Path, fps: Fraction) -> Fraction:
    rate = Fraction(fps)
    if rate <= 0 or rate.numerator > MAX_RATE_TERM or rate.denominator > MAX_RATE_TERM:
        raise MediaError(
            "not_encoded",
            path,
            f"the frame rate {fps} cannot be written exactly",
            remedy=f"give a positive fraction with terms up to {MAX_RATE_TERM}, such as Fraction(30000, 1001)",
        )
    return rate


def _message_tail(messages: IO[bytes]) -> str:
    messages.seek(0, os.SEEK_END)
    messages.seek(max(0, messages.tell() - _STDERR_TAIL))
    return messages.read().decode("utf-8", "replace").strip()
