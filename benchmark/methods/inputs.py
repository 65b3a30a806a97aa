"""What a method sees of a frame, computed where the network runs.

Legend: F frames of all videos, N frames of a request, L landmarks (126), P features of a frame (7,875 distances, or
2 L = 252 coordinates). Landmarks are sent to the device once; windows are gathered and turned into distances there,
because computing distances is faster than reading or moving them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Literal, get_args

import numpy as np
import torch

from benchmark.windows.device_frames import FramePoints, to_device
from nvfair_tools.errors import NvfairError, did_you_mean
from nvfair_tools.features import DEFAULT_SCALE, Scale, facial_scale, pair_indices, scaled_landmarks

# distances: the paper's feature.
# distances-centred: the same less their mean over the window (ours), which removes the face's shape exactly and leaves
# its motion.
# deltas: differences of the distances of neighbouring frames.
# still: the distances of a window's middle frame, repeated: the same network sees the same face without its motion.
# coordinates: raw landmark coordinates in pixels, the paper's ablation.
# coordinates-normalised: the same, centred and divided by the facial scale.
Input = Literal["distances", "distances-centred", "deltas", "still", "coordinates", "coordinates-normalised"]
INPUTS: tuple[str, ...] = get_args(Input)
# Frames of a block on the CPU. With one thread: 1 MB of rows, which stay in a usual second-level cache. With several
# threads, which share the rows: as many as keep them busy.
_BLOCK_FRAMES = 520
_BLOCK_FRAMES_SHARED = 5_000


def parse_input(name: str) -> Input:
    """The input with this name; NvfairError that lists all inputs where there is none."""
    if name not in INPUTS:
        raise NvfairError(
            f"input {name!r} is unknown", expected=f"one of {', '.join(INPUTS)}", remedy=did_you_mean([name], INPUTS)
        )
    return name  # type: ignore[return-value]


class FrameFeatures:
    """Turns points of frames into what a network sees of them, on whatever device the points are."""

    def __init__(self, kind: Input = "distances", scale: Scale = DEFAULT_SCALE) -> None:
        self.kind, self.scale = parse_input(kind), scale
        self._buffer = np.empty(0, np.float32)

    def prepare_points(self, landmarks: np.ndarray) -> np.ndarray:
        """Points float32 (F, L, 2) that `__call__` takes, of landmarks (F, L, 2) in pixels; made once for all."""
        if self.kind == "coordinates":
            return np.asarray(landmarks, dtype=np.float32)
        if self.kind == "coordinates-normalised":
            return normalised_landmarks(landmarks, self.scale)
        return scaled_landmarks(landmarks, self.scale)

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Features (P, N) float32 of prepared landmarks (N, L, 2).

        Pairs come first, so that each pair's row is contiguous and a projection is one matrix product. On the CPU these
        are the very values of `features.distances`; on a GPU they agree to one unit in the last place of float16.
        """
        if self.kind in ("coordinates", "coordinates-normalised"):
            return points.reshape(len(points), -1).T.contiguous()
        x, y = points.permute(2, 1, 0).contiguous()
        if points.device.type == "cpu":
            return self._on_cpu(x, y)
        first, second = _pairs(points.shape[1], points.device)
        dx, dy = x[second].sub_(x[first]), y[second].sub_(y[first])
        return dx.mul_(dx).add_(dy.mul_(dy)).sqrt_()

    def _on_cpu(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Distances (P, N) of x, y (L, N).

        With one thread some frames at a time, so that rows stay in its cache; with several threads more at a time, as
        torch shares out large rows only. numpy takes the root, correctly rounded; torch's is a unit off now and then.
        The result lies in a buffer that is used again once nothing refers to the earlier result in it (a graph that
        waits for its gradients does): touching fresh memory for each batch takes six times as long as the distances.
        """
        count, frames = x.shape
        pairs = count * (count - 1) // 2
        if len(self._buffer) < frames * pairs or sys.getrefcount(self._buffer) > 2:
            self._buffer = np.empty(frames * pairs, np.float32)
        out = self._buffer[: frames * pairs].reshape(pairs, frames)
        step = _BLOCK_FRAMES if torch.get_num_threads() == 1 else _BLOCK_FRAMES_SHARED
        work = torch.empty((2, count * min(step, frames)))
        for start in range(0, frames, step):
            span = slice(start, min(start + step, frames))
            _pair_rows(x[:, span].contiguous(), y[:, span].contiguous(), work, out[:, span])
        return torch.from_numpy(out)


@cache
def leave_out_of_compilation() -> None:
    """Has torch's compiler call the distances on the CPU as they are; to be called before a network is compiled.

    Not done when this module is imported: it loads the compiler, which takes longer than all the rest of torch.
    """
    setattr(FrameFeatures, "_on_cpu", torch.compiler.disable(FrameFeatures._on_cpu))  # noqa: B010


def _pair_rows(x: torch.Tensor, y: torch.Tensor, work: torch.Tensor, out: np.ndarray) -> None:
    """Writes the distances of x, y (L, W) to `out` (P, W); work: memory (2, at least L W) for the differences."""
    count, width = x.shape
    first_row = 0
    with np.errstate(invalid="ignore"):
        for landmark in range(count - 1):
            # The pairs of this landmark with all later ones are neighbouring rows of the result.
            pairs = count - 1 - landmark
            dx, dy = (part[: pairs * width].view(pairs, width) for part in work)
            torch.sub(x[landmark + 1 :], x[landmark], out=dx)
            torch.sub(y[landmark + 1 :], y[landmark], out=dy)
            dx.mul_(dx).add_(dy.mul_(dy))
            np.sqrt(dx.numpy(), out=out[first_row : first_row + pairs])
            first_row += pairs


class DeviceFeatures:
    """Landmarks of all frames on one device, and their features on request."""

    def __init__(
        self,
        landmarks: np.ndarray,
        kind: Input = "distances",
        device: torch.device | str = "cpu",
        scale: Scale = DEFAULT_SCALE,
    ) -> None:
        """landmarks: (F, L, 2) in pixels. kind, scale: what `features` returns."""
        self._features = FrameFeatures(kind, scale)
        self.frames = FramePoints(self._features.prepare_points(landmarks), device)

    @property
    def device(self) -> torch.device:
        """The device that the landmarks are on."""
        return self.frames.device

    @property
    def width(self) -> int:
        """Number P of features of a frame."""
        return feature_width(self._features.kind, self.frames.shape[1])

    def features(self, rows: torch.Tensor) -> torch.Tensor:
        """Features (P, N) float32 of the frames `rows` (N,)."""
        return self._features(self.frames.take(rows))


def normalised_landmarks(landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE) -> np.ndarray:
    """Landmarks (F, L, 2) centred on their centroid and divided by their facial scale; NaN where there is none."""
    points = np.asarray(landmarks, dtype=np.float32)
    if len(points) == 0:
        return points
    length = facial_scale(points, scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (points - points.mean(axis=1, keepdims=True)) / np.where(length > 0, length, np.nan)[:, None, None]


def feature_width(kind: Input, landmarks: int) -> int:
    """Number of features of a frame with so many landmarks, for the input `kind`."""
    if kind in ("coordinates", "coordinates-normalised"):
        return 2 * landmarks
    return landmarks * (landmarks - 1) // 2


def feature_statistics(
    features: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor, block: int = 2048
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (P,), (P,) of each feature over the frames `rows`, summed in float64.

    features: returns the features (P, N) of frames numbered (N,). block: frames at a time. Raises NvfairError where
    there are no frames.
    """
    if len(rows) == 0:
        raise NvfairError("there are no frames to take feature statistics from")
    # Sums of differences from a first mean, which are small: variances of 1e-4 around a mean of 2 keep their digits.
    shift = features(rows[:block]).mean(dim=1, keepdim=True)
    total = torch.zeros(len(shift), dtype=torch.float64)
    square = torch.zeros(len(shift), dtype=torch.float64)
    for first in range(0, len(rows), block):
        centred = features(rows[first : first + block]) - shift
        total += centred.sum(dim=1).double().cpu()
        square += centred.square().sum(dim=1).double().cpu()
    mean = total / len(rows)
    variance = (square / len(rows) - mean.square()).clamp_min(0)
    mean = mean + shift[:, 0].double().cpu()
    return mean.float().numpy(), variance.sqrt().float().numpy()


@cache
def _pairs(landmarks: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Both landmarks of each pair, on the device: sent once, as a copy for each batch would have the host wait."""
    first, second = pair_indices(landmarks)
    return to_device(torch.from_numpy(first), device), to_device(torch.from_numpy(second), device)
