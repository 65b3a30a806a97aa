"""Angles, rotation matrices and keypoints against formulas written another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from generators.face_vid2vid.rotation import Convention, degrees, posed, rotation_matrix

YAW, PITCH, ROLL = (torch.tensor(values) for values in ([20.0, -70.0, 5.5], [-10.0, 30.0, 0.0], [5.0, 80.0, -33.0]))


@pytest.mark.parametrize(
    ("convention", "order"), [("current", (PITCH, YAW, ROLL)), ("beta", (ROLL, PITCH, YAW))], ids=["current", "beta"]
)
def test_a_rotation_is_about_x_then_y_then_z_of_the_turned_axes(
    convention: Convention, order: tuple[torch.Tensor, ...]
) -> None:
    radians = np.stack([angle.numpy() for angle in order], axis=1).astype(float) / 180 * 3.14

    matrices = rotation_matrix(YAW, PITCH, ROLL, convention)

    np.testing.assert_allclose(matrices, Rotation.from_euler("XYZ", radians).as_matrix(), atol=1e-6)


def test_half_a_turn_is_3_14_radians_as_the_weights_were_trained() -> None:
    turned = rotation_matrix(torch.tensor([180.0]), torch.zeros(1), torch.zeros(1))

    assert float(turned[0, 0, 2]) == pytest.approx(np.sin(3.14), abs=1e-6)


@pytest.mark.parametrize("index", [0, 33, 65])
def test_a_certain_bin_is_its_angle(index: int) -> None:
    logits = torch.zeros(1, 66)
    logits[0, index] = 1e4

    assert degrees(logits).tolist() == [3.0 * index - 99.0]


def test_equally_likely_bins_mean_their_mean() -> None:
    assert float(degrees(torch.zeros(1, 66))) == pytest.approx(3 * 32.5 - 99, abs=1e-4)


def test_keypoints_are_turned_as_columns_then_moved() -> None:
    random = np.random.default_rng(3)
    canonical, move, expression = random.normal(size=(15, 3)), random.normal(size=3), random.normal(size=45)
    matrix = Rotation.from_rotvec([0.3, -0.4, 0.5]).as_matrix()

    points = posed(
        torch.tensor(canonical)[None],
        torch.tensor(matrix)[None],
        torch.tensor(move)[None],
        torch.tensor(expression)[None],
    )

    expected = [matrix @ point + move + expression[3 * k : 3 * k + 3] for k, point in enumerate(canonical)]
    np.testing.assert_allclose(points[0], expected, atol=1e-12)
