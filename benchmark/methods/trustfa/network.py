"""TrustFA's four networks: differences of features, of pictures, features themselves, and one still picture.

Legend: B windows, T frames a window, T' time steps of the volume, D embedding size (256).

    grey pictures / 255, one z-score over the whole window    (B, T, 128, 128)
    encoder of every picture alone                             (B, T, 128, 16, 16)
    volume: what the variant takes of it                       (B, 128, 16, 16, T')
    head: two 3-D convolutions, mean over time, two layers     (B, D), unit length

Written from a description of the layers. In training the encoder sees the pictures of one time of all windows at once,
and the statistics of its BatchNorm layers are over these B pictures, as in the published code.

Training follows the published recipe as far as a budget in windows allows (`recommended`): supervised contrastive loss
at 0.07 with any other driver as a negative and windows of one driving clip pulling each other, 16 people x 8 windows a
batch, AdamW at 1e-3, a warm-up over a thirtieth of the steps, half a cosine wave to a hundredth, gradients clipped to
norm 1. Theirs draws one clip of 64 frames at a random place of a video, and tests the clip in the middle; here a
protocol cuts windows. How they make grey pictures of videos is unknown: here the whole picture is resized.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.methods.network import Network, join_batches
from benchmark.methods.trustfa.encoder import CHANNELS, ConvStack, FullLengthCorrelation, NeighbourMaximum
from benchmark.windows.device_frames import FramePoints
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

Variant = Literal["feature-difference", "picture-difference", "features", "still"]
VARIANTS: tuple[str, ...] = get_args(Variant)
_EVALUATED_AT_ONCE = 8  # windows
_PICTURES_AT_ONCE = 64


@dataclass(frozen=True)
class TrustFaShape:
    """Sizes of the network: its variant, one of VARIANTS; embedding D; dropout of the head."""

    variant: str = "feature-difference"
    embedding: int = 256
    dropout: float = 0.3


class VolumeHead(nn.Module):
    """Two 3-D convolutions over height, width and time, averages, and two layers to an embedding of unit length."""

    def __init__(self, embedding: int, dropout: float) -> None:
        super().__init__()
        stride = (1, 2, 1)  # height, width, time: the width alone is halved
        self.net = nn.Sequential(
            nn.Conv3d(CHANNELS, 64, 3, stride=stride, padding=1),
            nn.BatchNorm3d(64),
            nn.ReLU(),
            nn.Conv3d(64, 32, 3, stride=stride, padding=1),
            nn.BatchNorm3d(32),
            nn.ReLU(),
        )
        self.fc = nn.Sequential(
            nn.Linear(32 * 4 * 4, embedding), nn.ReLU(), nn.Dropout(dropout), nn.Linear(embedding, embedding)
        )

    def forward(self, volume: Tensor) -> Tensor:
        """Embeddings (B, D) of unit length of volumes (B, 128, 16, 16, T')."""
        return functional.normalize(self.fc(self.pooled(self.net(volume)).flatten(1)).float(), dim=1)

    @staticmethod
    def pooled(maps: Tensor) -> Tensor:
        """Means (B, 32, 4, 4) of maps (B, 32, 16, 4, T') over all time and four rows each.

        Written out, because the gradient of adaptive pooling in 3-D is not deterministic on a GPU.
        """
        return maps.unflatten(2, (4, -1)).mean(dim=(3, 5))


class TrustFa(Network):
    """TrustFA's network: grey pictures of a window become one embedding."""

    method = "trustfa"
    shape_type = TrustFaShape
    needs = "frames"
    recommended: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "loss": "trustfa",
            "batch": 128,
            "drivers": 16,
            "learning_rate": 1e-3,
            "weight_decay": 1e-4,
            "warm_up": 1 / 30,
            "clip_gradients": 1.0,
        }
    )
    shape: TrustFaShape

    def __init__(self, shape: TrustFaShape) -> None:
        super().__init__(shape)
        if shape.variant not in VARIANTS:
            raise NvfairError(f"variant {shape.variant!r} of {self.method} is unknown", expected=", ".join(VARIANTS))
        self.conv_stack = ConvStack()
        self.fcc = FullLengthCorrelation()
        self.ccc = NeighbourMaximum()
        self.head = VolumeHead(shape.embedding, shape.dropout)

    @property
    def uses_order(self) -> bool:
        """Whether the order of frames matters: not for a single picture."""
        return self.shape.variant != "still"

    def describe_input(self) -> dict[str, Any]:
        """The input in words; there is no facial scale."""
        return {"input": f"grey pictures, {self.shape.variant}", "scale": "none: whole pictures of 128 x 128"}

    def frame_points(self, windows: WindowSet) -> np.ndarray:
        """Grey pictures uint8 (F, 128, 128) of all frames; NvfairError where the windows were read without them."""
        if windows.grey is None:
            raise NvfairError(
                "the windows were read without pictures",
                where=f"method {self.method}",
                remedy="read them with benchmark.windows.grey_frames.with_grey_frames",
            )
        return windows.grey

    def encode(self, pictures: Tensor) -> Tensor:
        """Features (N, 128, 16, 16) of pictures (N, 128, 128)."""
        maps = self.fcc(self.conv_stack(pictures[:, None]))
        return maps + self.ccc(maps)

    def volume(self, pictures: Tensor) -> Tensor:
        """What the head gets of z-scored pictures (B, T, 128, 128): (B, 128, 16, 16, T')."""
        variant = self.shape.variant
        if variant == "still":
            middle = pictures.shape[1] // 2
            pictures = pictures[:, middle : middle + 1]
        elif variant == "picture-difference":
            pictures = pictures[:, 1:] - pictures[:, :-1]
        features = self._encode_windows(pictures)  # (B, T', 128, 16, 16)
        if variant == "feature-difference":
            features = features[:, 1:] - features[:, :-1]
        return features.permute(0, 2, 3, 4, 1)

    def _encode_windows(self, pictures: Tensor) -> Tensor:
        """Features (B, T, 128, 16, 16): in training those of one time together, which BatchNorm's statistics are of."""
        if self.training:
            return torch.stack([self.encode(at_one_time) for at_one_time in pictures.unbind(1)], dim=1)
        parts = [self.encode(part) for part in pictures.flatten(0, 1).split(_PICTURES_AT_ONCE)]
        return torch.cat(parts).unflatten(0, pictures.shape[:2])

    def forward(self, points: Tensor, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, 1) of grey windows (B, T, 128, 128) with values 0..255, and of reordered ones."""
        if points.shape[1] < 2 and self.shape.variant in ("feature-difference", "picture-difference"):
            raise NvfairError("a window of one frame has no differences", remedy="use longer windows")
        pictures = z_scored(points)
        embeddings = self.head(self.volume(pictures))[..., None]
        if order is None:
            return embeddings, None
        window = torch.arange(len(pictures), device=pictures.device)[:, None]
        return embeddings, self.head(self.volume(pictures[window, order]))[..., None]

    def embed(self, frames: FramePoints, windows: WindowSet) -> np.ndarray:
        """One embedding a window (W, D), a few windows at once, as the features of a window take 8 MB."""
        batches = []
        for first in range(0, len(windows), _EVALUATED_AT_ONCE):
            rows = windows.rows(slice(first, first + _EVALUATED_AT_ONCE))
            batches.append(self.pool(self(frames.take(rows))[0]))
        return join_batches(batches, self.embedding_size)


def z_scored(windows: Tensor) -> Tensor:
    """Windows (B, T, H, W) of 0..255 as float32 fractions, each less its mean and divided by its deviation + 1e-6.

    Mean and deviation (with N - 1) are over all pixels of all frames of the window together.
    """
    fractions = windows.float() / 255
    pixels = fractions.flatten(1)
    mean, deviation = pixels.mean(dim=1), pixels.std(dim=1)
    return (fractions - mean[:, None, None, None]) / (deviation + 1e-6)[:, None, None, None]


def centre_clip(pictures: np.ndarray, length: int) -> np.ndarray:
    """The clip of `length` frames in the middle of a video's pictures (n, H, W); a shorter one repeats its last frame.

    This is TrustFA's test recipe. Raises NvfairError for a video of fewer than two frames.
    """
    if len(pictures) < 2:
        raise NvfairError(
            f"the video has {count_text(len(pictures), 'frame')}", expected="at least two, for a difference"
        )
    start = max(0, (len(pictures) - length) // 2)
    return pictures[np.minimum(np.arange(start, start + length), len(pictures) - 1)]
