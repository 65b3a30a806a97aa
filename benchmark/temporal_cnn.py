"""The baseline network: a one-dimensional temporal convolutional network over landmark distances.

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

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.inputs import Input, checked_input
from nvfair_tools.errors import NvfairError

_KERNEL = 5


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the network. `features` is P; `dilations` has one entry a convolution."""

    features: int
    input: Input = "distances"
    width: int = 128
    embedding: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dropout: float = 0.3

    @property
    def receptive_field(self) -> int:
        """Frames that one embedding sees."""
        return 1 + (_KERNEL - 1) * sum(self.dilations) + (1 if self.input == "deltas" else 0)

    def checked(self, window: int) -> NetworkShape:
        """Itself; NvfairError where a window is too short for one embedding."""
        checked_input(self.input)
        if window < self.receptive_field:
            raise NvfairError(
                f"windows of {window} frames are shorter than what one embedding sees, {self.receptive_field} frames",
                remedy="use longer windows, or fewer dilations",
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"dilations": list(self.dilations)}


class TemporalCnn(nn.Module):
    """Features of frames -> one embedding for each temporal position."""

    mean: Tensor
    inverse_deviation: Tensor

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        # Statistics of the training data; part of the checkpoint.
        self.register_buffer("mean", torch.zeros(shape.features))
        self.register_buffer("inverse_deviation", torch.ones(shape.features))
        self.projection = nn.Linear(shape.features, width)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, _KERNEL, dilation=d) for d in shape.dilations)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(len(shape.dilations) + 1))
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Conv1d(width, shape.embedding, 1)

    def set_statistics(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Stores the training data's mean and standard deviation (P,), (P,) of each feature.

        A feature that hardly moves is not blown up: deviations count as at least a tenth of the median one.
        """
        floor = max(0.1 * float(np.median(deviation)), 1e-6)
        self.mean.copy_(torch.from_numpy(mean))
        self.inverse_deviation.copy_(torch.from_numpy(1 / np.maximum(deviation, floor)))

    def project(self, features: Tensor) -> Tensor:
        """Standardises and projects frames: (P, N) -> (H, N).

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
            return hidden  # the bias would vanish in the difference
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

    def forward(self, features: Tensor, frames: int, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """features (P, B T), windows one after another -> embeddings (B, D, U), and those of reordered frames.

        frames: T. order: (B, T) positions within each window; its embeddings (B, D, U) come second, None without.
        """
        hidden = self.project(features)  # (H, B T)
        hidden = hidden.reshape(hidden.shape[0], -1, frames).transpose(0, 1)  # (B, H, T)
        if order is None:
            return self.temporal(hidden), None
        reordered = hidden.gather(2, order[:, None, :].expand(-1, hidden.shape[1], -1))
        both = self.temporal(torch.cat([hidden, reordered]))
        return both[: len(hidden)], both[len(hidden) :]


def window_embedding(embeddings: Tensor) -> Tensor:
    """One embedding a window (B, D) from those of its positions (B, D, U): their mean, normalised."""
    return functional.normalize(embeddings.mean(dim=2), dim=1)


def _over_channels(norm: nn.Module, hidden: Tensor) -> Tensor:
    return norm(hidden.transpose(1, 2)).transpose(1, 2)
