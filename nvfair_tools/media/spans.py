"""Reads some frames out of the midst of a video, and stores them so that not one pixel changes.

Legend: H, W image height and width as shown; images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from nvfair_tools.files import atomic_output
from nvfair_tools.media.container import import_av, open_container
from nvfair_tools.media.decoding import Frame, chosen_stream, decode, raw_frames
from nvfair_tools.media.display import read_display, upright_image
from nvfair_tools.media.errors import MediaError

VERSION = "1"  # of how frames are stored
# Seconds before a span at which reading begins at the latest: pictures lean on earlier ones.
_RUN_UP = 1


@dataclass(frozen=True)
class Span:
    """Frames of a file from `first` to `last`, both included.

    time: seconds from the file's first frame to `first`. stamp: the file's own time of `first`, in ticks of its stream;
    None where frames can only be reached from the beginning. base: seconds of a tick.
    """

    first: int
    last: int
    time: float
    stamp: int | None
    base: Fraction

    def __len__(self) -> int:
        return self.last - self.first + 1


def decode_span(path: str | Path, span: Span) -> Iterator[Frame]:
    """Yields the frames of a span as `decode` gives them, but with indices and times from the span's first frame on.

    Reading begins shortly before the span where the file allows it, else at the file's beginning. Raises MediaError
    as `decode` does for damage before the span's end, and "truncated" where the file has fewer frames.
    """
    path = Path(path)
    count = 0
    for frame in _frames_from(path, span):
        yield replace(frame, index=count, time=frame.time - span.time)
        count += 1
    if count < len(span):
        raise MediaError("truncated", path, f"its frames {span.first} to {span.last} are not all there", frames=count)


def _frames_from(path: Path, span: Span) -> Iterator[Frame]:
    if span.stamp is not None:
        sought = _sought_frames(path, span)
        try:
            first = next(sought, None)
        except MediaError:
            first = None  # a place where reading cannot begin
        if first is not None:
            yield first
            yield from sought
            return
    with closing(decode(path)) as frames:  # type: ignore[type-var]
        yield from islice(frames, span.first, span.last + 1)


def _sought_frames(path: Path, span: Span) -> Iterator[Frame]:
    """The span's frames from the nearest place before them where reading can begin; none where that is too late."""
    assert span.stamp is not None
    with open_container(path) as container:
        stream = chosen_stream(container)
        container.seek(span.stamp - round(_RUN_UP / span.base), stream=stream, backward=True, any_frame=False)
        display = None
        with closing(raw_frames(path, container)) as frames:  # type: ignore[type-var]
            count = 0
            for raw in frames:
                if raw.pts is None or (count == 0 and raw.pts > span.stamp):
                    return
                if raw.pts < span.stamp:
                    continue
                display = display or read_display(path, stream, raw)
                time = span.time + (raw.pts - span.stamp) * float(span.base)
                yield Frame(span.first + count, time, upright_image(raw, display))
                count += 1
                if count == len(span):
                    return


def write_exact(path: Path, frames: Iterable[Frame], base: Fraction, rate: Fraction) -> int:
    """Stores frames without loss, at their own times, as H.264 in RGB within an mp4; returns their number.

    base: seconds of a tick, of which all times are multiples. rate: the usual number of frames a second. The file
    appears whole or not at all. `decode` gives the same pictures and times again. Raises MediaError "not_encoded".
    """
    av = import_av()
    count = 0
    with atomic_output(path) as aside:
        options = {"fflags": "+bitexact", "movflags": "+faststart", "video_track_timescale": str(base.denominator)}
        try:
            with av.open(str(aside), "w", format="mp4", options=options) as container:
                stream: Any = None
                for frame in frames:
                    if stream is None:
                        stream = _lossless_stream(container, frame, base, rate)
                    raw = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
                    raw.pts, raw.time_base = round(frame.time / base), base
                    container.mux(stream.encode(raw))
                    count += 1
                if stream is None:
                    raise MediaError("no_frames", path, "there was no frame to write")
                container.mux(stream.encode())
        except (av.error.FFmpegError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, av.error.FFmpegError):
                raise
            raise MediaError("not_encoded", path, str(error), frames=count) from error
    return count


def _lossless_stream(container: Any, frame: Frame, base: Fraction, rate: Fraction) -> Any:
    stream = container.add_stream("libx264rgb", rate=rate)
    stream.height, stream.width = frame.image.shape[:2]
    stream.pix_fmt = "rgb24"
    codec = stream.codec_context
    codec.options = {"preset": "ultrafast", "qp": "0", "bf": "0", "flags": "+bitexact"}
    codec.thread_count, codec.time_base = 1, base
    return stream
