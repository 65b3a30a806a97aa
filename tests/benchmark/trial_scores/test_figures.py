"""All figures of a scorer: plain values that a JSON file takes, each what its own function says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from benchmark import protocols
from benchmark.metrics import roc
from benchmark.metrics.costs import cllr_min
from benchmark.protocols.schema import TrialRule
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.figures import compute_figures
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import TargetTrials, make_trials
from nvfair_tools.errors import NvfairError

SEEN = protocols.load("nvfair-seen")
PEOPLE, CLIPS = 8, 4
DEMOGRAPHICS = {"gender": {f"{'ab'[n % 2]}:{n}": "xyx"[n % 3] if n else None for n in range(PEOPLE)}}


def videos() -> pd.DataFrame:
    """All drivers on all targets of their own collection."""
    rows = [
        (f"v{t}{d}{c}", f"{'ab'[t % 2]}:{t}", f"{'ab'[d % 2]}:{d}", f"clip{d}-{c}", "g", "ab"[t % 2])
        for t in range(PEOPLE)
        for d in range(PEOPLE)
        for c in range(CLIPS)
        if t % 2 == d % 2
    ]
    return pd.DataFrame(rows, columns=["video", "target", "driver", "clip", "generator", "source"])


TABLE = videos()


def scorer(noise: float = 1.0, seed: int = 0) -> Scorer:
    rng = np.random.default_rng(seed)
    style = {person: rng.normal(size=6) for person in sorted(TABLE["driver"].unique())}
    rows = np.stack([style[d] + noise * rng.normal(size=6) for d in TABLE["driver"]])
    ids = TABLE["video"].to_numpy(dtype=object)
    return Scorer(VideoEmbeddings(ids, np.arange(len(ids) + 1), rows), SEEN.scoring)


TRIALS = list(make_trials(TABLE, "g", SEEN.trials))


@pytest.fixture(scope="module")
def figures() -> CellFigures:
    validation = (np.random.default_rng(1).normal(-0.6, 0.3, 300), np.random.default_rng(2).normal(-1.2, 0.3, 900))
    return compute_figures(
        scorer(), TRIALS, TABLE, SEEN, requested_trials=TRIALS, validation_scores=validation, demographics=DEMOGRAPHICS
    )


def test_figures_survive_a_json_file(figures: CellFigures) -> None:
    content = json.loads(json.dumps(figures.to_json(), allow_nan=False))
    assert content == figures.to_json()
    assert CellFigures.from_json(content) == figures


def test_each_figure_is_what_its_function_says(figures: CellFigures) -> None:
    scored = score_trials(scorer(), TRIALS, TABLE, SEEN)
    curve = roc.roc_curve(scored.genuine, scored.impostor)
    assert figures.auc_pooled.value == pytest.approx(roc.auc(scored.genuine, scored.impostor))
    assert figures.information.cllr_min == cllr_min(curve)
    assert figures.eer.value == roc.equal_error_rate(curve).value
    assert figures.worst_decile == min(figures.auc_by_target.values())
    assert figures.charts.distances.same_driver == pytest.approx(-scored.genuine.mean())
    assert figures.charts.distances.other_driver == pytest.approx(-scored.impostor.mean())
    assert figures.charts.distances.ratio > 1
    assert sum(figures.charts.histogram.impostor) == len(scored.impostor)
    for name, entry in figures.tpr_at_fmr.items():
        assert entry.value == roc.tpr_at_fmr(scored.genuine, scored.impostor, float(name))
        assert entry.impostors == len(scored.impostor)


def test_people_are_drawn_within_their_collection() -> None:
    scored = score_trials(scorer(), TRIALS, TABLE, SEEN)
    first = np.array([person.startswith("a:") for person in scored.people])
    assert scored.strata_count == 2
    assert (scored.weights[:, first].sum(axis=1) == 4).all()
    assert (scored.weights[:, ~first].sum(axis=1) == 4).all()


def test_intervals_surround_the_figures(figures: CellFigures) -> None:
    for name in ("auc_mean", "auc_pooled"):
        auc = figures.auc(name)
        assert auc.low < auc.value < auc.high
        assert auc.people == PEOPLE
    band = figures.charts.band
    assert all(low <= high for low, high in zip(band.low, band.high, strict=True))


def test_rates_that_few_trials_cannot_support_are_marked(figures: CellFigures) -> None:
    impostors, pairs = PEOPLE * CLIPS * 3 * CLIPS, PEOPLE * 3
    assert figures.trials.impostor == impostors
    for name, entry in figures.tpr_at_fmr.items():
        assert entry.pairs == pairs
        assert entry.supported == (impostors >= 10 / float(name) and pairs >= 1 / float(name))


def test_the_table_of_people_counts_each_as_target_and_as_impostor(figures: CellFigures) -> None:
    scored = score_trials(scorer(), TRIALS, TABLE, SEEN)
    assert [row.person for row in figures.charts.people] == sorted(figures.auc_by_target)
    drivers = TABLE["driver"].to_numpy()
    for row in figures.charts.people:
        assert row.auc == figures.auc_by_target[row.person]
        shares = [
            np.mean(scores.genuine[:, None] > scores.impostor[drivers[scores.trials.impostor[:, 1]] == row.person])
            for scores in scored.complete_targets
            if scores.trials.target != row.person and (drivers[scores.trials.impostor[:, 1]] == row.person).any()
        ]
        assert row.auc_as_impostor == pytest.approx(np.mean(shares))


def test_subgroups_leave_out_those_who_did_not_say(figures: CellFigures) -> None:
    group = figures.subgroups["gender"]
    assert group.unknown == 1
    assert sum(g.people for g in group.groups.values()) == PEOPLE - 1


def test_thresholds_come_from_validation_people(figures: CellFigures) -> None:
    scored = score_trials(scorer(), TRIALS, TABLE, SEEN)
    rates = figures.at_validation_threshold["eer"]
    assert rates.gfar == pytest.approx(np.mean(scored.impostor >= rates.threshold))
    assert rates.gfrr == pytest.approx(np.mean(scored.genuine < rates.threshold))
    assert figures.information.cllr_of == "scores calibrated on validation people"


def test_nothing_failed_leaves_every_figure(figures: CellFigures) -> None:
    assert figures.failures.genuine == figures.failures.impostor == 0
    assert figures.failures.auc_mean == pytest.approx(figures.auc_mean.value)
    assert figures.failures.auc_pooled == pytest.approx(figures.auc_pooled.value)


def test_videos_without_scores_are_counted_as_rejected() -> None:
    """A target whose self-reenactments all failed has no AUC of its own; with failures counted it is at chance."""
    lost = TABLE[(TABLE["target"] == "a:0") & (TABLE["driver"] == "a:0")].index
    remaining_trials = [
        TargetTrials(
            target_trials.target,
            target_trials.generator,
            target_trials.genuine[~np.isin(target_trials.genuine, lost).any(axis=1)],
            target_trials.impostor[~np.isin(target_trials.impostor, lost).any(axis=1)],
        )
        for target_trials in TRIALS
    ]
    figures = compute_figures(scorer(), remaining_trials, TABLE, SEEN, full=False, requested_trials=TRIALS)
    whole = compute_figures(scorer(), TRIALS, TABLE, SEEN, full=False)
    assert "a:0" not in figures.auc_by_target
    assert figures.failures.genuine == CLIPS * (CLIPS - 1) // 2
    assert figures.failures.impostor == CLIPS * 3 * CLIPS
    others = [auc for target, auc in whole.auc_by_target.items() if target != "a:0"]
    assert figures.failures.auc_mean == pytest.approx(np.mean([*others, 0.5]))


def test_without_validation_the_information_is_of_the_scores_as_they_are() -> None:
    figures = compute_figures(scorer(), TRIALS, TABLE, SEEN, full=False)
    assert figures.information.cllr_of == "scores as they are"
    assert figures.at_validation_threshold is None
    assert figures.charts is None


def test_a_scorer_that_gives_nan_is_refused_with_the_trial() -> None:
    broken = scorer()
    broken.rows[3] = np.nan
    with pytest.raises(NvfairError, match=r"genuine trial v00\d\|v00\d is NaN"):
        compute_figures(broken, TRIALS, TABLE, SEEN)


@pytest.mark.parametrize("rule", list(TrialRule))
def test_every_rule_of_trials_has_its_figures(rule: TrialRule) -> None:
    trials_part = SEEN.trials.model_copy(update={"rule": rule})
    protocol = SEEN.model_copy(update={"trials": trials_part})
    table = pd.concat([TABLE.assign(generator=name, video=TABLE["video"] + name) for name in ("g", "h")])
    table = table.reset_index(drop=True)
    rows = np.concatenate([scorer().rows, scorer(seed=1).rows])
    ids = table["video"].to_numpy(dtype=object)
    scorer_of_both = Scorer(VideoEmbeddings(ids, np.arange(len(ids) + 1), rows), protocol.scoring)
    figures = compute_figures(scorer_of_both, list(make_trials(table, "g", trials_part)), table, protocol)
    assert CellFigures.from_json(json.loads(json.dumps(figures.to_json(), allow_nan=False))) == figures
    assert figures.auc_pooled.people == PEOPLE
    assert 0 < figures.auc_mean.low < figures.auc_mean.value
    assert figures.charts.distances.same_driver < figures.charts.distances.other_driver
