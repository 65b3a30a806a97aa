"""The encoder within this process: x264 as PyAV carries it, so that no program is started for each video.

Legend: H, W image height and width. It writes what `encoding` describes, byte for byte what ffmpeg's own program writes
with the same x264.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import import_av
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.x264 import steady_options

_WAITING_FRAMES = 8  # that may wait for the encoder's thread
_LEAST_TIMESCALE = 1000  # ticks a second in which a container states its own duration
# Numbers of ISO/IEC 23091-2 (H.273): matrix and range.
_BT709, _TV_RANGE = 1, 1


@lru_cache(maxsize=1)
def has_x264() -> bool:
    """Whether the installed PyAV can encode H.264 with x264."""
    try:
        import_av().codec.Codec("libx264", "w")
    except ValueError:  # PyAV's error of an unknown codec is one
        return False
    return True


def encode_here(
    path: Path,
    target: Path,
    frames: Iterator[np.ndarray],
    rate: Fraction,
    metadata: Mapping[str, str],
    *,
    preset: str,
    crf: int,
) -> int:
    """Encodes uint8 RGB frames (H, W, 3), at least one, all of one even size, into `target`; returns their number.

    Where this process may use several threads (OMP_NUM_THREADS, which the workers of a build set), one of them encodes
    while the next frames are made. path: the file's name in errors. preset, crf: x264's.
    Raises MediaError "not_encoded" where x264 or the disk fails. An error raised by `frames` passes through.
    """
    first = next(frames)
    writer = _Writer(path, target, first.shape, rate, metadata, preset, crf)
    count = 0
    try:
        with _writing(writer) as write:
            for image in itertools.chain((first,), frames):
                write(writer.frame(image, count))
                count += 1
        writer.finish()
    finally:
        writer.close()
    return count


class _Writer:
    """One video that is being written."""

    def __init__(
        self,
        path: Path,
        target: Path,
        shape: tuple[int, ...],
        rate: Fraction,
        metadata: Mapping[str, str],
        preset: str,
        crf: int,
    ) -> None:
        self._av, self._path, self._tick = import_av(), path, 1 / rate
        options = {
            "fflags": "+bitexact",
            "movflags": "+use_metadata_tags+faststart",
            "video_track_timescale": str(rate.numerator),
            "movie_timescale": str(max(rate.numerator, _LEAST_TIMESCALE)),
        }
        with self._errors():
            self._container = self._av.open(str(target), "w", format="mp4", options=options)
        # ffmpeg's program leaves out tags without a value, and names the encoder in the stream's header.
        self._container.metadata.update({key: value for key, value in sorted(metadata.items()) if value})
        self._stream = self._container.add_stream("libx264", rate=rate)
        self._stream.metadata["encoder"] = "Lavc libx264"
        self._stream.height, self._stream.width = shape[:2]
        self._stream.pix_fmt = "yuv420p"
        codec = self._stream.codec_context
        codec.options = {
            "preset": preset,
            "crf": str(crf),
            **steady_options(),
            "flags": "+bitexact",
        }
        codec.thread_count, codec.time_base = 1, self._tick
        codec.colorspace, codec.color_range = _BT709, _TV_RANGE
        kind = self._av.video.reformatter.Interpolation
        self._flags = kind.BICUBIC | kind.ACCURATE_RND | kind.FULL_CHR_H_INT | kind.BITEXACT
        self._converter = self._av.video.reformatter.VideoReformatter()
        self._one_at_a_time = threading.Lock()  # Ctrl-C may end the wait for the writing thread

    def frame(self, image: np.ndarray, number: int) -> Any:
        """A copy of an image as the frame with this number."""
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = number, self._tick
        return frame

    def write(self, frame: Any) -> None:
        """Converts a frame's colours and encodes it."""
        with self._one_at_a_time, self._errors():
            converted = self._converter.reformat(
                frame,
                format="yuv420p",
                dst_colorspace=_BT709,
                dst_color_range=_TV_RANGE,
                interpolation=self._flags,
                threads=1,
            )
            converted.pts, converted.time_base = frame.pts, frame.time_base
            self._store(self._stream.encode(converted))

    def finish(self) -> None:
        """Writes what x264 still holds, and the end of the file."""
        with self._errors():
            self._store(self._stream.encode(None))
            self._container.close()

    def _store(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            packet.duration = 1  # tick: x264 does not say it, and the file states how long its last frame is shown
            self._container.mux(packet)

    def close(self) -> None:
        """Closes the file, which is incomplete unless it is finished."""
        with self._one_at_a_time, contextlib.suppress(self._av.error.FFmpegError):
            self._container.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._av.error.FFmpegError as error:
            raise MediaError("not_encoded", self._path, f"x264 or the disk failed: {error.strerror}") from error


@contextlib.contextmanager
def _writing(writer: _Writer) -> Iterator[Callable[[Any], None]]:
    """Yields a function that takes the frames; at the end of the block all have been written."""
    if not _may_use_threads():
        yield writer.write
        return
    waiting: queue.Queue[Any] = queue.Queue(_WAITING_FRAMES)
    errors: list[BaseException] = []

    def write_all() -> None:
        while (frame := waiting.get()) is not None:
            try:
                if not errors:
                    writer.write(frame)
            except BaseException as error:  # noqa: BLE001 - the other thread raises it
                errors.append(error)

    def put(frame: Any) -> None:
        if errors:
            raise errors[0]
        waiting.put(frame)

    thread = threading.Thread(target=write_all, name="encoder", daemon=True)
    thread.start()
    try:
        yield put
    finally:
        waiting.put(None)
        thread.join()
    if errors:
        raise errors[0]


def _may_use_threads() -> bool:
    """Whether a thread beside this one would have a core of its own."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdecimal():
        return int(limit) > 1
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) > 1
