"""Attackers read labels from rounded answers, and nothing from the answers of a sealed set."""

import numpy as np
import pytest

from benchmark.metrics import roc
from examples.studies.label_attacks import ATTACKS, HiddenSet, random_signs
from examples.studies.label_recovery import (
    Method,
    SealedAnswers,
    exact_answers,
    gains_from_a_method,
    gains_from_nothing,
    measure,
    rounded_answers,
    sealed_below,
)

MOST_GAIN = 0.02  # of any attack on a sealed set, from 1,000 answers
SMALL = {"targets": 6, "selves": 5, "crosses": 7}


def auc_by_the_benchmark(hidden_set: HiddenSet, codes: np.ndarray) -> float:
    """The mean AUC over targets, from every pair's score."""
    values = []
    for row, is_self in zip(codes, hidden_set.labels, strict=True):
        own, other = row[is_self], row[~is_self]
        genuine = [-abs(own[a] - own[b]) for a in range(len(own)) for b in range(a)]
        impostor = [-abs(first - second) for first in own for second in other]
        values.append(roc.auc(np.array(genuine), np.array(impostor)))
    return float(np.mean(values))


def test_the_aucs_of_codes_are_the_benchmarks() -> None:
    hidden_set, rng = HiddenSet(**SMALL, seed=1), np.random.default_rng(1)
    signs = random_signs(hidden_set, 3, rng)
    expected = [auc_by_the_benchmark(hidden_set, codes) for codes in signs]
    assert hidden_set.auc_of_signs(signs) == pytest.approx(expected, abs=1e-6)
    assert [hidden_set.auc(codes) for codes in signs] == pytest.approx(expected, abs=1e-12)
    numbers = rng.normal(size=hidden_set.shape)
    assert hidden_set.auc(numbers) == pytest.approx(auc_by_the_benchmark(hidden_set, numbers), abs=1e-12)
    assert hidden_set.auc(hidden_set.labels.astype(float)) == 1.0


def test_a_method_has_the_auc_that_it_is_to_have() -> None:
    method = Method(HiddenSet(targets=200), 0.85, np.random.default_rng(0))
    assert method.auc(np.zeros(HiddenSet(targets=200).shape)) == pytest.approx(0.85, abs=0.01)


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_reads_labels_from_exact_answers(attack: str) -> None:
    gains = gains_from_nothing(lambda _: exact_answers(), attack, 600, repetitions=2, targets=8, selves=6, crosses=8)
    assert min(gains) > 0.1


def test_rounded_answers_tell_the_labels_to_a_thousand_submissions() -> None:
    assert min(gains_from_nothing(lambda _: rounded_answers(), "spectral", 1000, repetitions=2)) > 0.15


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_sealed_set_tells_a_thousand_submissions_nothing(attack: str) -> None:
    boards: list[SealedAnswers] = []

    def make_answer(hidden_set: HiddenSet) -> SealedAnswers:
        boards.append(SealedAnswers(hidden_set))
        return boards[-1]

    gains = gains_from_nothing(make_answer, attack, 1000, repetitions=5)
    assert max(gains) <= MOST_GAIN
    assert [board.count for board in boards] == [0] * 5


def test_a_small_sealed_set_tells_nothing_either() -> None:
    """With the usual step of 0.05 random codes would be answered: the step follows from the number of trials."""
    assert SealedAnswers(HiddenSet(**SMALL)).step > 0.1
    gains = [gain for attack in ATTACKS for gain in gains_from_nothing(SealedAnswers, attack, 1000, 5, **SMALL)]
    assert max(gains) <= MOST_GAIN


@pytest.mark.parametrize("distance", [0.01, 0.015])
def test_a_method_near_its_next_answer_gains_little(distance: float) -> None:
    """500 answers, two repetitions."""
    assert max(gains_from_a_method(sealed_below(distance), 0.59, 500, 0.8, repetitions=2)) <= MOST_GAIN


@pytest.mark.soak
def test_every_attack_of_the_study_gains_little_on_a_sealed_set() -> None:
    """The whole table of docs/leaderboard_security.md, about ten minutes."""
    rows = list(measure())
    assert max(row.most for row in rows if row.answers == "sealed") <= MOST_GAIN
    assert max(row.most for row in rows if row.answers == "rounded") > 0.2
