"""What a calibration may say: by hand, never more than its number of people supports."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from benchmark.verification.calibration import Calibration
from benchmark.verification.enrolment import LandmarkerIdentity, MethodIdentity
from benchmark.verification.held_out_collections import HeldOutCollection, held_out_collections
from benchmark.verification.likeness import Likeness, Recording
from nvfair_tools.errors import NvfairError
from tests.benchmark.verification.made import calibration, enrolment


def test_the_lowest_rate_is_three_over_the_impostors_not_over_their_trials() -> None:
    made = calibration([0.0] * 10, list(np.linspace(-2, -1, 200)), people=10)
    assert made.impostor_people == 10
    assert made.lowest_fmr == pytest.approx(0.3)
    threshold = made.threshold()
    # 200 scores -2 ... -1 in steps of 1/199: 60 of them may lie at or above.
    assert (threshold.above, threshold.trials, threshold.impostors) == (60, 200, 10)
    assert -2 + 139 / 199 < threshold.value <= -2 + 140 / 199
    assert made.threshold(0.5).above == 100


@pytest.mark.parametrize("fmr", [0.29, 0.01, 0.0, 1.0, -0.1, float("nan")])
def test_a_rate_that_the_impostors_do_not_support_is_refused(fmr: float) -> None:
    with pytest.raises(NvfairError, match="10 impostors"):
        calibration([0.0], list(np.linspace(-2, -1, 50)), people=10).threshold(fmr)


def test_with_few_people_no_rate_and_no_ratio_says_anything() -> None:
    made = calibration([5.0, 6.0], [-5.0, -6.0], people=2)
    assert made.lowest_fmr == 1.0
    assert made.ratio_bounds == (1.0, 1.0)
    assert made.likelihood_ratio(100.0) == 1.0
    with pytest.raises(NvfairError):
        made.threshold()


def test_likelihood_ratios_are_logistic_and_bounded_by_people() -> None:
    random = np.random.default_rng(0)
    genuine, impostor = random.normal(1, 1, 3000), random.normal(-1, 1, 3000)
    made = calibration(list(genuine), list(impostor), people=30)
    assert made.ratio_bounds == pytest.approx((0.1, 10.0))
    # Two normals of variance 1 at +1 and -1: the log ratio is 2 x. scikit-learn finds the same map.
    outside = LogisticRegression(C=1e9).fit(np.concatenate([genuine, impostor])[:, None], np.repeat([1, 0], 3000))
    for score in (-0.8, 0.0, 0.5, 1.0):
        expected = float(outside.coef_[0, 0] * score + outside.intercept_[0])
        assert np.log(made.likelihood_ratio(score)) == pytest.approx(expected, abs=0.02)
        assert expected == pytest.approx(2 * score, abs=0.2)
    assert made.likelihood_ratio(50.0) == pytest.approx(10.0)
    assert made.likelihood_ratio(-50.0) == pytest.approx(0.1)


def test_each_generator_is_held_out_in_turn() -> None:
    random = np.random.default_rng(1)
    made = calibration(list(random.normal(1, 1, 400)), list(random.normal(-1, 1, 400)), people=40, generators=2)
    # Another generator shifts every score: without it the map is wrong for it, and the minimum does not change.
    shifted = made.scores + 3.0 * (made.generator == 1)
    moved = Calibration(**{**{name: getattr(made, name) for name in made.__dataclass_fields__}, "scores": shifted})
    plain, wrong = made.held_out_costs, moved.held_out_costs
    assert [cost.generator for cost in plain] == ["g0", "g1"]
    assert [(cost.genuine, cost.impostor) for cost in plain] == [(200, 200), (200, 200)]
    for before, after in zip(plain, wrong, strict=True):
        assert before.minimum - 1e-9 <= before.cllr < before.minimum + 0.1
        assert after.minimum == pytest.approx(before.minimum, abs=1e-9)
        assert after.cllr > before.cllr + 0.2
    assert calibration([1.0], [0.0], people=2).held_out_costs == ()


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    likeness = Likeness(np.zeros(8), np.ones(8), 12, 2)
    made = calibration([1.0, 0.5], [0.0, -1.0, -2.0], people=3, likeness=likeness)
    assert made.recording is None
    made = replace(made, recording=Recording((25.0, 30.0), (256, 512)))
    made.save(tmp_path / "a.calibration")
    read = Calibration.load(tmp_path / "a.calibration")
    assert read.lines() == made.lines()
    assert read.recording == made.recording
    assert read.digest == made.digest == hashlib.sha256((tmp_path / "a.calibration").read_bytes()).hexdigest()
    np.testing.assert_array_equal(read.scores, made.scores)
    assert read.likeness is not None
    assert (read.likeness.people, read.likeness.refused) == (12, 2)
    assert made.to_json()["likeness"]["high"] == [1.0] * 8
    (tmp_path / "b.calibration").write_bytes((tmp_path / "a.calibration").read_bytes()[:100])
    for name, message in (("b", "not a whole calibration"), ("c", "no such calibration")):
        with pytest.raises(NvfairError, match=message):
            Calibration.load(tmp_path / f"{name}.calibration")
    enrolment().save(tmp_path / "d.calibration")
    with pytest.raises(NvfairError, match="no calibration"):
        Calibration.load(tmp_path / "d.calibration")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": MethodIdentity("motion-signature", "runs/mine", "other")}, "another method"),
        ({"landmarker": LandmarkerIdentity("mediapipe-tasks", "1")}, "another landmarker"),
        ({"person": "other:1"}, "one of the people"),
    ],
)
def test_a_calibration_speaks_only_of_scores_that_were_made_alike(changes: dict, message: str) -> None:
    made = calibration([1.0, 0.5], [0.0, -1.0, -2.0], people=3)
    made.check_fits(enrolment())
    with pytest.raises(NvfairError, match=message):
        made.check_fits(enrolment(**changes))


def test_a_collection_left_out_shows_what_the_others_threshold_does_on_it() -> None:
    """Counted by hand: six impostors of `a` score -1 to -6, three of `b` within `b` score -4, -2 and 0."""
    people = tuple(f"a:{n}" for n in range(6)) + tuple(f"b:{n}" for n in range(3))
    scores = np.array([-1.0, -2, -3, -4, -5, -6, -4, -2, 0, 5, -9])
    genuine = np.array([False] * 9 + [True, False])
    driver = np.array([*range(6), 6, 7, 8, 0, 6])
    enrolled = np.array([1, 2, 3, 4, 5, 0, 7, 8, 6, 0, 0])  # the last trial is between collections, and counts nowhere
    (held_out,) = held_out_collections(scores, genuine, enrolled, driver, people)
    # Of a's six impostors half may pass: the threshold is -3, which -2 and 0 of b's three pass.
    assert held_out == HeldOutCollection("b", 0.5, 2 / 3, 3, 3)


def test_a_calibration_cautions_about_people_of_other_collections() -> None:
    made = calibration([0.0, 0.1], [-1.0, -1.1], people=12)
    assert made.collections == ("other",)
    assert made.held_out_collections == ()
    assert made.cautions("other:99", -0.5) == []
    assert "nobody of 'lab'" in made.cautions("lab:ann", -0.5)[0]
    assert made.cautions("other:99", -1.2) == ["its score lies below all 4 scores of the calibration"]
    assert made.cautions("other:99", 0.2) == ["its score lies above all 4 scores of the calibration"]
