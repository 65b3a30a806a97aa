"""Chooses the video stream that a file is watched by, and names the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av.container
    import av.video.stream


def video_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream | None:
    """The video stream that players show: the default one, then the largest, then the first; None where there is none.

    Pictures that only go with the file (a cover, thumbnails of chapters) are never chosen, nor streams without decoder.
    """
    streams = [stream for stream in container.streams.video if _is_readable(stream)]
    return max(streams, key=lambda stream: (_is_default(stream), _area(stream), -stream.index), default=None)


def other_video_streams(container: av.container.InputContainer) -> list[str]:
    """The video streams that are not read, such as "stream 0 (h264 640x360)"; pictures are left out."""
    chosen = video_stream(container)
    return [
        describe_stream(stream)
        for stream in container.streams.video
        if _is_readable(stream) and (chosen is None or stream.index != chosen.index)
    ]


def describe_stream(stream: Any) -> str:
    """A video stream in words, such as "stream 1 (h264 512x512, default)"."""
    codec = stream.codec_context
    default = ", default" if _is_default(stream) else ""
    return f"stream {stream.index} ({codec.name} {codec.width}x{codec.height}{default})"


def _is_readable(stream: Any) -> bool:
    return stream.codec_context is not None and not _is_still_picture(stream)


def _is_still_picture(stream: Any) -> bool:
    return any(name in _dispositions(stream) for name in ("attached_pic", "timed_thumbnails", "still_image"))


def _is_default(stream: Any) -> bool:
    return "default" in _dispositions(stream)


def _dispositions(stream: Any) -> set[str]:
    return {flag.name for flag in type(stream.disposition) if flag and flag in stream.disposition}


def _area(stream: Any) -> int:
    return int(stream.codec_context.width) * int(stream.codec_context.height)
