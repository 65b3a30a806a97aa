"""Which rendered videos are shown, and what is shown beside each: its driver and its target.

Legend: T frames, H, W image height and width. Images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.framing import crop_square
from nvfair_tools.media import decode
from nvfair_tools.quality.thresholds import derived
from nvfair_tools.quantities import count_text

SYNTHETIC = "synthetic"
# A square around the driver's face: this many times the longer side of the box around its landmarks.
_AROUND_FACE = 2.0
# What captions say of a video: its measure, and a word for it.
_CAPTION = {
    "correlation": "follows",
    "amplitude": "amplitude",
    "identity_arcface": "likeness",
    "identity_shape": "shape",
    "flicker_excess": "flicker",
    "sharpness_ratio": "sharpness",
}


@dataclass(frozen=True)
class ShownVideo:
    """One rendered video with its files.

    people: the identities of its driver and its target. driver: the driving clip's video; portrait: None where there is
    none.
    """

    id: str
    generator: str
    kind: str
    people: tuple[str, str]
    path: Path
    driver: Path
    portrait: Path | None
    fps: Fraction
    driver_landmarks: np.ndarray
    measures: dict[str, float]

    def caption(self) -> list[str]:
        """The generator, the kind, and the measures that are known, a line each."""
        values = [f"{word} {self.measures[name]:.2f}" for name, word in _CAPTION.items() if self._is_known(name)]
        return [self.generator, f"{self.kind}, {self.id[:8]}", *values]

    def driver_frames(self, side: int) -> Iterator[np.ndarray]:
        """The driver's face in a square of `side` pixels that stands still, frame by frame."""
        points = self.driver_landmarks[np.isfinite(self.driver_landmarks).all(axis=(1, 2))]
        for frame in decode(self.driver):
            if not len(points):
                yield fitted(frame.image, side)
                continue
            low, high = np.median(points.min(axis=1), axis=0), np.median(points.max(axis=1), axis=0)
            middle = (low + high) / 2
            length = float((high - low).max()) * _AROUND_FACE
            yield crop_square(frame.image, (float(middle[0]), float(middle[1])), length, side)[0]

    def _is_known(self, name: str) -> bool:
        return np.isfinite(self.measures.get(name, np.nan))


def choose_videos(dataset: Dataset, table: pd.DataFrame, per_generator: int) -> tuple[list[ShownVideo], list[str]]:
    """Videos of each generator from the worst to the best correlation with the driver; and why others are not shown.

    per_generator: evenly spread over the ranks. Videos that people or licences do not permit to show are left
    out, each with its reason in words in the second list, and so are those without a file.
    """
    videos = dataset.videos.set_index("video", drop=False)
    rows = table[table["problem"].isna() & table["video"].isin(videos.index)]
    reasons = DatasetRights(dataset).hidden(videos.loc[rows["video"]])
    permitted = np.array([not why for why in reasons], bool)
    has_file = videos.loc[rows["video"], "path"].notna().to_numpy()
    has_driver = rows["clip"].map(videos["path"]).notna().to_numpy()
    chosen = []
    for _, group in rows[permitted & has_file & has_driver].groupby("generator", sort=True):
        ranked = group.sort_values(["correlation", "video"], na_position="first")
        places = np.unique(np.linspace(0, len(ranked) - 1, min(per_generator, len(ranked))).round().astype(int))
        chosen += [_with_files(dataset, videos, row) for row in ranked.iloc[places].to_dict("records")]
    return chosen, [why for why in reasons if why]


def named_video(dataset: Dataset, table: pd.DataFrame, video: str) -> ShownVideo:
    """The video with this id, or whose id begins so. Raises NvfairError where there is none, or it may not be shown."""
    rows = table[table["video"].str.startswith(video)]
    if len(rows) != 1:
        raise NvfairError(
            f"{count_text(len(rows), 'measured video has', 'measured videos have')} an id that begins with {video!r}",
            expected="the id of one video",
        )
    chosen, hidden = choose_videos(dataset, rows, 1)
    if not chosen:
        reason = hidden[0] if hidden else "it, or its driving clip, has no file"
        raise NvfairError(f"video {rows.iloc[0]['video']} is not shown: {reason}", remedy="name another video")
    return chosen[0]


def fitted(image: np.ndarray, side: int) -> np.ndarray:
    """The whole picture in a black square of `side` pixels."""
    from nvfair_tools.media.marking import resized_picture

    picture = np.asarray(resized_picture(image, side))
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - picture.shape[0]) // 2, (side - picture.shape[1]) // 2
    square[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return square


def _with_files(dataset: Dataset, videos: pd.DataFrame, row: dict[str, Any]) -> ShownVideo:
    video, driver = videos.loc[row["video"]], videos.loc[row["clip"]]
    portrait = dataset.identities.set_index("identity")["portrait"].get(row["target"])
    return ShownVideo(
        row["video"],
        row["generator"],
        row["kind"],
        (video["driver"], video["target"]),
        dataset.folder / video["path"],
        dataset.folder / driver["path"],
        dataset.folder / portrait if isinstance(portrait, str) else None,
        Fraction(int(video["fps_num"]), int(video["fps_den"])),
        dataset.frames(row["clip"]).landmarks,
        derived(row),
    )
