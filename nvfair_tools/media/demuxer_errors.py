"""Damage that ffmpeg's demuxers and decoders only mention: they skip it, or invent a picture, and read on.

A Matroska or AVI file of which a part is missing would otherwise give fewer frames without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from nvfair_tools.media.errors import MediaError

# What Matroska's demuxer says of a file that ends early, and what all say, without their name, of a packet that does.
_ENDED_EARLY, _CUT_PACKET = "File ended prematurely", "Truncating packet"
# Demuxers of which a message while the head of a file is read means damage. Others complain of what good files have.
_STRICT_DEMUXERS = ("matroska,webm", "avi")
_FramesReader = Callable[[Path, Any], Iterator[Any]]


def notice_demuxer_errors(read_frames: _FramesReader) -> _FramesReader:
    """Makes a generator of frames raise MediaError at its end where demuxer or decoder reported damage meanwhile.

    read_frames: takes the path and the open PyAV container. Errors that it raises itself come first.
    """

    @wraps(read_frames)
    def read_noticing(path: Path, container: Any) -> Iterator[Any]:
        messages: list[str] = []
        frames, count = read_frames(path, container), 0
        sources = {container.format.name}
        while True:
            if count == 1:  # a recording may begin between two key frames, of which decoders complain
                sources |= {stream.codec_context.name for stream in container.streams.video if stream.codec_context}
            with _noted(messages, sources):
                frame = next(frames, None)
            if frame is None:
                break
            yield frame
            count += 1
        if messages:
            raise damage_error(path, messages, count)

    return read_noticing


@contextmanager
def noted_header_errors(messages: list[str]) -> Iterator[None]:
    """Appends to `messages` what demuxers call an error while the context opens a file."""
    with _noted(messages, _STRICT_DEMUXERS):
        yield


def damage_error(path: Path, messages: list[str], frames: int) -> MediaError:
    """The MediaError for what a demuxer reported. frames: that were read before."""
    cause = (
        "truncated"
        if any(words in message for message in messages for words in (_ENDED_EARLY, _CUT_PACKET))
        else "corrupt"
    )
    return MediaError(cause, path, messages[0], frames=frames)


@contextmanager
def _noted(messages: list[str], sources: Collection[str]) -> Iterator[None]:
    import av.logging

    level, skips_repeated = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)  # the last file may have had the same damage
    try:
        # Of this thread alone: others may read other files.
        with av.logging.Capture(local=True) as log:
            yield
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skips_repeated)
    messages += [
        text.strip()
        for severity, source, text in log
        if severity <= av.logging.ERROR and (source in sources or _CUT_PACKET in text)
    ]
