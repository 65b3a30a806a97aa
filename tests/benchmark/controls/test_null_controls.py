"""Null controls pass where nothing is wrong, and fail where something is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from benchmark.controls import null_controls
from benchmark.controls.null_controls import (
    CONSTANT,
    EXCHANGED,
    FACES,
    LISTS,
    RANDOM,
    holm,
    score_null_rows,
    trial_null_rows,
    with_verdicts,
)
from benchmark.controls.null_controls import null_warnings as red_notes
from benchmark.protocols.schema import Protocol, Scoring, Template, TrialRule, Trials
from benchmark.trial_scores.scores import Scorer, TargetScores, VideoEmbeddings
from benchmark.trials.trials import TargetTrials, make_trials
from nvfair_tools.errors import NvfairError
from tests.benchmark.cohorts import cohort

RULES = [TrialRule.SELF_SELF_VS_SELF_CROSS, TrialRule.CROSS_CROSS, TrialRule.SAME_DRIVER]


def protocol(rule: TrialRule = RULES[0]) -> Protocol:
    return Protocol(name="nulls", trials=Trials(rule=rule))


def perfect(videos: pd.DataFrame) -> Scorer:
    """Knows every driver."""
    number = pd.factorize(videos["driver"])[0]
    rng = np.random.default_rng(0)
    vectors = 4 * np.eye(number.max() + 1)[number] + rng.normal(0, 0.5, (len(videos), number.max() + 1))
    ids = videos["video"].to_numpy(dtype=object)
    return Scorer(VideoEmbeddings(ids, np.arange(len(ids) + 1), vectors), Scoring())


def failed(rows: Sequence[dict]) -> set[str]:
    return {row["name"] for row in with_verdicts(rows) if not row["passed"]}


@pytest.fixture(scope="module")
def videos() -> pd.DataFrame:
    return cohort("nothing", people=6, clips=4).videos


@pytest.mark.parametrize("rule", RULES)
def test_a_perfect_method_on_sound_trials_passes_every_control(rule: TrialRule, videos: pd.DataFrame) -> None:
    result = list(make_trials(videos, "g", Trials(rule=rule)))
    rows = trial_null_rows(result, videos, protocol(rule)) + score_null_rows(
        perfect(videos), result, videos, protocol(rule)
    )
    assert {row["name"] for row in rows} == {CONSTANT, RANDOM, FACES, EXCHANGED, LISTS}
    assert failed(rows) == set()
    assert all(row["expected"] == 0.5 for row in rows)
    exchanged = [row for row in rows if row["name"] == EXCHANGED]
    assert [row["figure"] for row in exchanged] == ["auc_mean", "auc_pooled"]
    for row in exchanged:
        assert row["observed"] > 0.95
        assert row["low"] < 0.5 < row["high"] < row["observed"]
        assert row["permutations"] == 200


@pytest.mark.parametrize(
    ("rule", "cell"),
    [
        (Trials(template=Template(clips=2)), "a"),
        (Trials(across_generators=True), "a>b"),
        (Trials(rule=TrialRule.DIFFERENT_FACE), "a"),
    ],
)
def test_controls_follow_templates_two_generators_and_different_faces(rule: Trials, cell: str) -> None:
    videos = cohort("nothing", people=5, clips=4, generators=("a", "b")).videos
    result = list(make_trials(videos, cell, rule))
    settings = Protocol(name="nulls", trials=rule)
    rows = trial_null_rows(result, videos, settings) + score_null_rows(perfect(videos), result, videos, settings)
    assert failed(rows) == set()
    assert min(row["observed"] for row in rows if row["name"] == EXCHANGED) > 0.95


def test_constant_scores_and_faces_are_exactly_at_one_half_within_a_face(videos: pd.DataFrame) -> None:
    result = list(make_trials(videos, "g", protocol().trials))
    rows = {(row["name"], row["figure"]): row for row in trial_null_rows(result, videos, protocol())}
    for figure in ("auc_mean", "auc_pooled"):
        assert rows[CONSTANT, figure]["value"] == 0.5
    assert rows[FACES, "auc_mean"]["value"] == 0.5


def test_a_rule_that_compares_a_clip_with_itself_is_found(videos: pd.DataFrame) -> None:
    leaky = []
    for item in make_trials(videos, "g", protocol().trials):
        own = np.unique(item.genuine)
        leaky.append(replace(item, genuine=np.concatenate([item.genuine, np.stack([own, own], axis=1)])))
    rows = with_verdicts(trial_null_rows(leaky, videos, protocol()))
    wrong = [row for row in rows if not row["passed"]]
    assert {row["name"] for row in wrong} == {RANDOM}
    assert all(row["value"] > 0.55 for row in wrong)
    notes = red_notes(rows)
    assert len(notes) == len(wrong) == 2
    assert all(note.startswith("Do not trust these figures") for note in notes)


@dataclass(frozen=True)
class Peeking:
    """Adds to whatever stands in the genuine list."""

    inner: Scorer

    def score(self, item: TargetTrials) -> TargetScores:
        plain = self.inner.score(item)
        return replace(plain, genuine=plain.genuine + 0.2)


def test_a_score_that_knows_the_list_its_trial_stands_in_is_found(videos: pd.DataFrame) -> None:
    result = list(make_trials(videos, "g", protocol().trials))
    rng = np.random.default_rng(3)
    ids = videos["video"].to_numpy(dtype=object)
    noise = Scorer(VideoEmbeddings(ids, np.arange(len(ids) + 1), rng.normal(0, 1, (len(ids), 8))), Scoring())
    assert LISTS in failed(score_null_rows(Peeking(noise), result, videos, protocol()))
    assert failed(score_null_rows(noise, result, videos, protocol())) == set()


def test_ties_that_order_breaks_are_found(videos: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_order(genuine: np.ndarray, impostor: np.ndarray) -> float:
        return float(np.mean([(impostor <= item).mean() for item in genuine]))

    monkeypatch.setattr(null_controls.roc, "auc", by_order)
    result = list(make_trials(videos, "g", protocol().trials))
    assert CONSTANT in failed(trial_null_rows(result, videos, protocol(), draws=2))


def test_drivers_that_are_not_exchanged_are_found(videos: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permutations that leave the first people where they are: the centre keeps part of the figure."""

    class Lazy:
        def __init__(self, seed: int) -> None:
            self.real = np.random.Generator(np.random.PCG64(seed))

        def permutation(self, group: np.ndarray) -> np.ndarray:
            return np.concatenate([group[:2], self.real.permutation(group[2:])])

    result, scorer = list(make_trials(videos, "g", protocol().trials)), perfect(videos)
    monkeypatch.setattr("benchmark.controls.driver_permutation.np.random.default_rng", Lazy)
    assert EXCHANGED in failed(score_null_rows(scorer, result, videos, protocol()))


def test_false_alarms_are_rare_over_many_seeds(videos: pd.DataFrame) -> None:
    small = videos[videos["target"].isin(sorted(videos["target"].unique())[:3])].reset_index(drop=True)
    alarms = 0
    for seed in range(60):
        rule = protocol().model_copy(update={"uncertainty": protocol().uncertainty.model_copy(update={"seed": seed})})
        result = list(make_trials(small, "g", rule.trials))
        rows = trial_null_rows(result, small, rule, draws=8) + score_null_rows(perfect(small), result, small, rule)
        alarms += bool(failed(rows))
    assert alarms <= 3  # 0.6 are expected at 1 % a report


def test_holm_equals_the_step_down_by_hand() -> None:
    # 0.01 x 4, 0.02 x 3, then 0.03 x 2 and 0.5 x 1: each at least the one before.
    assert holm(np.array([0.03, 0.5, 0.01, 0.02])) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm(np.array([0.6, 0.7])) == pytest.approx([1.0, 1.0])
    assert holm(np.array([])).shape == (0,)


def test_no_trials_are_refused_in_words(videos: pd.DataFrame) -> None:
    with pytest.raises(NvfairError, match="nothing to control"):
        trial_null_rows([], videos, protocol())
