"""Where the landmarks and the portrait that belong to a video lie: in a finished data set, or in a build.

Legend: T frames, L landmarks (126), H, W image height and width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.dataset.reader import read_landmark_rows
from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.landmarks.scheme import landmarks_from_mesh
from nvfair_tools.landmarks.track import load_track
from nvfair_tools.landmarks.tracking import track_frames
from nvfair_tools.media import Frame


@dataclass(frozen=True)
class LandmarkPlace:
    """Rows first:first + frames of a part of a data set, or the file of a track or of frame rows in a build."""

    file: Path
    first: int = 0
    frames: int = 0

    def read(self) -> np.ndarray:
        """The landmarks float32 (T, L, 2) in pixels, NaN where there is no face."""
        if self.file.suffix == ".parquet":
            return read_landmark_rows(self.file, self.first, self.first + self.frames)
        with np.load(self.file, allow_pickle=False) as stored:
            if "landmarks" in stored:
                return stored["landmarks"]
        return landmarks_from_mesh(load_track(self.file).mesh)


@dataclass(frozen=True)
class PortraitPlace:
    """A target's portrait. landmarks: the track of the portrait; None where a finished data set has none."""

    picture: Path
    landmarks: LandmarkPlace | None = None

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """The portrait, uint8 RGB (H, W, 3), and its landmarks (L, 2), NaN where no face is found in it.

        Where no track is at hand, the landmarker looks for the largest face in the picture: a portrait has no rows.
        """
        from PIL import Image

        with Image.open(self.picture) as opened:
            image = np.asarray(opened.convert("RGB"))
        if self.landmarks is not None:
            return image, self.landmarks.read()[0]
        landmarker = create_landmarker()
        try:
            track = track_frames([Frame(0, 0.0, image)], landmarker, (image.shape[1], image.shape[0]))
        finally:
            landmarker.close()
        return image, landmarks_from_mesh(track.mesh)[0]
