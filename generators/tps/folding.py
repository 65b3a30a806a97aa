"""Batch norms folded into the layers before them: the keypoint detector and the AVD network as they are run.

In inference y = (Wx + b - mean) * gamma / sqrt(var + eps) + beta is one affine map, so the norm costs nothing.
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from generators.tps.animation import AvdNetwork
from generators.tps.keypoints import KeypointDetector

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def folded_detector(detector: KeypointDetector) -> KeypointDetector:
    """A detector that gives the same keypoints without batch norms; the given one is left as it is."""
    out = copy.deepcopy(detector).eval()
    encoder: Any = out.fg_encoder
    encoder.conv1, encoder.bn1 = _convolution(encoder.conv1, encoder.bn1), nn.Identity()
    for layer in (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4):
        for block in layer:
            block.conv1, block.bn1 = _convolution(block.conv1, block.bn1), nn.Identity()
            block.conv2, block.bn2 = _convolution(block.conv2, block.bn2), nn.Identity()
            if block.downsample is not None:
                block.downsample = _convolution(*block.downsample)
    encoder.to(memory_format=torch.channels_last)
    return out


def folded_avd(network: AvdNetwork) -> AvdNetwork:
    """An AVD network that gives the same keypoints without batch norms; the given one is left as it is."""
    out = copy.deepcopy(network).eval()
    for name in ("id_encoder", "pose_encoder", "decoder"):
        layers: list[Any] = []
        for layer in getattr(out, name):
            if isinstance(layer, nn.BatchNorm1d):
                layers[-1] = _linear(layers[-1], layer)
            else:
                layers.append(layer)
        setattr(out, name, nn.Sequential(*layers))
    return out


def _factors(norm: Any) -> tuple[Tensor, Tensor]:
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _convolution(layer: Any, norm: Any) -> nn.Conv2d:
    scale, shift = _factors(norm)
    new = nn.Conv2d(
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, device=scale.device
    )
    return _filled(new, layer.weight.double() * scale[:, None, None, None], shift)


def _linear(layer: Any, norm: Any) -> nn.Linear:
    scale, shift = _factors(norm)
    new = nn.Linear(layer.in_features, layer.out_features, device=scale.device)
    return _filled(new, layer.weight.double() * scale[:, None], layer.bias.double() * scale + shift)


def _filled(layer: Layer, weight: Tensor, bias: Tensor) -> Layer:
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return layer.requires_grad_(False)
