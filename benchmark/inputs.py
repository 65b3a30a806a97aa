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
from nvfair_tools.features import DEFAULT_SCALE, Scale, facial_scale, pair_indices

# distances: the paper's feature. deltas: differences of the distances of neighbouring frames. still: the distances of
# a window's middle frame, repeated, so that the same network sees the same face without its motion. coordinates: raw
# landmark coordinates in pixels, the paper's ablation. coordinates-normalised: centred and divided by the facial scale.
Input = Literal["distances", "deltas", "still", "coordinates", "coordinates-normalised"]
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
        """landmarks: (F, L, 2) pixels. Centring and scaling are done once, here, by numpy, exactly as
        `nvfair_tools.features.distances` does them: what remains for the device are differences and roots."""
        points = np.asarray(landmarks, dtype=np.float32)
        if checked_input(kind) != "coordinates" and len(points):
            length = facial_scale(points, scale)
            with np.errstate(divide="ignore", invalid="ignore"):
                points = (points - points.mean(axis=1, keepdims=True)) / np.where(length > 0, length, np.nan)[
                    :, None, None
                ]
        self.kind = kind
        self.points = torch.from_numpy(np.ascontiguousarray(points)).to(device)
        self.count = points.shape[1]
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
        x, y = points[:, :, 0].T.contiguous(), points[:, :, 1].T.contiguous()
        if x.is_cuda:
            first, second = (torch.from_numpy(index).to(x.device) for index in pair_indices(self.count))
            dx, dy = x[second] - x[first], y[second] - y[first]
            return dx.mul_(dx).add_(dy.mul_(dy)).sqrt_()
        shape = (self.width, len(points))
        out = self._reused(shape) if reuse else np.empty(shape, np.float32)
        _distances_on_cpu(x.numpy(), y.numpy(), out)
        return torch.from_numpy(out)

    def _reused(self, shape: tuple[int, int]) -> np.ndarray:
        size = shape[0] * shape[1]
        if len(self._buffer) < size:
            self._buffer = np.empty(size, np.float32)
        return self._buffer[:size].reshape(shape)


def _distances_on_cpu(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    """Distances of coordinates (L, N) into (P, N), one landmark against all later ones at a time.

    No index is gathered. numpy rather than torch, whose square root may differ by one unit in the last place from the
    data set's.
    """
    spare = np.empty((len(x) - 1, x.shape[1]), dtype=np.float32)
    row = 0
    for i in range(len(x) - 1):
        size = len(x) - 1 - i
        dx, dy = out[row : row + size], spare[:size]
        np.subtract(x[i + 1 :], x[i], out=dx)
        np.multiply(dx, dx, out=dx)
        np.subtract(y[i + 1 :], y[i], out=dy)
        np.multiply(dy, dy, out=dy)
        np.add(dx, dy, out=dx)
        np.sqrt(dx, out=dx)
        row += size


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
