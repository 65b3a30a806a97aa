"""Small looped previews and stills of videos of simulated people, marked as synthetic in their pixels and metadata."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.media.marking import described, mark_picture, resized_picture

_SIDE = 144  # pixels of a preview's longer side
_THUMB = 56
_SECONDS = 2.0
_RATE = 8  # frames a second
_QUALITY = 50


@dataclass(frozen=True)
class Preview:
    """A looped WebP and its first frame as data URIs, with width and height in pixels."""

    loop: str
    still: str
    width: int
    height: int


def pictures_refused(dataset: Dataset | None) -> str:
    """Why no picture may be shown; "" where pictures may be: of simulated people alone, whose faces are nobody's."""
    if dataset is None:
        return "the data set was not at hand"
    if not dataset.meta.get("simulated"):
        return "pictures are shown of simulated people only: consent to a data set is no consent to this page"
    if "path" not in dataset.videos or not dataset.videos["path"].notna().any():
        return "the data set holds landmarks only"
    try:
        import PIL.Image  # noqa: F401

        from nvfair_tools.media import decode  # noqa: F401
    except ImportError as error:
        return f"pictures cannot be read: {error}"
    return ""


def video_preview(dataset: Dataset, video: str, mark: str) -> Preview | None:
    """The first seconds of a video, looped; None where it cannot be read. mark: text that is drawn over the picture."""
    images = _images(dataset, video, _SECONDS)
    if not images:
        return None
    frames = [mark_picture(resized_picture(image, _SIDE), mark) for image in images]
    exif = described(f"{mark}: video {video} of simulated people")
    loop, still = io.BytesIO(), io.BytesIO()
    frames[0].save(
        loop, "WEBP", save_all=True, append_images=frames[1:], duration=round(1000 / _RATE), loop=0,
        quality=_QUALITY, method=3, exif=exif,
    )  # fmt: skip
    frames[0].save(still, "WEBP", quality=_QUALITY, exif=exif)
    return Preview(_data_uri(loop), _data_uri(still), *frames[0].size)


def video_thumbnail(dataset: Dataset, video: str) -> str:
    """A frame of a video as a small WebP in a data URI; "" where it cannot be read."""
    images = _images(dataset, video, 0.0)
    if not images:
        return ""
    buffer = io.BytesIO()
    resized_picture(images[0], _THUMB).save(
        buffer, "WEBP", quality=_QUALITY, exif=described(f"synthetic: video {video}")
    )
    return _data_uri(buffer)


def _images(dataset: Dataset, video: str, seconds: float) -> list[np.ndarray]:
    """Frames of the first seconds of a video at the previews' rate; at least the first."""
    from nvfair_tools.media import decode

    rows = dataset.videos[dataset.videos["video"] == video]
    if rows.empty or not isinstance(rows.iloc[0]["path"], str):
        return []
    images: list[np.ndarray] = []
    try:
        for frame in decode(dataset.folder / rows.iloc[0]["path"]):
            if frame.time > seconds + 1e-6:
                break
            if frame.time >= len(images) / _RATE - 1e-6:
                images.append(frame.image)
    except (NvfairError, OSError):
        return []
    return images


def _data_uri(buffer: io.BytesIO) -> str:
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
