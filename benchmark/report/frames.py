"""Sample frames of self- and cross-reenactments for the report."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from benchmark.report.names import NOT_NAMED
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError

_WIDTH = 160  # pixels
_FRAMES = 3
_QUALITY = 80  # of the JPEG


@dataclass(frozen=True)
class Sample:
    """Frames of one video as data URIs; problem: why there are none, "" where there are."""

    video: str
    kind: str
    target: str
    driver: str
    generator: str
    frames: tuple[str, ...]
    problem: str = ""


def sample_frames(dataset: Dataset, per_generator: int = 1) -> list[Sample]:
    """Self- and cross-reenactments of one test target by each generator; empty where there are no videos.

    per_generator: videos of each kind. A video that cannot be decoded, or may not be shown, is listed with its problem.
    """
    usable = dataset.usable()
    videos = usable[usable["path"].notna() & usable["generator"].notna() & (usable["split"] == "test")]
    samples = []
    rights = DatasetRights(dataset)
    for _, by_generator in videos.sort_values("video").groupby("generator", sort=True):
        # A target with both kinds of videos, where there is one.
        kinds = by_generator.groupby("target")["kind"].nunique()
        target = kinds.sort_values(ascending=False, kind="stable").index[0]
        of_target = by_generator[by_generator["target"] == target]
        for kind in ("self", "cross"):
            chosen = of_target[of_target["kind"] == kind].head(per_generator)
            for row, why_hidden in zip(chosen.itertuples(), rights.hidden(chosen), strict=True):
                frames: tuple[str, ...] = ()
                problem = f"not shown: {why_hidden}"
                if not why_hidden:
                    frames, problem = _decoded_frames(dataset, str(row.path), int(row.frames))
                unnamed = rights.unnamed((row.target, row.driver), public=False)
                target, driver = (NOT_NAMED if name in unnamed else name for name in (row.target, row.driver))
                samples.append(Sample(row.video, kind, target, driver, str(row.generator), frames, problem))
    return samples


def _decoded_frames(dataset: Dataset, path: str, count: int) -> tuple[tuple[str, ...], str]:
    """(evenly spaced frames of a video of `count` frames as data URIs, the problem where there are none)."""
    try:
        import PIL.Image  # noqa: F401

        from nvfair_tools.media import decode
    except ImportError as error:
        return (), f"not decoded: {error}"
    indices = {int((number + 0.5) * count / _FRAMES) for number in range(_FRAMES)}
    frames = []
    try:
        for frame in decode(dataset.folder / path):
            if frame.index in indices:
                frames.append(_data_uri(frame.image))
            if frame.index >= max(indices):
                break
    except (NvfairError, OSError) as error:
        return (), f"not decoded: {error}"
    return tuple(frames), ""


def _data_uri(image: np.ndarray) -> str:
    """A picture (H, W, 3) as a small JPEG in a data URI."""
    from PIL import Image

    picture = Image.fromarray(image)
    picture = picture.resize((_WIDTH, round(picture.height * _WIDTH / picture.width)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
