"""Thin-plate splines: from pairs of control points to a dense map, and the grids and heatmaps around them.

A spline through n control points p_i (driving) with values q_i (source) is A [g; 1] + sum_i w_i U(|g - p_i|^2) with
U(r^2) = r^2 log(r^2 + 1e-9) (Zhao and Zhang, "Thin-plate spline motion model for image animation", CVPR 2022).
w and A solve L [w; A^T] = [q; 0] with L = [[U(p_i, p_j), p_i, 1], [(p, 1)^T, 0]] + 0.01 I.

Legend: B batch, K splines, n points of each, H, W grid; coordinates are x, y in -1..1, pixel i of N at 2i/(N-1) - 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 0.01
HEAT_VARIANCE = 0.01


def grid(height: int, width: int, *, like: Tensor) -> Tensor:
    """(H, W, 2) corner-aligned coordinates, x then y."""
    y = torch.linspace(-1, 1, height, dtype=like.dtype, device=like.device)
    x = torch.linspace(-1, 1, width, dtype=like.dtype, device=like.device)
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)), dim=-1)


def radial(squared: Tensor) -> Tensor:
    """U of a squared distance."""
    return squared * torch.log(squared + 1e-9)


def inverse(points: Tensor) -> Tensor:
    """Control points (..., n, 2) -> (..., n + 3, n): what turns their values into the spline's parameters.

    Only the first n columns of L's inverse are kept: the right-hand side is zero below. Solved in float64, because
    neighbouring points make L nearly singular; returned in the points' type.
    """
    p = points.double()
    n = p.shape[-2]
    squared = (p[..., :, None, :] - p[..., None, :, :]).square().sum(-1)
    edge = torch.cat((p, torch.ones_like(p[..., :1])), dim=-1)
    corner = edge.new_zeros(*edge.shape[:-2], 3, 3)
    top = torch.cat((radial(squared), edge), dim=-1)
    bottom = torch.cat((edge.transpose(-1, -2), corner), dim=-1)
    system = torch.cat((top, bottom), dim=-2)
    system = system + RIDGE * torch.eye(n + 3, dtype=system.dtype, device=system.device)
    # `inv` would have a GPU's host wait for whether it worked; the ridge keeps L from being singular.
    return torch.linalg.inv_ex(system).inverse[..., :n].to(points.dtype)


def evaluate(points: Tensor, parameters: Tensor, at: Tensor) -> Tensor:
    """The splines' values (..., H, W, 2) at `at` (H, W, 2).

    points: (..., n, 2). parameters: (..., n + 3, 2), weights first, then the affine map's columns.
    """
    height, width, _ = at.shape
    flat = at.reshape(-1, 2)
    squared = (flat[:, None, :] - points[..., None, :, :]).square().sum(-1)
    affine = torch.cat((flat, torch.ones_like(flat[:, :1])), dim=-1).expand(*squared.shape[:-1], 3)
    values = torch.cat((radial(squared), affine), dim=-1) @ parameters
    return values.view(*values.shape[:-2], height, width, 2)


def heatmaps(points: Tensor, at: Tensor) -> Tensor:
    """Gaussian maps exp(-|g - p|^2 / (2 * 0.01)), (..., n, H, W), of points (..., n, 2) on the grid `at` (H, W, 2)."""
    # The Gaussian of a sum is a product: one exponential a row and one a column.
    x, y = at[0, :, 0], at[:, 0, 1]
    across = torch.exp((x - points[..., 0:1]).square() / (-2 * HEAT_VARIANCE))
    down = torch.exp((y - points[..., 1:2]).square() / (-2 * HEAT_VARIANCE))
    return down[..., :, None] * across[..., None, :]
