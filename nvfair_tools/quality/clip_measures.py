"""The measures of one recorded clip: its face's size, place, pose, light, sharpness, repeated pictures and jitter.

Legend: T frames, 478 mesh points, H, W image height and width. Images are uint8 RGB (H, W, 3), coordinates pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nvfair_tools.faces.detector import Detector
from nvfair_tools.faces.framing import box_overlap, face_box
from nvfair_tools.faces.frontality import head_angles
from nvfair_tools.faces.recogniser import Recogniser
from nvfair_tools.landmarks.track import Track
from nvfair_tools.media import Frame
from nvfair_tools.quality.appearance import LUMA, face_sharpness

VERSION = "1"  # of all that is measured
MEASURES = (
    "face_size",
    "whole_share",
    "yaw",
    "pitch",
    "roll",
    "jitter",
    "sharpness",
    "luminance",
    "dark_share",
    "bright_share",
    "repeated_share",
    "frozen_seconds",
    "several_share",
    "smaller_share",
    "detected_several_share",
    "detected_smaller_share",
    "frame_cosine",
)
# Frames of a clip, evenly spread over it, for light and sharpness, and for the slower networks.
PICTURES, NETWORK_PICTURES = 32, 8
# Grey levels of a face at or beyond which nothing can be told apart, in pictures of the full range.
DARK, BRIGHT = 5, 250
# A picture repeats the one before where the face's grey values change by no more than this on average (of 255), or by
# no more than this share of what they usually change by in the clip.
REPEATED_CHANGE, REPEATED_SHARE_OF_USUAL = 0.02, 0.05
_ANGLE_QUANTILE = 95
# The median absolute value of a normal variable over its deviation.
_NORMAL_MEDIAN = 0.6744897501960817
# Boxes of one face by two methods overlap by at least this (intersection over union).
_SAME_FACE = 0.1


@dataclass
class ClipMeter:
    """Measures the pictures of one clip while they are decoded; a `FrameObserver` of `track_frames`.

    frames: how many frames the clip has, as far as is known. detector, recogniser: None where there is none.
    """

    frames: int
    detector: Detector | None = None
    recogniser: Recogniser | None = None
    _sharpness: list[float] = field(default_factory=list)
    _light: list[tuple[float, float, float]] = field(default_factory=list)
    _changes: list[float] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _faces: list[tuple[int, bool]] = field(default_factory=list)
    _detected: list[tuple[int, bool]] = field(default_factory=list)
    _embeddings: list[np.ndarray] = field(default_factory=list)
    _last: Frame | None = None
    _last_box: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._picture_places = _EvenPlaces(self.frames, PICTURES)
        self._network_places = _EvenPlaces(self.frames, NETWORK_PICTURES)

    def add(self, frame: Frame, mesh: np.ndarray | None, faces: list[np.ndarray]) -> None:
        """Takes the next frame. mesh: (478, 3) of the face, None where it is not valid. faces: boxes (4,) of all faces,
        the largest first; empty where they are not known."""
        box = None if mesh is None else face_box(mesh)
        if self._last is not None:
            self._changes.append(picture_change(self._last.image, frame.image, self._last_box, box))
        self._times.append(frame.time)
        self._last, self._last_box = frame, box
        if mesh is None or box is None:
            return
        if faces:
            self._faces.append((len(faces), bool(np.array_equal(faces[0], box))))
        if self._picture_places.is_due(frame.index):
            self._sharpness.append(face_sharpness(frame.image, mesh[:, :2]))
            self._light.append(face_light(frame.image, box))
        if (self.detector or self.recogniser) and self._network_places.is_due(frame.index):
            self._look_at(frame.image, mesh, box)

    def _look_at(self, image: np.ndarray, mesh: np.ndarray, box: np.ndarray) -> None:
        if self.detector is not None and (detections := self.detector.detect(image)):
            overlaps = [box_overlap(face.box, box) for face in detections]
            best = int(np.argmax(overlaps))
            self._detected.append((len(detections), overlaps[best] >= _SAME_FACE and best == 0))
        if self.recogniser is not None:
            self._embeddings.append(self.recogniser.embed(image, mesh))

    def measures(self) -> dict[str, float]:
        """The measures of the pictures, without those that could not be taken."""
        values: dict[str, float] = {}
        if self._light:
            luminance, dark, bright = np.nanmedian(np.array(self._light), axis=0)
            values |= {"luminance": luminance, "dark_share": dark, "bright_share": bright}
        if np.isfinite(self._sharpness).any():
            values["sharpness"] = float(np.nanmedian(self._sharpness))
        if self._changes:
            repeated = repeated_pictures(np.array(self._changes))
            values["repeated_share"] = float(repeated.mean())
            values["frozen_seconds"] = longest_repetition(repeated, np.array(self._times))
        for prefix, faces in (("", self._faces), ("detected_", self._detected)):
            if faces:
                values[f"{prefix}several_share"] = float(np.mean([count > 1 for count, _ in faces]))
                values[f"{prefix}smaller_share"] = float(np.mean([not largest for _, largest in faces]))
        if len(self._embeddings) > 1:
            # All pairs are compared: the mean of two people in equal parts resembles both.
            stacked = np.stack(self._embeddings)
            values["frame_cosine"] = float((stacked @ stacked.T).min())
        return _finite(values)

    def embedding(self) -> np.ndarray | None:
        """The unit mean of the face's embeddings, float32 (D,); None without a recogniser or a face."""
        if not self._embeddings:
            return None
        mean = np.mean(self._embeddings, axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


class _EvenPlaces:
    """Chooses the first usable frame from each of `count` even places on."""

    def __init__(self, frames: int, count: int) -> None:
        self._places = np.unique(np.linspace(0, max(frames - 1, 0), count).round().astype(int)).tolist()

    def is_due(self, index: int) -> bool:
        """Whether the usable frame `index` is to be looked at; each place is due once."""
        if not self._places or index < self._places[0]:
            return False
        while self._places and self._places[0] <= index:
            self._places.pop(0)
        return True


def track_measures(track: Track) -> dict[str, float]:
    """The measures that a track alone gives, without those that could not be taken.

    face_size: median longer side of the face's box in pixels. whole_share: of the frames with a face, those in which
    all of its mesh lies in the picture. yaw, pitch, roll: 95th percentile of the absolute angle in degrees; that of
    pitch from its median, because cameras stand at different heights. jitter: see `landmark_jitter`.
    """
    seen = track.valid | (track.reason == "out_of_frame")
    if not track.valid.any():
        return _finite({"whole_share": 0.0 if seen.any() else float("nan")})
    mesh = track.mesh[track.valid]
    low, high = mesh[:, :, :2].min(axis=1), mesh[:, :, :2].max(axis=1)
    whole = ((low >= 0) & (high <= np.array(track.size))).all(axis=1)
    yaw, pitch, roll = head_angles(mesh)
    angles = {"yaw": yaw, "pitch": pitch - np.median(pitch), "roll": roll}
    return _finite(
        {
            "face_size": float(np.median((high - low).max(axis=1))),
            "whole_share": float(whole.sum() / seen.sum()),
            **{name: float(np.percentile(np.abs(values), _ANGLE_QUANTILE)) for name, values in angles.items()},
            "jitter": landmark_jitter(track.mesh, track.valid, track.time),
        }
    )


def landmark_jitter(mesh: np.ndarray, valid: np.ndarray, time: np.ndarray) -> float:
    """The noise of landmarks, as the standard deviation of one coordinate over the face's size; NaN for fewer than
    three frames in a row.

    mesh: (T, 478, 3) pixels. valid: bool (T,). time: seconds (T,). A landmark's place less the straight line through
    its places just before and after, scaled to the deviation that white noise of such differences has (Gasser, Sroka
    and Jennen-Steinmetz, Biometrika 73, 1986, equation 2, also for uneven times). The deviation is the median absolute
    value over 0.6745, so that blinks and other short movements hardly count; then the median over landmarks.
    """
    rows = np.flatnonzero(valid[:-2] & valid[1:-1] & valid[2:])
    if not len(rows):
        return float("nan")
    points = np.asarray(mesh[..., :2], dtype=np.float64)
    before, middle, after = (time[rows + step] for step in range(3))
    span = np.maximum(after - before, 1e-9)
    first, last = (after - middle) / span, (middle - before) / span
    scale = 1 / np.sqrt(first**2 + last**2 + 1)
    residual = points[rows] * first[:, None, None] + points[rows + 2] * last[:, None, None] - points[rows + 1]
    deviation = np.median(np.abs(residual * scale[:, None, None]), axis=0) / _NORMAL_MEDIAN
    sides = points[valid].max(axis=1) - points[valid].min(axis=1)
    return float(np.median(deviation) / np.median(sides.max(axis=1)))


def face_light(image: np.ndarray, box: np.ndarray) -> tuple[float, float, float]:
    """The mean grey level of a face's box, and the shares of its pixels that are too dark and too bright.

    box: (4,). Grey is ITU-R BT.601's luma; dark is 5 and less, bright 250 and more of 255.
    """
    part = _cut(image, box)
    if not part.size:
        return float("nan"), float("nan"), float("nan")
    grey = np.rint(part @ LUMA)
    return float(grey.mean()), float((grey <= DARK).mean()), float((grey >= BRIGHT).mean())


def picture_change(
    before: np.ndarray, after: np.ndarray, box_before: np.ndarray | None, box_after: np.ndarray | None
) -> float:
    """The mean absolute change of the values of two pictures around their face, of 255; of the whole picture where one
    of them has no face."""
    if before.shape != after.shape:
        return 255.0
    if box_before is not None and box_after is not None:
        box = np.concatenate([np.minimum(box_before[:2], box_after[:2]), np.maximum(box_before[2:], box_after[2:])])
        before, after = _cut(before, box), _cut(after, box)
        if not before.size:
            return 255.0
    # Of two uint8 values the greater less the smaller stays uint8.
    return float((np.maximum(before, after) - np.minimum(before, after)).mean())


def repeated_pictures(changes: np.ndarray) -> np.ndarray:
    """Which pictures repeat the one before: bool (T - 1,), that of picture n + 1 at n. changes: `picture_change`."""
    usual = float(np.percentile(changes, 75))
    return np.asarray(changes <= max(REPEATED_CHANGE, REPEATED_SHARE_OF_USUAL * usual))


def longest_repetition(repeated: np.ndarray, times: np.ndarray) -> float:
    """The longest time in seconds from a picture to the last of its repetitions. repeated: (T - 1,). times: (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], repeated, [False]])))
    return float(np.max(times[edges[1::2]] - times[edges[0::2]], initial=0.0))


def _cut(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    low = np.maximum(np.floor(box[:2]), 0).astype(int)
    high = np.maximum(np.ceil(box[2:]), 0).astype(int)
    return image[low[1] : high[1], low[0] : high[0]]


def _finite(values: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in values.items() if np.isfinite(value)}
