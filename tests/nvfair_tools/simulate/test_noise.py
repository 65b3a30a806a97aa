import numpy as np
import pytest

from nvfair_tools.simulate.calibration.noise_measurement import fit_noise, remove_response
from nvfair_tools.simulate.noise import TrackingNoise, tracking_noise


@pytest.fixture
def known():
    random = np.random.default_rng(0)
    modes = (
        np.linalg.qr(random.standard_normal((40, 3)))[0].T.reshape(3, 20, 2) * np.array([0.3, 0.2, 0.1])[:, None, None]
    )
    return TrackingNoise(modes.astype(np.float32), 0.6, np.full(20, 0.002, np.float32))


def test_noise_has_the_covariance_and_the_memory_of_its_model(known):
    drawn = known.draw(np.random.default_rng(1), 3000).astype(np.float64)
    flat = drawn.reshape(len(drawn), -1)
    modes = known.modes.reshape(3, -1).astype(np.float64)
    expected = modes.T @ modes + 0.002**2 * np.eye(40)
    assert np.abs(flat.T @ flat / len(flat) - expected).max() < 0.15 * expected.max()
    course = flat @ modes[0]
    assert np.corrcoef(course[1:], course[:-1])[0, 1] == pytest.approx(0.6, abs=0.06)


def test_noise_scales_with_the_face_and_begins_at_full_strength(known):
    random = np.random.default_rng
    np.testing.assert_allclose(known.draw(random(1), 50, 70.0), 70.0 * known.draw(random(1), 50), rtol=1e-4)
    starts = np.array([known.draw(random(n), 30)[0] for n in range(800)])
    ends = np.array([known.draw(random(n), 30)[-1] for n in range(800)])
    assert starts.std() == pytest.approx(ends.std(), rel=0.1)


def test_fitting_finds_the_parameters_that_made_the_noise(known):
    clips = [known.draw(np.random.default_rng(n), 400) for n in range(10)]
    parameters = fit_noise(clips, modes=3)
    assert parameters["memory"] == pytest.approx(0.6, abs=0.04)
    np.testing.assert_allclose(parameters["white"], 0.002, rtol=0.2)
    strengths = np.sqrt(np.square(parameters["modes"].astype(float)).sum(axis=(1, 2)))
    np.testing.assert_allclose(strengths, [0.3, 0.2, 0.1], rtol=0.1)


def test_what_answers_to_the_motion_is_not_noise():
    random = np.random.default_rng(2)
    states = random.standard_normal((300, 19))
    noise = 0.01 * random.standard_normal((300, 5, 2))
    response = (states @ random.standard_normal((19, 10))).reshape(300, 5, 2)
    remainder = remove_response(response + noise + 3.0, states)
    assert remainder.std() == pytest.approx(0.01, rel=0.05)
    assert remove_response(response, states).std() < 1e-6


def test_the_measured_noise_is_small_spatially_correlated_and_selects_points():
    whole = tracking_noise()
    drawn = np.concatenate([whole.draw(np.random.default_rng(n), 300) for n in range(20)])
    assert 0.002 < drawn.std() < 0.01  # eye distances
    near = np.corrcoef(drawn[:, 61, 1], drawn[:, 76, 1])[0, 1]
    far = np.corrcoef(drawn[:, 61, 1], drawn[:, 386, 1])[0, 1]
    assert near > 0.6
    assert near > abs(far) + 0.2
    selected = tracking_noise([33, 263])
    np.testing.assert_array_equal(selected.modes, whole.modes[:, [33, 263]])
