"""Turns decoded frames into the pictures that a player shows: upright, unmirrored, square pixels, plain RGB.

Legend: H, W image height and width as shown; images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import import_av
from nvfair_tools.media.errors import MediaError

# Numbers of ISO/IEC 23091-2 (H.273), as ffmpeg uses them.
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_WIDE_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
# YUV matrices that swscale knows: RGB, BT.709, FCC, BT.601 (twice), SMPTE 240M, BT.2020. 2 and 3 mean "not marked".
_KNOWN_MATRICES = (0, 1, 2, 3, 4, 5, 6, 7, 9)
_BT601 = 5
# Pixels more than this many times longer than wide are a wrong mark, not a picture.
_MAX_ASPECT = 4
# Degrees by which a rotation flag may miss a right angle.
_MAX_TILT = 1.0
# The time base of frames in a filter, which are numbered.
_FILTER_BASE = Fraction(1, 25)


@dataclass(frozen=True)
class Display:
    """What a file says about the way its frames are shown.

    turns: quarter turns clockwise, 0 to 3. mirrored: whether the picture is mirrored left to right before it is turned.
    aspect: width of a stored pixel over its height.
    transfer: "HLG", "PQ" or "" (standard range). primaries: "BT.2020", ... or "" (those of BT.709 or BT.601).
    """

    turns: int = 0
    mirrored: bool = False
    aspect: Fraction = Fraction(1)
    transfer: str = ""
    primaries: str = ""

    def size(self, raw: Any) -> tuple[int, int]:
        """(width, height) in pixels of a decoded frame as it is shown."""
        width, height = _square_pixels(raw.width, raw.height, self.aspect)
        return (height, width) if self.turns % 2 else (width, height)


def read_display(path: Path, stream: Any, raw: Any) -> Display:
    """Reads how a decoded frame is shown. Raises MediaError "unsupported" for what cannot be shown rightly."""
    turns, mirrored = _orientation(path, raw)
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if not 1 / Fraction(_MAX_ASPECT) <= aspect <= _MAX_ASPECT:
        detail = f"its pixels are marked as {aspect.numerator}:{aspect.denominator} times as wide as high"
        raise MediaError("unsupported", path, detail)
    if raw.colorspace not in _KNOWN_MATRICES:
        detail = f"its colours are coded by matrix {int(raw.colorspace)} of H.273, which cannot be turned into RGB"
        raise MediaError("unsupported", path, detail)
    codec = stream.codec_context
    return Display(
        turns,
        mirrored,
        aspect,
        _HDR_TRANSFERS.get(int(codec.color_trc or 0), ""),
        _WIDE_PRIMARIES.get(int(codec.color_primaries or 0), ""),
    )


def upright_image(raw: Any, display: Display) -> np.ndarray:
    """Converts a decoded frame to uint8 RGB (H, W, 3) as it is shown; high dynamic range is mapped to BT.709."""
    if display.transfer or display.primaries:
        raw = _map_to_bt709(raw)
    # Without a mark swscale takes every source for BT.601, which shifts the colours of HD footage.
    matrix = raw.colorspace if raw.colorspace not in (2, 3) else _BT601
    scaling: dict[str, Any] = {}
    width, height = _square_pixels(raw.width, raw.height, display.aspect)
    if (width, height) != (raw.width, raw.height):
        scaling = {"width": width, "height": height, "interpolation": "BICUBIC"}
    # Else swscale would start and end a thread a core for every frame, which costs more than the conversion.
    image = raw.to_ndarray(format="rgb24", src_colorspace=matrix, dst_colorspace=matrix, threads=1, **scaling)
    image = image[:, ::-1] if display.mirrored else image
    return np.ascontiguousarray(np.rot90(image, -display.turns))


def deinterlaced(frames: Iterable[Any]) -> Iterator[Any]:
    """Yields one whole picture for each frame; from the first interlaced frame on, fields are interpolated (bwdif).

    Frames that are not marked as interlaced stay as they are. An error of `frames` comes after the pictures before it.
    """
    pending = iter(frames)
    for raw in pending:
        if raw.interlaced_frame:
            yield from _run_bwdif(itertools.chain((raw,), pending))
            return
        yield raw


def _run_bwdif(frames: Iterator[Any]) -> Iterator[Any]:
    av = import_av()
    first = next(frames)
    graph = _linked_graph(first, ("bwdif", "mode=send_frame:parity=auto:deint=interlaced"))
    error: MediaError | None = None
    numbered = enumerate(itertools.chain((first,), frames))
    while True:
        try:
            number, raw = next(numbered, (None, None))
        except MediaError as media_error:
            error, raw = media_error, None
        if raw is not None:
            # The filter puts frames in the order of their times, and the file's may be wrong or absent.
            raw.pts, raw.time_base = number, _FILTER_BASE
        graph.push(raw)
        while True:
            try:
                yield graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
        if raw is None:
            break
    if error is not None:
        raise error


def _map_to_bt709(raw: Any) -> Any:
    """The frame as RGB of BT.709 and standard range; its reference white becomes white, brighter parts are clipped.

    So faces keep their brightness (ITU-R BT.2408); a curve that keeps highlights would darken everything else.
    """
    graph = _bt709_mapper(raw.width, raw.height, raw.format.name, int(raw.colorspace), int(raw.color_range))
    raw.pts, raw.time_base = 0, _FILTER_BASE
    graph.push(raw)
    return graph.pull()


def _square_pixels(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size with square pixels: the shorter side of a pixel is stretched, so that no detail is lost."""
    return (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))


def _orientation(path: Path, raw: Any) -> tuple[int, bool]:
    """Quarter turns clockwise, and whether the picture is mirrored before, from a frame's display matrix."""
    stored = raw.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return 0, False
    # The matrix maps a stored pixel (x, y) to (a x + c y, b x + d y) of the screen, in 16.16 fixed point.
    a, b, _, c, d = np.frombuffer(stored, dtype=np.int32)[:5].astype(np.float64)
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b  # the matrix of the turn that follows the mirroring of x
    if not a and not b:
        return 0, False  # no matrix at all
    angle = math.degrees(math.atan2(b, a))
    turns = round(angle / 90)
    if abs(angle - 90 * turns) > _MAX_TILT:
        raise MediaError("unsupported", path, f"it is marked to be shown turned by {angle:.1f} degrees")
    return turns % 4, mirrored


@lru_cache(maxsize=2)
def _bt709_mapper(width: int, height: int, pixels: str, matrix: int, colour_range: int) -> Any:
    """A filter that maps frames of one kind to RGB of BT.709. It is kept, because its table takes seconds to make."""
    mapping = ("scale", "out_primaries=bt709:out_transfer=bt709:intent=relative_colorimetric")
    return _link_filters(width, height, pixels, mapping, ("format", "rgb24"))


def _linked_graph(raw: Any, *filters: tuple[str, str]) -> Any:
    return _link_filters(raw.width, raw.height, raw.format.name, *filters)


def _link_filters(width: int, height: int, pixels: str, *filters: tuple[str, str]) -> Any:
    """A chain of ffmpeg's filters, (name, options), for frames of one size and pixel format."""
    av = import_av()
    graph = av.filter.Graph()
    last = graph.add_buffer(width=width, height=height, format=av.VideoFormat(pixels), time_base=_FILTER_BASE)
    for name, options in filters:
        following = graph.add(name, options)
        last.link_to(following)
        last = following
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
