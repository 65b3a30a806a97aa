"""All that the style layers make of a motion code, as one affine map with the source's share worked out once.

Legend: T frames, C channels, S style, M motion, N style channels of all layers together.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.lia.layers import DEMODULATION_EPSILON, GAIN
from generators.lia.network import Network


class Styles(nn.Module):
    """The latent vector and all that the style makes of it, as one affine map of the motion code.

    latent = style + Q alpha, so the scales of all N input channels are (A style + a) + (A Q) alpha; the first part is
    the source's. Demodulation: sqrt(2) / sqrt(energy . scale^2 + 1e-8), energy = the weights' squares summed over taps.
    """

    basis: Tensor
    matrix: Tensor
    bias: Tensor
    motion: Tensor

    def __init__(self, network: Network) -> None:
        super().__init__()
        decoder = network.dec
        levels = decoder.levels()
        convs = [decoder.conv1.conv, *(styled.conv for level in levels for styled in (level.up, level.conv))]
        flows = [level.to_flow.conv for level in levels]
        layers = [conv.modulation for conv in (*convs, *flows)]
        matrix = torch.cat([layer.weight.detach() * layer.scale for layer in layers])
        self.register_buffer("basis", decoder.direction.basis())
        self.register_buffer("matrix", matrix)
        self.register_buffer("bias", torch.cat([layer.bias.detach() for layer in layers]))
        self.register_buffer("motion", (matrix.double() @ self.basis.double()).float())
        self.sizes = [layer.weight.shape[0] for layer in layers]
        for index, conv in enumerate(convs):
            energy = (conv.weight.detach()[0] * conv.scale).square().sum((2, 3))
            self.register_buffer(f"energy{index}", energy)
        self.convs = len(convs)

    def of_source(self, style: Tensor) -> Tensor:
        """Style vector (1, S) -> its share of the scales (1, N)."""
        return F.linear(style, self.matrix, self.bias)

    def forward(self, source: Tensor, motion: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """of_source (1, N), latent motion (T, M) -> scales of every layer (T, C), gains of every 3x3 layer (T, C')."""
        scales = list((source + motion @ self.motion.T).split(self.sizes, dim=1))
        gains = [
            torch.rsqrt(scale.square() @ getattr(self, f"energy{index}").T + DEMODULATION_EPSILON) * GAIN
            for index, scale in enumerate(scales[: self.convs])
        ]
        return scales, gains
