"""The splines against numpy's solver and scipy's interpolator, the grids against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator

from generators.tps import thin_plate


@pytest.fixture
def points() -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(5)
    return tuple(torch.from_numpy(random.uniform(-0.9, 0.9, (4, 5, 2)).astype(np.float32)) for _ in range(2))


def test_parameters_solve_the_regularised_system(points):
    driving, source = points
    result = (thin_plate.inverse(driving) @ source).numpy()
    for p, q, parameters in zip(driving.double().numpy(), source.double().numpy(), result, strict=True):
        system = np.zeros((8, 8))
        for i in range(5):
            for j in range(5):
                squared = ((p[i] - p[j]) ** 2).sum()
                system[i, j] = squared * np.log(squared + 1e-9)
            system[i, 5:] = system[5:, i] = [p[i, 0], p[i, 1], 1.0]
        truth = np.linalg.solve(system + 0.01 * np.eye(8), np.concatenate((q, np.zeros((3, 2)))))
        np.testing.assert_allclose(parameters, truth, rtol=1e-4, atol=1e-5)


def test_without_the_ridge_the_spline_is_scipys(points, monkeypatch):
    monkeypatch.setattr(thin_plate, "RIDGE", 0.0)
    driving, source = points
    at = thin_plate.grid(7, 9, like=driving)
    ours = thin_plate.evaluate(driving, thin_plate.inverse(driving) @ source, at)
    for p, q, values in zip(driving.numpy(), source.numpy(), ours.numpy(), strict=True):
        truth = RBFInterpolator(p, q, kernel="thin_plate_spline", degree=1)(at.reshape(-1, 2).numpy())
        np.testing.assert_allclose(values.reshape(-1, 2), truth, atol=2e-4)


def test_equal_points_make_nearly_the_identity(points):
    driving, _ = points
    at = thin_plate.grid(5, 5, like=driving)
    values = thin_plate.evaluate(driving, thin_plate.inverse(driving) @ driving, at)
    assert (values - at).abs().max() < 0.2  # the ridge pulls on the affine part too
    assert values.shape == (4, 5, 5, 2)


def test_the_grid_is_corner_aligned_with_x_first():
    grid = thin_plate.grid(3, 5, like=torch.zeros(1))
    assert grid.shape == (3, 5, 2)
    assert grid[0, 0].tolist() == [-1, -1]
    assert grid[0, 4].tolist() == [1, -1]
    assert grid[2, 0].tolist() == [-1, 1]
    assert grid[1, 1].tolist() == [-0.5, 0]


def test_heatmaps_are_gaussians_around_the_points():
    at = thin_plate.grid(21, 31, like=torch.zeros(1))
    points = torch.tensor([[0.25, -0.5], [-0.8, 0.1]])
    truth = torch.exp(-0.5 * (at - points[:, None, None]).square().sum(-1) / 0.01)
    torch.testing.assert_close(thin_plate.heatmaps(points, at), truth, rtol=1e-4, atol=1e-6)
