"""Which keypoints a target's face gets for each driving frame: absolute or relative motion, free view.

Legend: T driving frames, K keypoints; angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from generators.device import sent
from generators.errors import GeneratorError
from generators.face_vid2vid.rotation import Convention, posed, rotation_matrix

ANGLES = ("yaw", "pitch", "roll")
OPTIONS = ("adapt_scale", *ANGLES)


@dataclass(frozen=True)
class HeadPoses:
    """Head poses and expressions of T frames: angles (T,) in degrees, translation (T, 3), expression (T, 3 K)."""

    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    translation: Tensor
    expression: Tensor

    def __len__(self) -> int:
        return len(self.yaw)

    def __getitem__(self, frames: slice) -> HeadPoses:
        return HeadPoses(*(part[frames] for part in self._parts()))

    def to(self, device: torch.device | str) -> HeadPoses:
        """The same on another device; the host does not wait for a copy to a GPU."""
        return HeadPoses(*(sent(part, torch.device(device)) for part in self._parts()))

    @staticmethod
    def joined(pieces: Sequence[HeadPoses]) -> HeadPoses:
        """Pieces of one clip in order, as one."""
        return HeadPoses(*(torch.cat(parts) for parts in zip(*(piece._parts() for piece in pieces), strict=True)))

    def _parts(self) -> tuple[Tensor, ...]:
        return self.yaw, self.pitch, self.roll, self.translation, self.expression

    def keypoints(self, canonical: Tensor, convention: Convention, view: FreeView | None = None) -> Tensor:
        """(T, K, 3) keypoints of the face with canonical keypoints (1, K, 3), seen from `view` where one is given."""
        angles = (getattr(view, name) if view else None for name in ANGLES)
        own = (self.yaw, self.pitch, self.roll)
        yaw, pitch, roll = (
            predicted if angle is None else torch.full_like(predicted, angle)
            for predicted, angle in zip(own, angles, strict=True)
        )
        rotation = rotation_matrix(yaw, pitch, roll, convention)
        return posed(canonical, rotation, self.translation, self.expression)


@dataclass(frozen=True)
class FreeView:
    """Angles in degrees that replace the driving frames' own; None keeps theirs."""

    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None

    @staticmethod
    def parse(options: Mapping[str, Any]) -> FreeView:
        """From a motion mode's options. Raises GeneratorError for an angle that is no finite number."""
        for name in ANGLES:
            angle = options.get(name)
            number = isinstance(angle, (int, float)) and not isinstance(angle, bool) and math.isfinite(angle)
            if angle is not None and not number:
                raise GeneratorError(f"face-vid2vid option {name}={angle!r}: give an angle in degrees, or None")
        return FreeView(**{name: options.get(name) for name in ANGLES})


def adapt_scale(options: Mapping[str, Any]) -> bool:
    """Whether relative motion is scaled to the target's size; the default. Raises GeneratorError for a non-boolean."""
    value = options.get("adapt_scale", True)
    if not isinstance(value, bool):
        raise GeneratorError(f"face-vid2vid option adapt_scale={value!r}: give true or false")
    return value


def hull_volume(keypoints: np.ndarray) -> float:
    """Volume of the convex hull of keypoints (K, 3). Raises GeneratorError where they span no volume."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return float(ConvexHull(keypoints).volume)
    except (QhullError, ValueError) as error:
        raise GeneratorError(
            "face-vid2vid: the face's keypoints span no volume, so motion cannot be scaled to it; "
            "use another picture, or option adapt_scale: false"
        ) from error


def relative_scale(source: Tensor, reference: Tensor) -> float:
    """How much larger the source's face is than the driver's in its reference frame; keypoints (1, K, 3) each.

    The published demo takes square roots of 3-D hull volumes, although volumes grow with the cube of a length.
    """
    volumes = [hull_volume(points[0].double().cpu().numpy()) for points in (source, reference)]
    return math.sqrt(volumes[0]) / math.sqrt(volumes[1])


def relative(driving: Tensor, reference: Tensor, source: Tensor, scale: float) -> Tensor:
    """(T, K, 3): the source's keypoints moved by the driver's way from its reference frame, times scale."""
    return (driving - reference) * scale + source
