"""The keypoint detector and the AVD network as they are run: batch norms folded away (`generators.folding`)."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from generators.folding import absorb
from generators.tps.animation import AvdNetwork
from generators.tps.keypoints import KeypointDetector


def folded_detector(detector: KeypointDetector) -> KeypointDetector:
    """A detector that gives the same keypoints without batch norms; the given one is left as it is."""
    out = copy.deepcopy(detector).eval()
    encoder: Any = out.fg_encoder
    absorb(encoder.conv1, encoder.bn1)
    encoder.bn1 = nn.Identity()
    for layer in (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4):
        for block in layer:
            absorb(block.conv1, block.bn1)
            absorb(block.conv2, block.bn2)
            block.bn1 = block.bn2 = nn.Identity()
            if block.downsample is not None:
                absorb(*block.downsample)
                block.downsample = block.downsample[0]
    encoder.to(memory_format=torch.channels_last)
    return out


def folded_avd(network: AvdNetwork) -> AvdNetwork:
    """An AVD network that gives the same keypoints without batch norms; the given one is left as it is."""
    out = copy.deepcopy(network).eval()
    for name in ("id_encoder", "pose_encoder", "decoder"):
        layers: list[Any] = []
        for layer in getattr(out, name):
            if isinstance(layer, nn.BatchNorm1d):
                absorb(layers[-1], layer)
            else:
                layers.append(layer)
        setattr(out, name, nn.Sequential(*layers))
    return out
