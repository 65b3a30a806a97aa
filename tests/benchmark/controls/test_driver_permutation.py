"""Exchanged figures equal plain loops, and their mean over all permutations is one half whatever the scores."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest

from benchmark.controls.driver_permutation import PermutableScores
from benchmark.protocols.schema import TrialRule, Trials
from benchmark.trial_scores.scores import TargetScores
from benchmark.trials.trials import make_trials
from tests.benchmark.cohorts import cohort


def scored(rule: TrialRule, videos: pd.DataFrame, seed: int = 0) -> list[TargetScores]:
    """Scores that know drivers well, with ties."""
    rng = np.random.default_rng(seed)
    driver = videos["driver"].to_numpy()
    result = []
    for target_trials in make_trials(videos, "g", Trials(rule=rule)):
        lists = []
        for pairs in (target_trials.genuine, target_trials.impostor):
            same = driver[pairs[:, 0]] == driver[pairs[:, 1]]
            lists.append(np.round(rng.normal(0, 1, len(pairs)) + 2 * same + (pairs[:, 1] % 3), 1))
        result.append(TargetScores(target_trials, *lists))
    return result


def beats(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b)))


def test_figures_equal_plain_loops_over_cells() -> None:
    videos = cohort("nothing", people=4, clips=3).videos
    some = scored(TrialRule.SELF_SELF_VS_SELF_CROSS, videos)
    table = PermutableScores.of(some, videos)
    names = sorted(videos["driver"].unique())
    cells: dict[tuple[str, str], list[float]] = {}
    driver = videos["driver"].to_numpy()
    for item in some:
        for pairs, scores in ((item.trials.genuine, item.genuine), (item.trials.impostor, item.impostor)):
            for (_, probe), score in zip(pairs, scores, strict=True):
                cells.setdefault((item.trials.target, driver[probe]), []).append(score)
    arrays = {key: np.array(values) for key, values in cells.items()}
    for image in ([0, 1, 2, 3], [2, 0, 3, 1], [1, 0, 2, 3]):
        chosen = {name: names[image[n]] for n, name in enumerate(names)}
        rows = [
            np.mean([beats(arrays[k, chosen[k]], arrays[k, other]) for other in names if other != chosen[k]])
            for k in names
        ]
        genuine = [(k, chosen[k]) for k in names]
        pot = [beats(arrays[g], arrays[h]) for g, h in product(genuine, arrays) if h not in genuine]
        assert table.figures(np.array(image)) == pytest.approx((np.mean(rows), np.mean(pot)))


@pytest.mark.parametrize("rule", [TrialRule.SELF_SELF_VS_SELF_CROSS, TrialRule.CROSS_CROSS, TrialRule.SAME_DRIVER])
def test_the_mean_over_all_permutations_is_one_half_however_well_drivers_are_known(rule: TrialRule) -> None:
    videos = cohort("nothing", people=4, clips=3).videos
    table = PermutableScores.of(scored(rule, videos), videos)
    null = np.array([table.figures(np.array(image)) for image in permutations(range(4))])
    assert null.mean(axis=0) == pytest.approx([0.5, 0.5], abs=1e-12)
    observed = table.figures(np.arange(4))
    assert min(observed) > 0.8
    assert observed == pytest.approx(tuple(null.max(axis=0)))


def test_it_stays_one_half_with_missing_cells_and_two_collections() -> None:
    two = cohort("nothing", people=3, clips=3).videos, cohort("nothing", people=4, clips=2, split="other").videos
    videos = pd.concat(two, ignore_index=True)
    gone = (videos["target"] == "other:1") & (videos["driver"] == "other:2")
    videos = videos[~gone].reset_index(drop=True)
    table = PermutableScores.of(scored(TrialRule.SELF_SELF_VS_SELF_CROSS, videos), videos)
    names = sorted(videos["driver"].unique())
    first, second = ([n for n, name in enumerate(names) if name.startswith(kind)] for kind in ("other", "test"))
    null = []
    for a, b in product(permutations(first), permutations(second)):
        image = np.arange(len(names))
        image[first], image[second] = a, b
        null.append(table.figures(image))
    assert np.mean(null, axis=0) == pytest.approx([0.5, 0.5], abs=1e-12)


def test_people_are_exchanged_within_their_collection_alone_and_by_the_seed() -> None:
    videos = cohort("nothing", people=4, clips=3).videos
    table = PermutableScores.of(scored(TrialRule.SELF_SELF_VS_SELF_CROSS, videos), videos)
    assert (table.permuted_figures(30, 1) == table.permuted_figures(30, 1)).all()
    assert (table.permuted_figures(30, 1) != table.permuted_figures(30, 2)).any()
    alone = videos.assign(source=videos["target"])  # every face a collection of its own: its owner can only stay
    lonely = PermutableScores.of(scored(TrialRule.SELF_SELF_VS_SELF_CROSS, alone), alone)
    assert len(lonely.person_of_row) == 4
