"""`FastDecoder` as a GPU wants it: fewer and larger operations (`card_layers`), and maps that stay channels-last.

Legend: B batch, C channels, r a level's side, R = r * r rows; flow and colour maps are (B, r, r, 3) inside.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from generators.lia.card_layers import CardConv, CardUpConv, doubled
from generators.lia.fast_decoder import FastDecoder, Surface
from generators.lia.layers import SLOPE
from generators.lia.network import Network
from generators.lia.sampling import corner_aligned, gather_together


class CardDecoder(FastDecoder):
    """Scales and gains of a batch of frames, and one source's surface -> pictures."""

    conv_layer = staticmethod(lambda styled, dtype, _: CardConv(styled, dtype))
    up_layer = CardUpConv

    def __init__(self, network: Network, dtype: torch.dtype) -> None:
        super().__init__(network, dtype)
        for level, side in enumerate(self.resolutions):
            self.register_buffer(f"places{level}", corner_aligned(side))

    def forward(
        self, scales: list[Tensor], gains: list[Tensor], surface: Surface
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Pictures, flow and colour maps, as `FastDecoder.forward` gives them."""
        batch = scales[0].shape[0]
        flow_scales = scales[len(gains) :]
        hidden = self.first(self.start.expand(batch, -1, -1, -1), scales[0], gains[0])
        flows: list[Tensor] = []
        colours: list[Tensor] = []
        for level, side in enumerate(self.resolutions):
            up, conv = 2 * level + 1, 2 * level + 2
            hidden = self.ups[level](hidden, scales[up], gains[up])
            hidden = self.convs[level](hidden, scales[conv], gains[conv])
            pixels = hidden.permute(0, 2, 3, 1).reshape(batch, side * side, -1)
            weight = flow_scales[level][:, None, :] * getattr(self, f"flow{level}")
            flow = torch.matmul(pixels.float(), weight.transpose(1, 2)) + getattr(self, f"flow_bias{level}")
            flow = flow.view(batch, side, side, 3)
            if flows:
                flow = flow + self._double(flows[-1]).permute(0, 2, 3, 1)
            flows.append(flow.permute(0, 3, 1, 2))
            sample, keep = gather_together(flow, getattr(self, f"places{level}"))
            colour = sample(surface.colours[level]) + getattr(self, f"colour_bias{level}")
            colour = F.leaky_relu_(colour, SLOPE).view(batch, side, side, 3).permute(0, 3, 1, 2)
            colour = colour + getattr(self, f"colour_shift{level}")
            colours.append(colour + self._double(colours[-1]) if colours else colour)
            if level < len(surface.features):
                mixed = torch.addcmul(sample(surface.features[level]), pixels.flatten(0, 1), keep)
                hidden = mixed.view(batch, side, side, -1).permute(0, 3, 1, 2)
        return colours[-1], flows, colours

    def _double(self, small: Tensor) -> Tensor:
        return doubled(small)
