"""Sample frames of self- and cross-reenactments for the report."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

_WIDTH = 160  # pixels
_FRAMES = 3


@dataclass(frozen=True)
class Sample:
    """A few frames of one video as data URIs."""

    video: str
    kind: str
    target: str
    driver: str
    generator: str
    frames: tuple[str, ...]
    problem: str = ""


def sample_frames(dataset: Dataset, per_generator: int = 1) -> list[Sample]:
    """One self- and one cross-reenactment of each generator, of one test target; empty where there are no videos.

    A video that cannot be decoded is shown with its reason.
    """
    videos = dataset.usable()
    videos = videos[videos["path"].notna() & videos["generator"].notna() & (videos["split"] == "test")]
    samples = []
    for _, group in videos.sort_values("video").groupby("generator", sort=True):
        face = group.groupby("target")["kind"].nunique().sort_values(ascending=False, kind="stable").index[0]
        mine = group[group["target"] == face]
        for kind in ("self", "cross"):
            for row in mine[mine["kind"] == kind].head(per_generator).itertuples():
                frames, problem = _decoded(dataset, str(row.path), int(row.frames))
                samples.append(Sample(row.video, kind, row.target, row.driver, str(row.generator), frames, problem))
    return samples


def _decoded(dataset: Dataset, path: str, count: int) -> tuple[tuple[str, ...], str]:
    """Evenly spaced frames as JPEG data URIs, or why there are none."""
    try:
        from PIL import Image

        from nvfair_tools.media import decode
    except ImportError as error:
        return (), f"not decoded: {error}"
    wanted = {int((n + 0.5) * count / _FRAMES) for n in range(_FRAMES)}
    found = []
    try:
        for frame in decode(dataset.folder / path):
            if frame.index in wanted:
                picture = Image.fromarray(frame.image)
                picture = picture.resize((_WIDTH, round(picture.height * _WIDTH / picture.width)))
                out = io.BytesIO()
                picture.save(out, "JPEG", quality=80)
                found.append("data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii"))
            if frame.index >= max(wanted):
                break
    except (NvfairError, OSError) as error:
        return (), f"not decoded: {error}"
    return tuple(found), ""
