"""AVAPrintDB's attention network on frame features of DINOv2 or CLIP (arXiv 2603.26934).

Legend: B windows, T frames a window (at most 512), C feature size (768 for CLIP, 1024 for DINOv2), S attention heads
(2), D embedding size (16).

    x + learned positions, LayerNorm                (B, T, C)
    scorer C -> 64 -> S, GELU between               (B, T, S)
    softmax over frames, weighted sums of the normalised x, mean of the heads   (B, C)
    projection C -> 32 -> D, GELU between           (B, D)

Frame features are those of the whole picture, from frozen networks: appearance is in them, and nothing subtracts it.
Names of modules are those of the published files, so that these load as they are. The release has the features as
files; no data set here holds them, so this network is trained and scored by `nvfair avaprintdb` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.methods.network import Network
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError

if TYPE_CHECKING:
    from typing import Self

    from benchmark.methods.train_options import TrainOptions

FEATURE_SIZES = {"clip": 768, "dino": 1024}
_MASKED = -1e9  # score of a frame that does not count


@dataclass(frozen=True)
class AttentionShape:
    """Sizes of the network: features C of a frame, width of the projection, embedding D."""

    features: int = FEATURE_SIZES["clip"]
    hidden: int = 32
    embedding: int = 16


@dataclass(frozen=True)
class AttentionOutput:
    """What the network gives. scores, attention: (B, T, S). pooled: (B, C). embedding: (B, D), not of unit length."""

    scores: Tensor
    attention: Tensor
    pooled: Tensor
    embedding: Tensor


class TemporalPooling(nn.Module):
    """Attention over the frames of a window, with learned positions."""

    def __init__(self, features: int, hidden: int = 64, heads: int = 2, frames: int = 512) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, frames, features), std=0.02))
        self.norm = nn.LayerNorm(features)
        self.score_mlp = nn.Sequential(
            nn.Linear(features, hidden), nn.GELU(), nn.Dropout(0.2), nn.Linear(hidden, heads)
        )

    def forward(self, features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (B, T, S), attention (B, T, S) and pooled features (B, C) of features (B, T, C).

        mask: (B, T) bool, which frames count; None: all.
        """
        frames = features.shape[1]
        if frames > self.pos_embed.shape[1]:
            raise NvfairError(
                f"a window has {frames} frames", expected=f"at most {self.pos_embed.shape[1]}, the learned positions"
            )
        normalised = self.norm(features + self.pos_embed[:, :frames])
        scores = self.score_mlp(normalised)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, :, None], _MASKED)
        attention = scores.softmax(dim=1)
        return scores, attention, torch.einsum("bts,btc->bsc", attention, normalised).mean(dim=1)


class AttentionNetwork(Network):
    """The attention network: frame features of a window become one embedding."""

    method = "attention-network"
    shape_type = AttentionShape
    needs = "features"
    shape: AttentionShape

    def __init__(self, shape: AttentionShape) -> None:
        super().__init__(shape)
        self.temporal_pooling = TemporalPooling(shape.features)
        self.projection = nn.Sequential(
            nn.Linear(shape.features, shape.hidden),
            nn.GELU(),
            nn.Dropout(0.5),
            nn.Linear(shape.hidden, shape.embedding),
        )

    @classmethod
    def from_options(cls, options: TrainOptions, window: int) -> Self:
        """Always raises NvfairError: there is nothing in a data set that this network reads."""
        _refuse_data_sets()

    @property
    def feature_name(self) -> str:
        """The features that it reads: "clip", "dino", or their number where it is another one."""
        names = {size: name for name, size in FEATURE_SIZES.items()}
        return names.get(self.shape.features, str(self.shape.features))

    def describe_input(self) -> dict[str, Any]:
        """The features of a frame by name."""
        return {"input": f"{self.feature_name} features", "scale": "none"}

    def frame_points(self, windows: WindowSet) -> np.ndarray:
        """Always raises NvfairError, as `from_options` does."""
        _refuse_data_sets()

    def attend(self, features: Tensor, mask: Tensor | None = None) -> AttentionOutput:
        """All stages for features (B, T, C); mask: (B, T) bool, which frames count. NvfairError above 512 frames."""
        scores, attention, pooled = self.temporal_pooling(features, mask)
        return AttentionOutput(scores, attention, pooled, self.projection(pooled))

    def forward(self, points: Tensor, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, 1), not of unit length, of features (B, T, C); those of reordered frames come second."""
        embeddings = self.attend(points).embedding[..., None]
        if order is None:
            return embeddings, None
        return embeddings, self.attend(points.take_along_dim(order[..., None], dim=1)).embedding[..., None]


def feature_size(features: str) -> int:
    """The number of values of a frame, by the features' name; NvfairError for an unknown name."""
    if features not in FEATURE_SIZES:
        raise NvfairError(f"features {features!r} are unknown", expected=f"one of {', '.join(FEATURE_SIZES)}")
    return FEATURE_SIZES[features]


def _refuse_data_sets() -> NoReturn:
    raise NvfairError(
        f"{AttentionNetwork.method} reads frame features of AVAPrintDB's release, which no data set holds",
        remedy="train it by `nvfair avaprintdb train FEATURES OUT --features clip`, and score it by `nvfair avaprintdb "
        "evaluate FEATURES --features clip`",
    )
