"""The measures of one rendered video, beside its driving clip and its target's portrait.

Legend: T frames, L landmarks (126).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.recogniser import Recogniser
from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS
from nvfair_tools.media import decode
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.quality.appearance import face_sharpness, flicker, landmark_brightness
from nvfair_tools.quality.identity import five_points, mean_shape, shape_identity
from nvfair_tools.quality.motion import CHANNELS, compare_motion
from nvfair_tools.quality.places import LandmarkPlace, PortraitPlace

VERSION = "1"  # of all that is measured
# Name -> what it is; docs/quality.md explains each.
MEASURES = (
    "face_share",
    "correlation",
    "amplitude",
    *(f"correlation_{name}" for name in CHANNELS),
    *(f"amplitude_{name}" for name in CHANNELS),
    "flicker",
    "driver_flicker",
    "sharpness",
    "portrait_sharpness",
    "identity_arcface",
    "identity_shape",
)
_LOOKED_AT = 5  # frames of a video, evenly spread over those with a face, for sharpness and recognition
_PORTRAITS = 64  # kept in memory


@dataclass(frozen=True)
class VideoPlace:
    """The files of one rendered video. path: None where the data set holds landmarks only. target: None where there is
    no portrait. is_self: whether its target drives it."""

    id: str
    path: Path | None
    landmarks: LandmarkPlace
    target: PortraitPlace | None
    is_self: bool = False


@dataclass(frozen=True)
class MeasureTask:
    """Videos that one clip drives. driver_video: None where the driver is listed as a track."""

    driver: LandmarkPlace
    driver_video: Path | None
    videos: tuple[VideoPlace, ...]


@dataclass(frozen=True)
class _Portrait:
    """What videos are compared with: sharpness, mean shape (L, 2), unit embedding (D,)."""

    sharpness: float
    shape: np.ndarray | None
    embedding: np.ndarray | None


class MeasureWorker:
    """Measures videos, clip by clip. recogniser: an .onnx file or a pack's folder, for `identity_arcface`."""

    def __init__(self, recogniser: Path | None = None) -> None:
        self._recogniser = None if recogniser is None else Recogniser(recogniser)
        self._portraits: OrderedDict[PortraitPlace, _Portrait | None] = OrderedDict()

    def run(self, task: MeasureTask) -> ItemResult:
        """Measures the videos of one clip. facts: videos, {video id: {measure: value}} without what could not be
        measured, or {"problem": why the video could not be read}."""
        driver = task.driver.read()
        driver_shape = mean_shape(driver)
        driver_flicker = float("nan")
        if task.driver_video is not None:
            driver_flicker = flicker(np.stack([row for _, row in _brightness(task.driver_video, driver)]))
        measured: dict[str, dict[str, float | str]] = {}
        for video in task.videos:
            try:
                values = self._measure(video, driver, driver_shape) | {"driver_flicker": driver_flicker}
            except (NvfairError, OSError, ValueError) as error:
                measured[video.id] = {"problem": (str(error) or type(error).__name__).splitlines()[0]}
                continue
            measured[video.id] = {name: round(value, 6) for name, value in values.items() if np.isfinite(value)}
        return ok(videos=measured)

    def _measure(self, video: VideoPlace, driver: np.ndarray, driver_shape: np.ndarray | None) -> dict[str, float]:
        landmarks = video.landmarks.read()
        transfer = compare_motion(landmarks, driver)
        valid = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
        values = {
            "face_share": len(valid) / max(len(landmarks), 1),
            "correlation": transfer.median_correlation(),
            "amplitude": transfer.median_amplitude(),
            **{f"correlation_{name}": value for name, value in transfer.correlation.items()},
            **{f"amplitude_{name}": value for name, value in transfer.amplitude.items()},
        }
        portrait = self._portrait(video.target)
        if portrait is not None:
            values["portrait_sharpness"] = portrait.sharpness
            if not video.is_self:  # whose target and driver have one shape
                values["identity_shape"] = shape_identity(mean_shape(landmarks), portrait.shape, driver_shape)
        if video.path is not None:
            values |= self._measure_pixels(video.path, landmarks, valid, portrait)
        return values

    def _measure_pixels(
        self, path: Path, landmarks: np.ndarray, valid: np.ndarray, portrait: _Portrait | None
    ) -> dict[str, float]:
        places = np.linspace(0, len(valid) - 1, min(_LOOKED_AT, len(valid))).round().astype(int)
        looked_at = set(valid[places].tolist())
        brightness, sharpness, cosines = [], [], []
        for index, (image, row) in enumerate(_brightness(path, landmarks)):
            brightness.append(row)
            if index not in looked_at:
                continue
            sharpness.append(face_sharpness(image, landmarks[index]))
            if self._recogniser is not None and portrait is not None and portrait.embedding is not None:
                embedding = self._recogniser.embed_points(image, five_points(landmarks[index]))
                cosines.append(float(embedding @ portrait.embedding))
        return {
            "flicker": flicker(np.stack(brightness)),
            "sharpness": float(np.mean(sharpness)) if sharpness else float("nan"),
            "identity_arcface": float(np.mean(cosines)) if cosines else float("nan"),
        }

    def _portrait(self, place: PortraitPlace | None) -> _Portrait | None:
        if place is None:
            return None
        if place in self._portraits:
            self._portraits.move_to_end(place)
            return self._portraits[place]
        while len(self._portraits) >= _PORTRAITS:
            self._portraits.popitem(last=False)
        image, landmarks = place.read()
        portrait = None
        if np.isfinite(landmarks).all():
            embedding = None
            if self._recogniser is not None:
                embedding = self._recogniser.embed_points(image, five_points(landmarks))
            portrait = _Portrait(face_sharpness(image, landmarks), mean_shape(landmarks[None]), embedding)
        self._portraits[place] = portrait
        return portrait


def _brightness(path: Path, landmarks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(image, brightness (L,) around its landmarks) of each frame. Raises ValueError for another number of frames."""
    corners = landmarks[:, OUTER_EYE_CORNERS]
    distances = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    distance = float(np.nanmedian(distances)) if np.isfinite(distances).any() else 1.0
    count = 0
    for frame in decode(path):
        if frame.index >= len(landmarks):
            break
        yield frame.image, landmark_brightness(frame.image, landmarks[frame.index], distance)
        count += 1
    if count != len(landmarks):
        raise ValueError(f"the video has {count} frames, its landmarks {len(landmarks)}")
