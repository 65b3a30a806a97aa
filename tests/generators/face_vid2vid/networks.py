"""face-vid2vid networks small enough for quick tests, with seeded weights that keep every layer alive."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.checkpoint import Checkpoint
from generators.face_vid2vid.appearance import VARIANTS, Variant
from generators.face_vid2vid.blocks import SpectralConv2d
from generators.face_vid2vid.head_pose import HeadPoseEstimator
from generators.face_vid2vid.keypoints import KeypointDetector
from generators.face_vid2vid.sizes import Sizes

SMALL = Sizes(
    image=128,
    keypoints=6,
    base=8,
    wide=64,
    volume_channels=16,
    depth=4,
    residual_blocks=2,
    hidden=12,
    motion_base=4,
    motion_max=48,
    detector_base=4,
    detector_max=64,
    pose=8,
)


def seeded(network: nn.Module, seed: int) -> nn.Module:
    """`network` in evaluation mode with norms, running statistics and singular vectors far from their defaults."""
    source, directions = (torch.Generator().manual_seed(number) for number in (seed, seed + 1000))

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=source, dtype=like.dtype)

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.Conv3d, nn.Linear)):
                module.weight.copy_(noise(module.weight) * (1.4 / module.weight[0].numel() ** 0.5))
                if module.bias is not None:
                    module.bias.copy_(0.1 * noise(module.bias))
            elif isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.weight.copy_(1 + 0.2 * noise(module.weight))
                module.bias.copy_(0.2 * noise(module.bias))
                module.running_mean.copy_(0.3 * noise(module.running_mean))
                module.running_var.copy_(1 + 0.5 * noise(module.running_var).abs())
            elif isinstance(module, SpectralConv2d):
                module.weight_orig.copy_(noise(module.weight_orig) * 0.3)
                if module.bias is not None:
                    module.bias.copy_(0.1 * noise(module.bias))
                matrix = module.weight_orig.flatten(1)
                module.weight_u.normal_(generator=directions)
                for _ in range(5):
                    module.weight_v.copy_(functional.normalize(matrix.T @ module.weight_u, dim=0))
                    module.weight_u.copy_(functional.normalize(matrix @ module.weight_v, dim=0))
    return network.eval().requires_grad_(False)


def small_checkpoint(variant: Variant = "spade", antialias: bool = True, seed: int = 7) -> Checkpoint:
    """A checkpoint in the published layout, with all names, of small networks."""
    networks = {
        "generator": VARIANTS[variant](SMALL),
        "kp_detector": KeypointDetector(SMALL, antialias),
        "he_estimator": HeadPoseEstimator(SMALL),
    }
    return {
        name: {key: tensor.clone() for key, tensor in seeded(network, seed + index).state_dict().items()}
        for index, (name, network) in enumerate(networks.items())
    }
