"""From the driver's keypoints to the ones the target should show: absolute, relative, or by the AVD network.

AVD ("animation via disentanglement") is a small network that keeps the target's shape and takes the driver's pose.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from generators.errors import GeneratorError
from generators.tps.keypoints import KEYPOINTS


class AvdNetwork(nn.Module):
    """Keypoints (B, 50, 2) of source and driving frame -> keypoints (B, 50, 2) with the source's shape."""

    SHAPE = POSE = 128

    def __init__(self) -> None:
        super().__init__()
        self.id_encoder = _perceptron(2 * KEYPOINTS, 256, 512, 1024, self.SHAPE)
        self.pose_encoder = _perceptron(2 * KEYPOINTS, 256, 512, 1024, self.POSE)
        self.decoder = _perceptron(self.POSE + self.SHAPE, 1024, 512, 256, 2 * KEYPOINTS)

    def forward(self, source: Tensor, driving: Tensor) -> Tensor:
        shape = self.id_encoder(source.flatten(1)).expand(driving.shape[0], -1)
        pose = self.pose_encoder(driving.flatten(1))
        return self.decoder(torch.cat((pose, shape), dim=1)).view(-1, KEYPOINTS, 2)


def relative(source: Tensor, driving: Tensor, reference: Tensor, scale: float | None = None) -> Tensor:
    """The source's keypoints moved as the driver's moved since its reference frame, in the source's scale.

    source, reference: (50, 2). driving: (T, 50, 2). scale: `relative_scale` of copies of both on the CPU, where there
    are such; a GPU's own would have the host wait for them.
    """
    scale = relative_scale(source, reference) if scale is None else scale
    return (driving - reference) * scale + source


def relative_scale(source: Tensor, reference: Tensor) -> float:
    """How much larger the source's face is than the driver's in its reference frame; keypoints (50, 2) each.

    The square root of the ratio of the convex hulls' areas. Raises GeneratorError where keypoints lie on a line.
    """
    return float(np.sqrt(hull_area(source)) / np.sqrt(hull_area(reference)))


def hull_area(points: Tensor) -> float:
    """Area of the convex hull of (N, 2) points. Raises GeneratorError for points on a line."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return float(ConvexHull(points.detach().cpu().double().numpy()).volume)  # in the plane `volume` is the area
    except (QhullError, ValueError) as error:
        raise GeneratorError(
            "tps: the keypoints found in a picture lie on a line, so relative motion has no scale; "
            "use MotionMode(kind='absolute') or another portrait or reference frame"
        ) from error


def _perceptron(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-2])
