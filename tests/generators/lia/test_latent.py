"""Motion codes: absolute, relative, manipulated."""

import numpy as np
import pytest

from generators.errors import GeneratorError
from generators.lia import latent

CODES = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
OWN = np.array([1.0, -2.0, 0.5, 3.0], dtype=np.float32)


def test_absolute_motion_is_the_drivers():
    np.testing.assert_array_equal(latent.absolute(CODES), CODES)


@pytest.mark.parametrize("reference", [0, 3])
def test_relative_motion_shows_the_portraits_own_motion_at_the_reference_frame(reference):
    codes = latent.relative(CODES, reference, OWN)
    np.testing.assert_allclose(codes[reference], OWN, atol=1e-6)
    np.testing.assert_allclose(codes[4] - codes[1], CODES[4] - CODES[1], atol=1e-6)


def test_manipulation_adds_a_one_hot_delta_to_the_portraits_own_motion():
    codes = latent.manipulated(OWN, {2: -1.5}, frames=3)
    np.testing.assert_array_equal(codes, np.tile([1.0, -2.0, -1.0, 3.0], (3, 1)))
    assert OWN[2] == 0.5


def test_manipulation_takes_a_value_for_each_frame_and_the_text_keys_of_json():
    codes = latent.manipulated(OWN, {"0": [0.0, 1.0, 2.0], "3": 1.0}, frames=3)
    np.testing.assert_array_equal(codes[:, 0], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(codes[:, 3], [4.0, 4.0, 4.0])


def test_the_sweep_is_the_published_one():
    assert len(latent.SWEEP) == 16
    assert latent.SWEEP[0] == -3.0
    assert latent.SWEEP[4] == -1.5
    assert latent.SWEEP[15] == 2.625


@pytest.mark.parametrize("deltas", [{4: 1.0}, {-1: 1.0}, {"x": 1.0}, {True: 1.0}, {1.0: 2.0}])
def test_a_dimension_that_is_not_there_is_refused_with_the_range(deltas):
    with pytest.raises(GeneratorError, match=r"is no dimension; there are 0\.\.3"):
        latent.manipulated(OWN, deltas, frames=2)


@pytest.mark.parametrize("delta", [float("nan"), float("inf"), "much", None, [1.0, 2.0, 3.0], [[1.0], [2.0]]])
def test_a_delta_that_is_no_number_or_one_a_frame_is_refused(delta):
    with pytest.raises(GeneratorError, match="dimension 1: expected a finite number or 2 of them"):
        latent.manipulated(OWN, {1: delta}, frames=2)


def test_manipulation_needs_a_mapping():
    with pytest.raises(GeneratorError, match=r"\{dimension: delta\}"):
        latent.manipulated(OWN, [5, 1.0], frames=2)
