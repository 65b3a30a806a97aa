"""The contact sheet of a data set's renderings, and side-by-side preview videos; both say that they are synthetic.

Legend: H, W image height and width. Images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output
from nvfair_tools.media import decode, encode
from nvfair_tools.media.marking import described, mark_picture
from nvfair_tools.media.source_types import COMPOSITE, SOURCE_TYPE_TAG
from nvfair_tools.media.xmp import xmp_packet
from nvfair_tools.quality.motion import CHANNELS, motion_series
from nvfair_tools.quality.shown_videos import SYNTHETIC, ShownVideo, fitted

if TYPE_CHECKING:
    from PIL import Image

SHEET_NAME, PREVIEW_PATTERN = "contact_sheet.png", "preview-*.mp4"  # files that show people

_SIDE = 192  # pixels of a picture on the sheet
_CAPTION_WIDTH = 190
_PREVIEW_SIDE = 256
# The moments that the sheet shows: where the driver's channel is greatest.
_MOMENTS = ("mouth_open", "mouth_width")
_INK, _PAPER, _GREY = "black", "white", (70, 70, 70)


def write_sheet(path: Path, videos: Sequence[ShownVideo]) -> None:
    """Writes a PNG with a row a video: portrait, then driver and video at two moments.

    These are where the driver's mouth is most open, and where it is widest. Raises NvfairError where there is no video.
    """
    from PIL import Image, ImageDraw, PngImagePlugin

    if not videos:
        raise NvfairError("there is no video that may be shown", where=path)
    columns = [
        "portrait",
        *(f"{who}, {moment}" for moment in ("mouth open", "mouth wide") for who in ("driver", "video")),
    ]
    head, width = 22, _CAPTION_WIDTH + len(columns) * (_SIDE + 4)
    sheet = Image.new("RGB", (width, head + len(videos) * (_SIDE + 4)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((6, 5), "each `video` is synthetic", fill=_INK)
    for number, column in enumerate(columns):
        draw.text((_CAPTION_WIDTH + number * (_SIDE + 4), 5), column, fill=_INK)
    for place, video in enumerate(videos):
        top = head + place * (_SIDE + 4)
        draw.multiline_text((6, top + 4), "\n".join(video.caption()), fill=_INK, spacing=4)
        for number, picture in enumerate(_row(video)):
            sheet.paste(picture, (_CAPTION_WIDTH + number * (_SIDE + 4), top))
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp_packet(COMPOSITE).decode())
    text.add_text("Description", f"{SYNTHETIC}: rendered faces beside the people that drive them")
    # By these a removal finds the sheet wherever it lies.
    text.add_itxt("People", "\n".join(sorted({person for video in videos for person in video.people})))
    with atomic_output(path) as aside:
        sheet.save(aside, format="PNG", pnginfo=text, exif=described(f"{SYNTHETIC}: a contact sheet of renderings"))


def write_preview(path: Path, video: ShownVideo) -> int:
    """Writes an mp4 of the driver, the target's portrait and the video side by side; returns its number of frames."""
    return encode(
        path,
        _preview_frames(video),
        video.fps,
        metadata={
            SYNTHETIC: "true",
            SOURCE_TYPE_TAG: COMPOSITE,
            "generator": video.generator,
            "driver": video.people[0],
            "target": video.people[1],
            "comment": f"{SYNTHETIC}: driver, portrait, video",
        },
    ).frames


def _preview_frames(video: ShownVideo) -> Iterator[np.ndarray]:
    side = _PREVIEW_SIDE
    portrait = _marked(_portrait(video, side), "portrait", _GREY)
    for driver, frame in zip(video.driver_frames(side), decode(video.path), strict=False):
        panels = [_marked(driver, "driver", _GREY), portrait, _marked(fitted(frame.image, side), SYNTHETIC)]
        yield np.concatenate(panels, axis=1)


def _row(video: ShownVideo) -> list[Image.Image]:
    """The pictures of one row of the sheet."""
    from PIL import Image

    series = motion_series(video.driver_landmarks)
    names = list(CHANNELS)
    moments = [
        int(np.nanargmax(column)) if np.isfinite(column).any() else 0
        for column in (series[:, names.index(moment)] for moment in _MOMENTS)
    ]
    drivers = _at(video.driver_frames(_SIDE), moments)
    frames = _at((fitted(frame.image, _SIDE) for frame in decode(video.path)), moments)
    pictures = [_portrait(video, _SIDE)]
    for moment in moments:
        pictures += [drivers[moment], _marked(frames[moment], SYNTHETIC)]
    return [Image.fromarray(picture) for picture in pictures]


def _at(images: Iterator[np.ndarray], moments: list[int]) -> dict[int, np.ndarray]:
    """The images with these indices; the last one in place of those that are missing."""
    chosen: dict[int, np.ndarray] = {}
    last = None
    for index, image in enumerate(islice(images, max(moments) + 1)):
        last = image
        if index in moments:
            chosen[index] = image
    if last is None:
        raise NvfairError("a video to be shown has no frame")
    return {moment: chosen.get(moment, last) for moment in moments}


def _portrait(video: ShownVideo, side: int) -> np.ndarray:
    from PIL import Image

    if video.portrait is None:
        return np.full((side, side, 3), 200, np.uint8)
    with Image.open(video.portrait) as opened:
        return fitted(np.asarray(opened.convert("RGB")), side)


def _marked(image: np.ndarray, mark: str, colour: tuple[int, int, int] | None = None) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(image)
    return np.asarray(mark_picture(picture, mark) if colour is None else mark_picture(picture, mark, colour))
