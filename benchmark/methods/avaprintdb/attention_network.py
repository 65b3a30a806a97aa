"""AVAPrintDB's attention network on frame features of DINOv2 or CLIP (arXiv 2603.26934).

Legend: B windows, T frames a window (at most 512), C feature size (768 for CLIP, 1024 for DINOv2), S attention heads
(2), D embedding size (16).

    x + learned positions, LayerNorm                (B, T, C)
    scorer C -> 64 -> S, GELU between               (B, T, S)
    softmax over frames, weighted sums of the normalised x, mean of the heads   (B, C)
    projection C -> 32 -> D, GELU between           (B, D)

Frame features are those of the whole picture, from frozen networks: appearance is in them, and nothing subtracts it.
Names of modules are those of the published files, so that these load as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nvfair_tools.errors import NvfairError

FEATURE_SIZES = {"clip": 768, "dino": 1024}
_MASKED = -1e9  # score of a frame that does not count


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


class AttentionNetwork(nn.Module):
    """The attention network: frame features of a window become one embedding."""

    def __init__(self, features: int, hidden: int = 32, embedding: int = 16) -> None:
        super().__init__()
        self.temporal_pooling = TemporalPooling(features)
        self.projection = nn.Sequential(
            nn.Linear(features, hidden), nn.GELU(), nn.Dropout(0.5), nn.Linear(hidden, embedding)
        )

    def forward(self, features: Tensor, mask: Tensor | None = None) -> AttentionOutput:
        """Embeddings of features (B, T, C); mask: (B, T) bool, which frames count. NvfairError above 512 frames."""
        scores, attention, pooled = self.temporal_pooling(features, mask)
        return AttentionOutput(scores, attention, pooled, self.projection(pooled))

    def embed(self, features: Tensor) -> Tensor:
        """Embeddings of unit length (B, D) of features (B, T, C)."""
        return functional.normalize(self(features).embedding, dim=1)
