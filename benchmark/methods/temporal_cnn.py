"""The baseline network: a one-dimensional convolutional network over time, on landmark distances.

Legend: B windows, T frames a window, P features a frame (7,875 distances), H width, D embedding size,
U temporal positions that come out (T minus the receptive field, plus one).

Known from the paper and its re-implementation: distances of each frame go into a 1-D temporal CNN that gives one
embedding for each temporal position (B, D, U). Widths, kernels and depth are not public; ours, and why:

* A pointwise projection P -> H comes first. It holds 87 % of the parameters and nearly all of the work, and because it
  looks at one frame at a time, a frame is projected once however many windows share it, and frames can be put into
  another order (the loss's shuffled clips) after it.
* Four convolutions of kernel 5 with dilations 1, 2, 4, 8 and no padding: each embedding sees 61 frames, two seconds,
  and a window of 71 gives 11 of them. No padding, so that no embedding sees made-up frames. The first three have a
  residual path, cropped at both ends.
* Layer normalisation over channels at each frame, not over the batch: an embedding must not depend on what else is in
  the batch, and a batch holds many windows of few people.
* Embeddings are L2-normalised, because scores compare normalised ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.methods.frame_order import reorder_frames
from benchmark.methods.inputs import FrameFeatures, Input, feature_statistics, feature_width, parse_input
from benchmark.methods.network import Network, join_batches
from benchmark.windows.device_frames import FramePoints, to_device
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import DEFAULT_SCALE, Scale
from nvfair_tools.landmarks.scheme import SCHEME_126

if TYPE_CHECKING:
    from typing import Self

    from benchmark.methods.train_options import TrainOptions

_KERNEL = 5
_STATISTICS_FRAMES = 20_000
# Frames and windows that are embedded at once: some 130 MB of distances.
_FRAMES = 4096
_WINDOWS = 512


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the temporal CNN: features P of a frame, width H, embedding D, and one dilation a convolution.

    input: what it sees of a frame. scale: the facial scale that distances are divided by. landmarks: positions in the
    scheme of 126 of those that it sees, after all have served for the scale; empty for all.
    """

    features: int
    input: Input = "distances"
    width: int = 128
    embedding: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dropout: float = 0.3
    scale: Scale = DEFAULT_SCALE
    landmarks: tuple[int, ...] = ()

    @property
    def receptive_field(self) -> int:
        """Number of frames that one embedding sees."""
        return 1 + (_KERNEL - 1) * sum(self.dilations) + (1 if self.input == "deltas" else 0)

    def check_window(self, window: int) -> NetworkShape:
        """This shape; NvfairError for an unknown input, and where a window is too short for one embedding."""
        parse_input(self.input)
        if window < self.receptive_field:
            raise NvfairError(
                f"windows of {window} frames are shorter than what one embedding sees, {self.receptive_field} frames",
                remedy="use longer windows, or fewer dilations",
            )
        return self


class TemporalCnn(Network):
    """The temporal CNN: landmarks of frames, their features, one embedding for each temporal position."""

    method = "temporal-cnn"
    shape_type = NetworkShape
    shape: NetworkShape
    mean: Tensor
    inverse_deviation: Tensor

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__(shape)
        self.features = FrameFeatures(shape.input, shape.scale)
        width = shape.width
        # Statistics of the training data; part of the checkpoint.
        self.register_buffer("mean", torch.zeros(shape.features))
        self.register_buffer("inverse_deviation", torch.ones(shape.features))
        self.projection = nn.Linear(shape.features, width)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, _KERNEL, dilation=d) for d in shape.dilations)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(len(shape.dilations) + 1))
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Conv1d(width, shape.embedding, 1)

    @classmethod
    def from_options(cls, options: TrainOptions, window: int) -> Self:
        """A new network with the sizes that TrainOptions has by name, and `landmarks` of its `sizes`.

        Raises NvfairError for sizes of other networks, and for landmarks that the scheme does not have.
        """
        others = [name for name in options.sizes if name != "landmarks"]
        if others:
            raise NvfairError(
                f"--size {', '.join(others)} is for other networks",
                expected="--width, --embedding, --dilations and --dropout for the temporal CNN",
            )
        landmarks = _parse_landmarks(options.sizes.get("landmarks", ()))
        features = feature_width(options.input, len(landmarks) or LANDMARK_COUNT)
        shape = NetworkShape(
            features, options.input, options.width, options.embedding, options.dilations, options.dropout,
            options.scale, landmarks,
        )  # fmt: skip
        return cls(shape.check_window(window))

    def shape_json(self) -> dict[str, Any]:
        """The sizes of the network as plain values; `landmarks`, which came later, only where some are left out."""
        sizes = super().shape_json()
        if not self.shape.landmarks:
            del sizes["landmarks"]
        return sizes

    @property
    def uses_order(self) -> bool:
        """Whether frame order matters: not for an input that repeats one frame."""
        return self.shape.input != "still"

    def describe_input(self) -> dict[str, Any]:
        """The input, the facial scale, and the order of the pairs."""
        return {"input": self.shape.input, "scale": self.shape.scale, "pairs": "all unordered, (0,1), (0,2), ..."}

    def frame_points(self, windows: WindowSet) -> np.ndarray:
        """Landmarks float32 (F, L, 2) as the features need them: centred and scaled, but for raw coordinates."""
        points = self.features.prepare_points(windows.landmarks[:])
        return points[:, list(self.shape.landmarks)] if self.shape.landmarks else points

    def tracked_points(self) -> tuple[int, ...]:
        """Index in MediaPipe's mesh of each landmark that it sees."""
        return tuple(int(SCHEME_126.indices[n]) for n in self.shape.landmarks or range(LANDMARK_COUNT))

    def mirror_indices(self) -> tuple[int, ...] | None:
        """Index of each landmark's mirror image among those that it sees; None where one of them is not seen."""
        seen = self.shape.landmarks or tuple(range(LANDMARK_COUNT))
        images = [int(SCHEME_126.mirror[landmark]) for landmark in seen]
        if not set(images) <= set(seen):
            return None
        return tuple(seen.index(image) for image in images)

    def fit_statistics(self, frames: FramePoints, windows: WindowSet, seed: int) -> None:
        """Takes feature statistics over a seeded sample of the training windows' frames."""
        rng = np.random.default_rng([seed, 1])
        window = rng.integers(len(windows), size=_STATISTICS_FRAMES)
        rows = windows.start[window] + rng.integers(windows.length, size=len(window))
        rows = np.sort(np.unique(rows))
        if self.shape.input == "deltas":
            # The deviation of the differences themselves, around zero: that of two independent frames is far larger.
            self.set_statistics(*self._delta_statistics(frames, rows[: len(rows) // 2], windows))
        else:
            sample = torch.from_numpy(rows)
            self.set_statistics(*feature_statistics(lambda part: self.features(frames.take(part)), sample))

    def _delta_statistics(
        self, frames: FramePoints, rows: np.ndarray, windows: WindowSet
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean (P,), which is zero, and standard deviation (P,) of the differences of neighbouring frames."""
        rows = rows[np.isin(rows + 1, windows.offsets, invert=True)]  # rows whose next frame is of the same video
        square = torch.zeros(self.shape.features, dtype=torch.float64)
        count = 0
        for part in torch.from_numpy(rows).split(2048):
            difference = self.features(frames.take(part + 1)) - self.features(frames.take(part))
            difference = difference[:, torch.isfinite(difference).all(dim=0)]
            square += difference.square().sum(dim=1).double().cpu()
            count += difference.shape[1]
        return np.zeros(self.shape.features, np.float32), (square / max(count, 1)).sqrt().float().numpy()

    def set_statistics(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Stores the mean and standard deviation (P,), (P,) of each feature over the training data.

        Deviations count as at least a tenth of the median deviation, so that features that hardly move stay small.
        """
        floor = max(0.1 * float(np.median(deviation)), 1e-6)
        self.mean.copy_(torch.from_numpy(mean))
        self.inverse_deviation.copy_(torch.from_numpy(1 / np.maximum(deviation, floor)))

    def project(self, features: Tensor) -> Tensor:
        """Standardised and projected frames (H, N) of features (P, N).

        In float32 the standardisation is folded into the matrix, which is smaller than the frames by far; in bfloat16
        it cannot be, because distances near 2 that differ by hundredths would be rounded alike.
        """
        weight, bias = self.projection.weight, self.projection.bias
        if torch.is_autocast_enabled(features.device.type):
            standard = (features - self.mean[:, None]) * self.inverse_deviation[:, None]
            hidden = (weight @ standard).float()
        else:
            folded = weight * self.inverse_deviation
            hidden = folded @ features - (folded @ self.mean)[:, None]
        if self.shape.input in ("deltas", "distances-centred"):
            return hidden  # `temporal` adds the bias, which would vanish in the difference
        return hidden + bias[:, None]

    def temporal(self, hidden: Tensor) -> Tensor:
        """Embeddings (B, D, U) of projected frames (B, H, T)."""
        if self.shape.input == "deltas":
            hidden = hidden[:, :, 1:] - hidden[:, :, :-1] + self.projection.bias[:, None]
        elif self.shape.input == "distances-centred":  # centring commutes with the projection, but for the bias
            hidden = hidden - hidden.mean(dim=2, keepdim=True) + self.projection.bias[:, None]
        elif self.shape.input == "still":
            middle = hidden.shape[2] // 2
            hidden = hidden[:, :, middle : middle + 1].expand(-1, -1, hidden.shape[2])
        hidden = self.dropout(functional.gelu(_over_channels(self.norms[0], hidden)))
        last = len(self.convolutions) - 1
        for number, convolution in enumerate(self.convolutions):
            out = functional.gelu(_over_channels(self.norms[number + 1], convolution(hidden)))
            crop = (hidden.shape[2] - out.shape[2]) // 2
            hidden = out if number == last else out + hidden[:, :, crop : crop + out.shape[2]]
        return functional.normalize(self.head(hidden).float(), dim=1)

    def positions(self, features: Tensor, frames: int, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, U) of features (P, B T), windows one after another, and those of reordered frames.

        frames: T. order: (B, T) positions within each window; without it, None comes second.
        """
        hidden = self.project(features)  # (H, B T)
        hidden = hidden.reshape(hidden.shape[0], -1, frames).transpose(0, 1)  # (B, H, T)
        if order is None:
            return self.temporal(hidden), None
        reordered = reorder_frames(hidden, order)
        both = self.temporal(torch.cat([hidden, reordered]))
        return both[: len(hidden)], both[len(hidden) :]

    def forward(self, points: Tensor, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, U) of windows (B, T, L, 2) of `frame_points`, and of reordered ones (see Network)."""
        if self.shape.input == "still":  # the other frames need no features
            frames = points.shape[1]
            hidden = self.project(self.features(points[:, frames // 2])).T[:, :, None]
            embeddings = self.temporal(hidden.expand(-1, -1, frames))
            return embeddings, None if order is None else embeddings
        return self.positions(self.features(points.flatten(0, 1)), points.shape[1], order)

    def embed(self, frames: FramePoints, windows: WindowSet) -> np.ndarray:
        """One embedding a window (W, D); a frame is projected once however many windows share it."""
        batches = []
        steps = torch.arange(windows.length, device=frames.device)
        first = 0
        while first < len(windows):  # in the order of videos, so that a batch's frames lie together
            last = _batch_end(windows, first)
            low, high = int(windows.start[first]), int(windows.start[last - 1]) + windows.length
            parts = torch.arange(low, high).split(_FRAMES)
            hidden = torch.cat([self.project(self.features(frames.take(part))) for part in parts], dim=1)
            start = to_device(torch.from_numpy(windows.start[first:last] - low), frames.device)
            batch = hidden[:, start[:, None] + steps].transpose(0, 1)  # (B, H, T)
            batches.append(self.pool(self.temporal(batch)))
            first = last
        return join_batches(batches, self.embedding_size)


def _parse_landmarks(landmarks: Sequence[int]) -> tuple[int, ...]:
    """Positions of landmarks as a tuple; NvfairError where they are not two or more different ones of the scheme."""
    positions = tuple(landmarks)
    known = set(range(LANDMARK_COUNT))
    if positions and (len(positions) < 2 or len(set(positions)) < len(positions) or not set(positions) <= known):
        raise NvfairError(
            f"landmarks are {list(positions)}", expected=f"at least two different numbers of 0 to {LANDMARK_COUNT - 1}"
        )
    return positions


def _batch_end(windows: WindowSet, first: int) -> int:
    """Number after that of the last window of a batch that begins with window `first`."""
    low = windows.start[first]
    limit = min(first + _WINDOWS, len(windows))
    fitting = np.searchsorted(windows.start[first:limit], low + 4 * _FRAMES - windows.length, side="right")
    return first + max(int(fitting), 1)


def _over_channels(norm: nn.Module, hidden: Tensor) -> Tensor:
    return norm(hidden.transpose(1, 2)).transpose(1, 2)
