"""Places are shared where the paired interval of a difference spans zero, and only there."""

import numpy as np
import pytest
from scipy import stats

from leaderboard.ranking.shared_ranks import paired_difference, shared_ranks, significantly_better

PEOPLE = [f"toy:{n:02d}" for n in range(20)]


def field(methods: int, people: int = 20, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.06, people)
    return np.clip(rng.normal(0.75, 0.04, (methods, 1)) + hard + rng.normal(0, 0.04, (methods, people)), 0, 1)


def test_the_interval_is_students_over_the_differences_of_people() -> None:
    first, second = field(2)
    found = paired_difference(first, second)
    outside = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((outside.low, outside.high), abs=1e-12)


def test_the_interval_is_that_of_resampling_people_with_its_small_sample_factor() -> None:
    first, second = field(2, seed=3)
    rng = np.random.default_rng(7)
    drawn = rng.integers(0, 20, (40_000, 20))
    error = (first - second)[drawn].mean(axis=1).std() * (20 / 19) ** 0.5
    found = paired_difference(first, second)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 19) * error, rel=0.02)


def test_a_place_counts_those_who_are_better_by_an_outside_t_test() -> None:
    areas = field(40)
    found = shared_ranks([f"m{n}" for n in range(40)], PEOPLE, areas)

    def better(one: int, other: int) -> bool:
        return stats.ttest_rel(areas[one], areas[other]).confidence_interval(0.95).low > 0

    first = [1 + sum(better(other, one) for other in range(40)) for one in range(40)]
    last = [40 - sum(better(one, other) for other in range(40)) for one in range(40)]
    assert [found.places()[f"m{n}"] for n in range(40)] == list(zip(first, last, strict=True))
    assert len(set(first)) > 5  # the field is one in which some are told apart


def test_equal_methods_share_their_place() -> None:
    areas = field(3)
    areas[1] = areas[0]
    places = shared_ranks(["a", "b", "c"], PEOPLE, areas).places()
    assert places["a"] == places["b"]


def test_with_five_people_nobody_is_better_than_anybody() -> None:
    areas = np.array([[0.9] * 5, [0.1] * 5])
    assert set(shared_ranks(["a", "b"], PEOPLE[:5], areas).places().values()) == {(1, 2)}
    assert paired_difference(areas[0], areas[1]).low is None
    assert not significantly_better(areas, areas[1]).any()


def test_a_difference_must_clear_the_margin_where_figures_are_told_in_steps() -> None:
    areas = np.stack([np.full(20, 0.805), np.full(20, 0.800)]) + np.linspace(0, 0.1, 20)
    assert shared_ranks(["a", "b"], PEOPLE, areas).places() == {"a": (1, 1), "b": (2, 2)}
    assert set(shared_ranks(["a", "b"], PEOPLE, areas, margin=0.01).places().values()) == {(1, 2)}


@pytest.mark.parametrize("seed", range(5))
def test_going_on_from_an_earlier_ladder_gives_what_counting_anew_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    areas, keys = field(120, seed=seed), [f"m{n}" for n in range(120)]
    before = shared_ranks(keys, PEOPLE, areas)
    kept = np.sort(rng.choice(120, 118, replace=False))
    later, names = areas[kept].copy(), [keys[n] for n in kept]
    later[3] += 0.05
    later, names = np.concatenate([later, field(1, seed=seed + 50)]), [*names, "new"]
    order = rng.permutation(len(names))
    later, names = later[order], [names[n] for n in order]
    after = shared_ranks(names, PEOPLE, later, earlier=before)
    assert after.places() == shared_ranks(names, PEOPLE, later).places()


def test_nobody_at_all_is_a_ladder() -> None:
    assert shared_ranks([], PEOPLE, np.empty((0, 20))).places() == {}
