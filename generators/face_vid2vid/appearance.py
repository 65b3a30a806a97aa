"""The generator network: a portrait's appearance volume, its warp, and the picture decoded from it.

Two variants were published: "spade" and "original". They differ in the first layer and in the decoder.
Legend: B batch, C channels, D depth, H, W of the feature map (a quarter of the picture).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from generators.errors import GeneratorError
from generators.face_vid2vid.blocks import Down, Residual, Same, Up, convolution
from generators.face_vid2vid.dense_motion import DenseMotion, sampled
from generators.face_vid2vid.sizes import Sizes
from generators.face_vid2vid.spade import SpadeDecoder

Variant = Literal["spade", "original"]


class GeneratorNetwork(nn.Module):
    """What both variants share, under the published names."""

    first_kernel: ClassVar[int]

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.first = Same(2, 3, sizes.base, self.first_kernel)
        widths = [sizes.base, sizes.base * 2, sizes.narrow]
        self.down_blocks = nn.ModuleList(Down(2, widths[i], widths[i + 1]) for i in range(2))
        self.second = nn.Conv2d(sizes.narrow, sizes.wide, 1)
        self.resblocks_3d = nn.ModuleDict(
            {f"3dr{i}": Residual(3, sizes.volume_channels) for i in range(sizes.residual_blocks)}
        )
        self.dense_motion_network = DenseMotion(sizes)
        self.third = Same(2, sizes.wide, sizes.narrow, 3, leaky=True)
        self.fourth = nn.Conv2d(sizes.narrow, sizes.narrow, 1)

    def volume(self, portraits: Tensor) -> Tensor:
        """Appearance volumes (B, C, D, H, W) of portraits (B, 3, 4 H, 4 W) in 0..1."""
        x = self.first(portraits)
        for block in self.down_blocks:
            x = block(x)
        x = self.second(x)
        x = x.view(x.shape[0], self.sizes.volume_channels, self.sizes.depth, *x.shape[2:])
        for block in self.resblocks_3d.values():
            x = block(x)
        return x

    def warped(self, volume: Tensor, deformation: Tensor, occlusion: Tensor) -> Tensor:
        """The warped volume as a flat, occluded map (B, narrow, H, W)."""
        x = sampled(volume, deformation).flatten(1, 2)
        return self.fourth(self.third(x)) * occlusion

    def picture(self, features: Tensor) -> Tensor:
        """Pictures (B, 3, 4 H, 4 W) in 0..1 of warped features."""
        raise NotImplementedError

    def forward(self, portraits: Tensor, driving: Tensor, source: Tensor) -> Tensor:
        """Everything for each frame, as the published demo does it: portraits and keypoints (B, K, 3) to pictures."""
        volume = self.volume(portraits)
        motion = self.dense_motion_network
        warp = motion(motion.squeezed(volume), driving, source)
        return self.picture(self.warped(volume, warp.deformation, warp.occlusion))


class SpadeGenerator(GeneratorNetwork):
    """The variant with the SPADE decoder."""

    first_kernel = 3

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.decoder = SpadeDecoder(sizes)

    def picture(self, features: Tensor) -> Tensor:
        return self.decoder(features)


class OriginalGenerator(GeneratorNetwork):
    """The variant with residual blocks and two doublings."""

    first_kernel = 7

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.resblocks_2d = nn.ModuleDict({f"2dr{i}": Residual(2, sizes.narrow) for i in range(sizes.residual_blocks)})
        self.up_blocks = nn.ModuleList((Up(2, sizes.narrow, sizes.base * 2), Up(2, sizes.base * 2, sizes.base)))
        self.final = convolution(2, sizes.base, 3, 7)

    def picture(self, features: Tensor) -> Tensor:
        x = features
        for block in (*self.resblocks_2d.values(), *self.up_blocks):
            x = block(x)
        return torch.sigmoid(self.final(x).float())


VARIANTS: dict[Variant, type[GeneratorNetwork]] = {"spade": SpadeGenerator, "original": OriginalGenerator}


def variant_of(state: Mapping[str, Tensor], *, where: str) -> Variant:
    """Which variant a state dict of the generator network belongs to, told by its tensors' names.

    Raises GeneratorError, opened by `where`, if it is neither.
    """
    if "decoder.fc.weight" in state:
        return "spade"
    if "final.weight" in state and "up_blocks.0.conv.weight" in state:
        return "original"
    raise GeneratorError(
        f"{where}: neither a SPADE generator (decoder.fc.weight) nor an original one (final.weight and "
        "up_blocks.0.conv.weight); give a face-vid2vid checkpoint whose 'generator' holds one of them"
    )
