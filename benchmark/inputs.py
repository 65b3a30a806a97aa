"""What a method sees of a frame, computed where the network runs.

Legend: F frames of all videos, N frames asked for, L landmarks (126), P features of a frame (7,875 distances, or
2 L = 252 coordinates). Landmarks are sent to the device once; windows are gathered and turned into distances there,
because computing distances is faster than reading or moving them.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch

from nvfair_tools.errors import NvfairError
from nvfair_tools.features import DEFAULT_SCALE, Scale, distances_pairs_first, facial_scale, pair_indices

# distances: the paper's feature. distances-centred: less their mean over the window, which takes the face's shape away
# exactly and leaves its motion (ours). deltas: differences of the distances of neighbouring frames. still: the
# distances of a window's middle frame, repeated, so that the same network sees the same face without its motion.
# coordinates: raw landmark coordinates in pixels, the paper's ablation. coordinates-normalised: centred and divided by
# the facial scale.
Input = Literal["distances", "distances-centred", "deltas", "still", "coordinates", "coordinates-normalised"]
INPUTS: tuple[str, ...] = get_args(Input)


def checked_input(name: str) -> Input:
    """`name` itself where it is an input; NvfairError otherwise."""
    if name not in INPUTS:
        raise NvfairError(f"input {name!r} is unknown", expected=f"one of {', '.join(INPUTS)}")
    return name  # type: ignore[return-value]


class DeviceFrames:
    """Landmarks of all frames on one device, and their features on request."""

    def __init__(
        self,
        landmarks: np.ndarray,
        kind: Input = "distances",
        device: torch.device | str = "cpu",
        scale: Scale = DEFAULT_SCALE,
    ) -> None:
        """landmarks: (F, L, 2) pixels.

        Away from the CPU, centring and scaling are done once, here; what remains for the device are differences and
        roots. On the CPU the data set's own function does everything, so that its values are met to the bit.
        """
        points = np.asarray(landmarks, dtype=np.float32)
        self.kind, self.scale, self.count = checked_input(kind), scale, points.shape[1]
        on_cpu = torch.device(device).type == "cpu"
        if kind == "coordinates-normalised" or (kind != "coordinates" and not on_cpu):
            points = normalised(points, scale)
        self.points = torch.from_numpy(np.ascontiguousarray(points)).to(device)
        self._buffer = np.empty(0, np.float32)

    @property
    def device(self) -> torch.device:
        """Where the landmarks are."""
        return self.points.device

    @property
    def width(self) -> int:
        """Features a frame, P."""
        return feature_width(self.kind, self.count)

    def features(self, rows: torch.Tensor, *, reuse: bool = False) -> torch.Tensor:
        """Features (P, N) float32 of the frames `rows` (N,).

        reuse: on the CPU, the result lies in one buffer that the next call with `reuse` overwrites. Touching fresh
        memory for each batch takes six times as long as the distances themselves.
        Pairs come first, so that each pair's row is contiguous and the projection is one matrix product.
        On the CPU these are the very values of `features.distances`; on a GPU they agree to one unit in the last
        place of float16.
        """
        points = self.points.index_select(0, rows.to(self.device))
        if self.kind in ("coordinates", "coordinates-normalised"):
            return points.reshape(len(points), -1).T.contiguous()
        if points.is_cuda:
            first, second = (torch.from_numpy(index).to(points.device) for index in pair_indices(self.count))
            x, y = points[:, :, 0].T.contiguous(), points[:, :, 1].T.contiguous()
            dx, dy = x[second] - x[first], y[second] - y[first]
            return dx.mul_(dx).add_(dy.mul_(dy)).sqrt_()
        out = self._reused((self.width, len(points))) if reuse else None
        return torch.from_numpy(distances_pairs_first(points.numpy(), self.scale, out=out))

    def _reused(self, shape: tuple[int, int]) -> np.ndarray:
        size = shape[0] * shape[1]
        if len(self._buffer) < size:
            self._buffer = np.empty(size, np.float32)
        return self._buffer[:size].reshape(shape)


def normalised(landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE) -> np.ndarray:
    """Landmarks (F, L, 2) centred on their centroid and divided by their facial scale; NaN where there is none."""
    points = np.asarray(landmarks, dtype=np.float32)
    if len(points) == 0:
        return points
    length = facial_scale(points, scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (points - points.mean(axis=1, keepdims=True)) / np.where(length > 0, length, np.nan)[:, None, None]


def feature_width(kind: Input, landmarks: int) -> int:
    """Features a frame of `kind` for so many landmarks."""
    if kind in ("coordinates", "coordinates-normalised"):
        return 2 * landmarks
    return landmarks * (landmarks - 1) // 2


def feature_statistics(frames: DeviceFrames, rows: torch.Tensor, block: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (P,), (P,) of each feature over the frames `rows`, summed in float64."""
    total = torch.zeros(frames.width, dtype=torch.float64)
    square = torch.zeros(frames.width, dtype=torch.float64)
    shift: torch.Tensor | None = None
    for first in range(0, len(rows), block):
        values = frames.features(rows[first : first + block], reuse=True)
        if shift is None:  # sums of small numbers: variances of 1e-4 around a mean of 2 keep their digits
            shift = values.mean(dim=1, keepdim=True)
        centred = values - shift
        total += centred.sum(dim=1).double().cpu()
        square += centred.square().sum(dim=1).double().cpu()
    if shift is None:
        raise NvfairError("there are no frames to take feature statistics from")
    mean = total / len(rows)
    variance = (square / len(rows) - mean.square()).clamp_min(0)
    mean = mean + shift[:, 0].double().cpu()
    return mean.float().numpy(), variance.sqrt().float().numpy()
