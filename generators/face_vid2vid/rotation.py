"""From head pose to keypoints: angles from bins, the rotation matrix, and the keypoints of a posed face.

Legend: B batch, K keypoints; angles in degrees.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Convention = Literal["current", "beta"]
CONVENTIONS: tuple[Convention, ...] = ("current", "beta")

# The published training divided by 180 and multiplied by 3.14, not by pi; its weights expect that.
PUBLISHED_PI = 3.14


def degrees(logits: Tensor) -> Tensor:
    """Angle (B,) expected under the softmax of bin logits (B, bins), bins 3 degrees apart, the first at -99."""
    share = functional.softmax(logits.float(), dim=1)
    return 3.0 * (share * torch.arange(logits.shape[1], device=logits.device)).sum(1) - 99.0


def rotation_matrix(yaw: Tensor, pitch: Tensor, roll: Tensor, convention: Convention = "current") -> Tensor:
    """(B, 3, 3) rotation of angles (B,) in degrees.

    "current": about x by pitch, times about y by yaw, times about z by roll. "beta" (the first published weights):
    about x by roll, times about y by pitch, times about z by yaw.
    """
    about_x, about_y, about_z = (pitch, yaw, roll) if convention == "current" else (roll, pitch, yaw)
    x, y, z = (angle.float() / 180.0 * PUBLISHED_PI for angle in (about_x, about_y, about_z))
    zeros, ones = torch.zeros_like(x), torch.ones_like(x)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=-1).view(-1, 3, 3)

    turn_x = matrix(ones, zeros, zeros, zeros, x.cos(), -x.sin(), zeros, x.sin(), x.cos())
    turn_y = matrix(y.cos(), zeros, y.sin(), zeros, ones, zeros, -y.sin(), zeros, y.cos())
    turn_z = matrix(z.cos(), -z.sin(), zeros, z.sin(), z.cos(), zeros, zeros, zeros, ones)
    return turn_x @ turn_y @ turn_z


def posed(canonical: Tensor, rotation: Tensor, translation: Tensor, expression: Tensor) -> Tensor:
    """Keypoints (B, K, 3) of a face: R c + t + e, with canonical (B or 1, K, 3), R (B, 3, 3), t (B, 3), e (B, 3 K).

    Wang, Mallya and Liu 2021, eq. 1.
    """
    keypoints = canonical.shape[1]
    return canonical @ rotation.transpose(1, 2) + translation[:, None, :] + expression.view(-1, keypoints, 3)
