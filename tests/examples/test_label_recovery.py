"""What repeated submissions can gain on hidden labels: little by coarse answers, much by full ones."""

import numpy as np
import pytest

from benchmark.metrics import roc
from examples.studies.label_recovery import FEEDBACKS, Game, coarse_feedback, directions, measure, walk

SMALL = Game(targets=10, genuine=10, impostor=40)


def test_the_games_areas_are_the_benchmarks() -> None:
    scores = SMALL.first(np.random.default_rng(1))
    found = [roc.auc(row[: SMALL.genuine], row[SMALL.genuine :]) for row in scores]
    assert SMALL.areas(scores) == pytest.approx(found, abs=1e-12)


def test_a_hidden_set_tells_one_rounded_number() -> None:
    assert coarse_feedback(np.array([0.8, 0.9123])).tolist() == [0.86]


@pytest.mark.parametrize("attack", [walk, directions])
def test_full_answers_can_be_climbed(attack) -> None:
    assert attack(SMALL, FEEDBACKS["full"], 200, 0.35, seed=1) > 0.05


def test_coarse_answers_give_away_less_than_full_ones() -> None:
    gains = {one.feedback: one.gain for one in measure(SMALL, counts=(100,), repetitions=2)}
    assert gains["coarse"] < 0.5 * gains["full"]
