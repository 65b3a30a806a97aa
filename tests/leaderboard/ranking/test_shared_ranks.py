"""Places are shared where the paired interval of a difference spans zero, and only there."""

from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from benchmark.metrics.paired_differences import PairedDifference, paired_person_difference
from leaderboard.ranking.shared_ranks import paired_difference, shared_ranks, significantly_better


def random_auc(methods: int, people: int = 20, seed: int = 0) -> np.ndarray:
    """AUCs (methods, people): some people are hard for every method."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.06, people)
    return np.clip(rng.normal(0.75, 0.04, (methods, 1)) + hard + rng.normal(0, 0.04, (methods, people)), 0, 1)


def places(auc: np.ndarray, margin: float = 0.0) -> list[tuple[int, int]]:
    """The places in the order of the rows."""
    ranks = shared_ranks([f"m{n}" for n in range(len(auc))], auc, margin=margin)
    return [ranks[f"m{n}"] for n in range(len(auc))]


def test_the_interval_is_students_over_the_differences_of_people() -> None:
    first, second = random_auc(2)
    difference = paired_difference(first, second)
    outside = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((outside.low, outside.high), abs=1e-12)


def test_the_interval_is_that_of_resampling_people_with_its_small_sample_factor() -> None:
    first, second = random_auc(2, seed=3)
    rng = np.random.default_rng(7)
    drawn = rng.integers(0, 20, (40_000, 20))
    error = (first - second)[drawn].mean(axis=1).std() * (20 / 19) ** 0.5
    difference = paired_difference(first, second)
    assert difference.high - difference.value == pytest.approx(stats.t.ppf(0.975, 19) * error, rel=0.02)


def test_a_place_counts_those_who_are_better_by_an_outside_t_test() -> None:
    auc = random_auc(40)

    def better(method: int, other: int) -> bool:
        return stats.ttest_rel(auc[method], auc[other]).confidence_interval(0.95).low > 0

    first = [1 + sum(better(other, method) for other in range(40)) for method in range(40)]
    last = [40 - sum(better(method, other) for other in range(40)) for method in range(40)]
    assert places(auc) == list(zip(first, last, strict=True))
    assert len(set(first)) > 5  # some of them are told apart


@pytest.mark.parametrize("methods", [63, 64, 65, 150])
def test_places_are_those_of_testing_every_pair_wherever_a_block_ends(methods: int) -> None:
    auc = random_auc(methods, seed=methods)
    differences = auc[None] - auc[:, None]  # column minus row, of each person
    error = differences.std(axis=2, ddof=1) / 20**0.5
    better = differences.mean(axis=2) > stats.t.ppf(0.975, 19) * error
    first, last = 1 + better.sum(axis=1), methods - better.sum(axis=0)
    assert places(auc) == list(zip(first.tolist(), last.tolist(), strict=True))


def test_equal_methods_share_their_place() -> None:
    auc = random_auc(3)
    auc[1] = auc[0]
    assert places(auc)[0] == places(auc)[1]


def test_with_five_people_nobody_is_better_than_anybody() -> None:
    auc = np.array([[0.9] * 5, [0.1] * 5])
    assert set(places(auc)) == {(1, 2)}
    assert np.isnan(paired_difference(auc[0], auc[1]).low)
    assert not significantly_better(auc, auc[1]).any()


def test_those_who_are_better_than_a_reference_are_those_whose_interval_lies_above_it() -> None:
    auc = random_auc(30)
    intervals = [paired_difference(row, auc[4]) for row in auc]
    assert significantly_better(auc, auc[4]).tolist() == [interval.low > 0 for interval in intervals]
    assert significantly_better(auc, auc[4]).any()


def test_a_difference_must_clear_the_margin_where_figures_are_rounded() -> None:
    auc = np.stack([np.full(20, 0.805), np.full(20, 0.800)]) + np.linspace(0, 0.1, 20)
    assert places(auc) == [(1, 1), (2, 2)]
    assert set(places(auc, margin=0.01)) == {(1, 2)}


def test_no_methods_have_no_places() -> None:
    assert shared_ranks([], np.empty((0, 20))) == {}


@pytest.mark.parametrize("both_roles", [True, False])
def test_places_and_references_follow_the_one_paired_interval_of_the_benchmark(both_roles: bool) -> None:
    auc, as_impostor = random_auc(30, seed=1), random_auc(30, seed=2)
    roles = as_impostor if both_roles else None

    def difference(first: int, second: int) -> PairedDifference:
        if not both_roles:
            return paired_person_difference(auc[first], auc[second], 0.95)
        return paired_person_difference(
            auc[first], auc[second], 0.95, first_as_impostor=as_impostor[first], second_as_impostor=as_impostor[second]
        )

    better = np.array([[difference(second, first).low > 0 for second in range(30)] for first in range(30)])
    ranks = shared_ranks(range(30), auc, auc_as_impostor=roles)
    assert [ranks[n][0] for n in range(30)] == (1 + better.sum(axis=1)).tolist()
    assert [ranks[n][1] for n in range(30)] == (30 - better.sum(axis=0)).tolist()
    reference = significantly_better(
        auc, auc[4], auc_as_impostor=roles, reference_as_impostor=as_impostor[4] if both_roles else None
    )
    assert reference.tolist() == better[4].tolist()
    assert 0 < better.sum() < 400
    if both_roles:
        board = paired_difference(auc[0], auc[1], as_impostor[0], as_impostor[1])
        np.testing.assert_equal(asdict(board), asdict(difference(0, 1)))  # an unknown figure, NaN, is equal to another
