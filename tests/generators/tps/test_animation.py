"""Relative motion and hull areas by hand-computed cases."""

from __future__ import annotations

import pytest
import torch

from generators.errors import GeneratorError
from generators.tps.animation import hull_area, relative


def rectangle(width: float, height: float, x: float = 0.0) -> torch.Tensor:
    corners = torch.tensor([[0, 0], [width, 0], [width, height], [0, height]]) + torch.tensor([x, 0.0])
    inside = corners.mean(dim=0) + 0.01 * torch.arange(6).reshape(3, 2)
    return torch.cat((corners, inside))


def test_the_hull_of_a_rectangle_has_its_area_whatever_lies_inside():
    assert hull_area(rectangle(2, 3)) == pytest.approx(6)


def test_points_on_a_line_are_refused_with_the_remedy():
    line = torch.arange(10, dtype=torch.float32)[:, None].expand(10, 2)
    with pytest.raises(GeneratorError, match=r"on a line.*absolute"):
        hull_area(line)


def test_motion_is_scaled_by_the_root_of_the_areas_ratio():
    source, reference = rectangle(4, 4, x=0.5), rectangle(1, 1)
    driving = torch.stack((reference, reference + torch.tensor([0.1, -0.2])))
    moved = relative(source, driving, reference)
    torch.testing.assert_close(moved[0], source)
    torch.testing.assert_close(moved[1], source + torch.tensor([0.4, -0.8]))
