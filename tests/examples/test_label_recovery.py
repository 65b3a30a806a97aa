"""What repeated submissions can gain on hidden labels: little by coarse feedback, much by full feedback."""

import numpy as np
import pytest

from benchmark.metrics import roc
from examples.studies.label_recovery import FEEDBACKS, HiddenSet, coarse_feedback, directions, measure, walk

SMALL = HiddenSet(targets=10, genuine=10, impostor=40)


def test_the_studys_aucs_are_the_benchmarks() -> None:
    scores = SMALL.initial_scores(np.random.default_rng(1))
    expected = [roc.auc(row[: SMALL.genuine], row[SMALL.genuine :]) for row in scores]
    assert SMALL.target_aucs(scores) == pytest.approx(expected, abs=1e-12)


def test_a_hidden_set_gives_one_rounded_number() -> None:
    assert coarse_feedback(np.array([0.8, 0.9123])).tolist() == [0.86]


@pytest.mark.parametrize("attack", [walk, directions])
def test_full_feedback_can_be_climbed(attack) -> None:
    assert attack(SMALL, FEEDBACKS["full"], 200, 0.35, seed=1) > 0.05


def test_coarse_feedback_gives_away_less_than_full_feedback() -> None:
    gains = {gain.feedback: gain.gain for gain in measure(SMALL, counts=(100,), repetitions=2)}
    assert gains["coarse"] < 0.5 * gains["full"]
