"""Opens video files, and recognises files whose end is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nvfair_tools.errors import MissingExtra
from nvfair_tools.media.demuxer_errors import damage_error, noted_header_errors
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.streams import video_stream

if TYPE_CHECKING:
    import av.container

# Seconds: in whole files a container's stated duration and the end of its last packet differ by a few frames.
_DURATION_TOLERANCE = 0.5

# Known top-level boxes. Other bytes at the end of a file are padding or a foreign trailer, not a sign of a cut.
_BOXES = frozenset(("ftyp", "moov", "moof", "mfra", "mdat", "free", "skip", "wide", "uuid", "styp", "sidx", "meta"))


def import_av() -> Any:
    """Imports PyAV; raises MissingExtra where it is not installed."""
    try:
        import av
        import av.error
        import av.filter
    except ImportError as error:
        raise MissingExtra("av", "media", str(error)) from error
    return av


def open_input(source: Any, **options: Any) -> Any:
    """Opens a file's name, an address or an open file for reading with PyAV; tags that are not UTF-8 are no error.

    options: of `av.open`. Raises what PyAV raises.
    """
    av = import_av()
    if int(av.__version__.partition(".")[0]) < 19:  # later ones know no other way, and refuse the name
        options["metadata_errors"] = "replace"
    return av.open(source, mode="r", **options)


def tags_of(holder: Any) -> dict[str, str]:
    """The tags of an open container or of one of its streams; bytes that are not UTF-8 are replaced by a mark."""
    return {_whole_text(key): _whole_text(value) for key, value in holder.metadata.items()}


def _whole_text(text: str) -> str:
    """A text without the stand-ins of bytes that were not UTF-8, which PyAV 19 puts in and no file may hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@contextmanager
def open_container(path: Path) -> Iterator[av.container.InputContainer]:
    """Opens a file as a PyAV container with a video stream (see `video_stream`); raises MediaError otherwise."""
    av = import_av()
    if not path.is_file():
        raise MediaError("unreadable", path, "a folder, not a file" if path.is_dir() else "no such file")
    if path.stat().st_size == 0:
        raise MediaError("unreadable", path, "the file is empty")
    header_errors: list[str] = []
    try:
        with noted_header_errors(header_errors):
            container = open_input(str(path))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError("unreadable", path, _error_text(error)) from error
    try:
        if header_errors:
            raise damage_error(path, header_errors, 0)
        stream = video_stream(container)
        if stream is None and any(stream.codec_context is None for stream in container.streams.video):
            raise MediaError("unreadable", path, "no decoder is known for its video stream")
        if stream is None:
            kinds = sorted({"cover picture" if kind.type == "video" else kind.type for kind in container.streams})
            raise MediaError("no_video", path, f"its streams: {', '.join(kinds) or 'none'}")
        # One thread: on small pictures threads cost more than they gain, and several workers run at the same time.
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        # A decoder that hides damage would return invented pictures as if they had been filmed.
        stream.codec_context.options = {"err_detect": "explode"}
        yield container
    finally:
        container.close()


def truncation_sign(path: Path, container: av.container.InputContainer, last_packet_end: float | None) -> str:
    """The sign that the end of the file is missing, as a text, or "" where there is no sign.

    last_packet_end: seconds at which the last packet of any stream ends. There are two signs: an ISO (mp4, mov) box
    that reaches beyond the end of the file, and packets that stop more than half a second before the stated duration.
    Containers without an index or a stated duration (MPEG program streams) may be cut without a trace.
    """
    if "mp4" in container.format.name and (box := _cut_box(path)):
        return f"it ends within its {box!r} box"
    if container.duration and last_packet_end is not None:
        stated = container.duration / 1e6
        if last_packet_end < stated - _DURATION_TOLERANCE:
            return f"it states {stated:.2f} s but its packets end at {last_packet_end:.2f} s"
    return ""


def _cut_box(path: Path) -> str:
    """The name of the top-level box of an ISO media file (ISO/IEC 14496-12) that the file's end cuts, or ""."""
    size, position, name = path.stat().st_size, 0, ""
    with open(path, "rb") as file:
        while position + 8 <= size:
            file.seek(position)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            name = header[4:8].decode("latin-1")
            if length == 1 and len(header) == 16:  # the length is too large for its first field
                length = int.from_bytes(header[8:16], "big")
            if length < 8 or name not in _BOXES:  # "to the end of the file", or bytes that are no box
                return ""
            position += length
    return name if position > size else ""


def _error_text(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
