"""The folded networks arranged for rendering: what depends on a portrait apart from what depends on the pair.

Legend: B batch, K keypoints, C channels, D depth, H, W of the feature map.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.device import on_card
from generators.face_vid2vid.appearance import GeneratorNetwork, SpadeGenerator
from generators.face_vid2vid.blocks import LEAK
from generators.face_vid2vid.card_spade import CardSpadeDecoder
from generators.face_vid2vid.dense_motion import Warp, sampled
from generators.face_vid2vid.fast_motion import FastDenseMotion
from generators.face_vid2vid.fast_spade import Buffers, FastSpadeDecoder
from generators.face_vid2vid.folding import bias_of, fold
from generators.face_vid2vid.grid import heatmaps
from generators.products import (
    DOUBLED,
    QUADRUPLED,
    WINOGRAD,
    Convolution,
    DirectConvolution,
    ProductConvolution,
    StackedConvolution,
    framed,
)

ENLARGING = {2: DOUBLED, 4: QUADRUPLED}
# On smaller maps Winograd's larger weights cost more to read than its fewer products save.
WINOGRAD_SIDE = 16
# On maps as small as this a CPU spends its time on reading weights, in bfloat16 too, and products touch fewer pixels.
WEIGHTY_SIDE = 8


@dataclass(frozen=True)
class Appearance:
    """All that rendering needs of one portrait, on the renderer's device, float32.

    volume: (1, C, D, H, W). squeezed: (1, c, D, H, W), what dense motion looks at of it. keypoints: (1, K, 3), posed
    as in the portrait. heat: (1, K, D, H, W), their heatmaps.
    """

    volume: Tensor
    squeezed: Tensor
    keypoints: Tensor
    heat: Tensor


class Renderer(nn.Module):
    """A generator network, taken over and folded; convolutions run in `dtype`, all that has coordinates in float32.

    On a CPU in float32, 3x3 convolutions are computed with fewer products (see `products`).
    """

    fourth_weight: Tensor
    fourth_bias: Tensor

    def __init__(self, network: GeneratorNetwork, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        sizes = network.sizes
        fold(network)
        self.dtype = dtype
        self.on_card = on_card(device)
        self.products = dtype == torch.float32 and not self.on_card
        motion = network.dense_motion_network
        self.motion = FastDenseMotion(motion, self._build, sizes, dtype, self.products, self.on_card)
        # Kept for `squeezed`; the rest of it lives on in its fast form.
        del motion.hourglass, motion.mask, motion.occlusion
        third, fourth = network.third.conv, network.fourth
        self.third = self._build(third.weight.detach(), bias_of(third), sizes.feature)
        self.register_buffer("fourth_weight", fourth.weight.detach().flatten(1).to(dtype), persistent=False)
        self.register_buffer("fourth_bias", bias_of(fourth).to(dtype), persistent=False)
        del network.third, network.fourth
        self.spade: FastSpadeDecoder | CardSpadeDecoder | None = None
        if isinstance(network, SpadeGenerator):
            decoder = CardSpadeDecoder if self.on_card else FastSpadeDecoder
            self.spade = decoder(network.decoder, self._build, sizes.feature)
            del network.decoder
        else:
            for name in ("resblocks_2d", "up_blocks", "final"):
                network.get_submodule(name).to(dtype)
        self.network = network
        self.to(device)

    def appearance(self, portrait: Tensor, keypoints: Tensor) -> Appearance:
        """Of a portrait (1, 3, 4 H, 4 W) in 0..1 with posed keypoints (1, K, 3)."""
        volume = self.network.volume(portrait)
        squeezed = self.network.dense_motion_network.squeezed(volume)
        depth, side = volume.shape[2:4]
        return Appearance(volume, squeezed, keypoints, heatmaps(keypoints, depth, side))

    def warp(self, source: Appearance, driving: Tensor, buffers: Buffers) -> Warp:
        """How the source's volume moves, and what is hidden, for driving keypoints (B, K, 3)."""
        batch = driving.shape[0]
        squeezed = source.squeezed.expand(batch, -1, -1, -1, -1)
        return self.motion(squeezed, source.heat, driving, source.keypoints, buffers)

    def pictures(self, source: Appearance, driving: Tensor, buffers: Buffers) -> Tensor:
        """Pictures (B, 3, 4 H, 4 W) in 0..1, float32, for driving keypoints (B, K, 3)."""
        warp = self.warp(source, driving, buffers)
        volume = source.volume.expand(driving.shape[0], -1, -1, -1, -1)
        x = sampled(volume, warp.deformation).flatten(1, 2).to(self.dtype).permute(0, 2, 3, 1)
        x = functional.leaky_relu_(self.third(framed(x)), LEAK)
        x = functional.linear(x, self.fourth_weight, self.fourth_bias)
        x = x * warp.occlusion.permute(0, 2, 3, 1).to(self.dtype)
        return self.spade(x, buffers) if self.spade is not None else self.network.picture(x.permute(0, 3, 1, 2))

    def _build(self, weight: Tensor, bias: Tensor | None, side: int, enlarge: int = 1) -> Convolution:
        if self.on_card:
            made = StackedConvolution(weight, bias, enlarge) if enlarge > 1 else DirectConvolution(weight, bias)
            return made.to(self.dtype)
        assert bias is not None, "only on a GPU an input of ones takes its place"
        if enlarge > 1 and (self.products or side <= WEIGHTY_SIDE):
            return ProductConvolution(weight, bias, ENLARGING[enlarge]).to(self.dtype)
        if self.products and side >= WINOGRAD_SIDE and side % WINOGRAD.stride == 0:
            return ProductConvolution(weight, bias, WINOGRAD)
        return DirectConvolution(weight.to(self.dtype), bias.to(self.dtype), enlarge)
