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
from benchmark.trial_scores.scored_trials import scored_trials
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


RULE = list(make_trials(TABLE, "g", SEEN.trials))


@pytest.fixture(scope="module")
def found() -> CellFigures:
    validation = (np.random.default_rng(1).normal(-0.6, 0.3, 300), np.random.default_rng(2).normal(-1.2, 0.3, 900))
    return compute_figures(
        scorer(), RULE, TABLE, SEEN, requested_trials=RULE, validation_scores=validation, demographics=DEMOGRAPHICS
    )


def test_figures_survive_a_json_file(found: CellFigures) -> None:
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert content == found.to_json()
    assert CellFigures.from_json(content) == found


def test_each_figure_is_what_its_function_says(found: CellFigures) -> None:
    scored = scored_trials(scorer(), RULE, TABLE, SEEN)
    curve = roc.roc_curve(scored.genuine, scored.impostor)
    assert found.auc_pooled.value == pytest.approx(roc.auc(scored.genuine, scored.impostor))
    assert found.information.cllr_min == cllr_min(curve)
    assert found.eer.value == roc.equal_error_rate(curve).value
    assert found.worst_decile == min(found.auc_by_target.values())
    assert found.charts.distances.same_driver == pytest.approx(-scored.genuine.mean())
    assert found.charts.distances.other_driver == pytest.approx(-scored.impostor.mean())
    assert found.charts.distances.ratio > 1
    assert sum(found.charts.histogram.impostor) == len(scored.impostor)
    for name, entry in found.tpr_at_fmr.items():
        assert entry.value == roc.tpr_at_fmr(scored.genuine, scored.impostor, float(name))
        assert entry.impostors == len(scored.impostor)


def test_people_are_drawn_within_their_collection() -> None:
    scored = scored_trials(scorer(), RULE, TABLE, SEEN)
    first = np.array([person.startswith("a:") for person in scored.people])
    assert scored.strata_count == 2
    assert (scored.weights[:, first].sum(axis=1) == 4).all()
    assert (scored.weights[:, ~first].sum(axis=1) == 4).all()


def test_intervals_surround_the_figures(found: CellFigures) -> None:
    for name in ("auc_mean", "auc_pooled"):
        area = found.auc(name)
        assert area.low < area.value < area.high
        assert area.people == PEOPLE
    band = found.charts.band
    assert all(low <= high for low, high in zip(band.low, band.high, strict=True))


def test_rates_that_few_trials_cannot_support_are_marked(found: CellFigures) -> None:
    impostors, pairs = PEOPLE * CLIPS * 3 * CLIPS, PEOPLE * 3
    assert found.trials.impostor == impostors
    for name, entry in found.tpr_at_fmr.items():
        assert entry.pairs == pairs
        assert entry.supported == (impostors >= 10 / float(name) and pairs >= 1 / float(name))


def test_the_table_of_people_counts_each_as_target_and_as_impostor(found: CellFigures) -> None:
    scored = scored_trials(scorer(), RULE, TABLE, SEEN)
    assert [row.person for row in found.charts.people] == sorted(found.auc_by_target)
    drivers = TABLE["driver"].to_numpy()
    for row in found.charts.people:
        assert row.auc == found.auc_by_target[row.person]
        beaten = [
            np.mean(one.genuine[:, None] > one.impostor[drivers[one.trials.impostor[:, 1]] == row.person])
            for one in scored.complete_targets
            if one.trials.target != row.person and (drivers[one.trials.impostor[:, 1]] == row.person).any()
        ]
        assert row.auc_as_impostor == pytest.approx(np.mean(beaten))


def test_subgroups_leave_out_those_who_did_not_say(found: CellFigures) -> None:
    group = found.subgroups["gender"]
    assert group.unknown == 1
    assert sum(g.people for g in group.groups.values()) == PEOPLE - 1


def test_thresholds_come_from_validation_people(found: CellFigures) -> None:
    scored = scored_trials(scorer(), RULE, TABLE, SEEN)
    at = found.at_validation_threshold["eer"]
    assert at.gfar == pytest.approx(np.mean(scored.impostor >= at.threshold))
    assert at.gfrr == pytest.approx(np.mean(scored.genuine < at.threshold))
    assert found.information.cllr_of == "scores calibrated on validation people"


def test_nothing_failed_leaves_every_figure(found: CellFigures) -> None:
    assert found.failures.genuine == found.failures.impostor == 0
    assert found.failures.auc_mean == pytest.approx(found.auc_mean.value)
    assert found.failures.auc_pooled == pytest.approx(found.auc_pooled.value)


def test_videos_without_scores_are_counted_as_rejected() -> None:
    """A target whose self-reenactments all failed has no AUC of its own; with failures counted it is at chance."""
    lost = TABLE[(TABLE["target"] == "a:0") & (TABLE["driver"] == "a:0")].index
    rest = [
        TargetTrials(
            one.target,
            one.generator,
            one.genuine[~np.isin(one.genuine, lost).any(axis=1)],
            one.impostor[~np.isin(one.impostor, lost).any(axis=1)],
        )
        for one in RULE
    ]
    found = compute_figures(scorer(), rest, TABLE, SEEN, full=False, requested_trials=RULE)
    whole = compute_figures(scorer(), RULE, TABLE, SEEN, full=False)
    assert "a:0" not in found.auc_by_target
    assert found.failures.genuine == CLIPS * (CLIPS - 1) // 2
    assert found.failures.impostor == CLIPS * 3 * CLIPS
    others = [area for target, area in whole.auc_by_target.items() if target != "a:0"]
    assert found.failures.auc_mean == pytest.approx(np.mean([*others, 0.5]))


def test_without_validation_the_information_is_of_the_scores_as_they_are() -> None:
    found = compute_figures(scorer(), RULE, TABLE, SEEN, full=False)
    assert found.information.cllr_of == "scores as they are"
    assert found.at_validation_threshold is None
    assert found.charts is None


def test_a_scorer_that_gives_nan_is_refused_with_the_trial() -> None:
    broken = scorer()
    broken.rows[3] = np.nan
    with pytest.raises(NvfairError, match=r"genuine trial v00\d\|v00\d is NaN"):
        compute_figures(broken, RULE, TABLE, SEEN)


@pytest.mark.parametrize("rule", list(TrialRule))
def test_every_rule_of_trials_has_its_figures(rule: TrialRule) -> None:
    trials_part = SEEN.trials.model_copy(update={"rule": rule})
    protocol = SEEN.model_copy(update={"trials": trials_part})
    table = pd.concat([TABLE.assign(generator=name, video=TABLE["video"] + name) for name in ("g", "h")])
    table = table.reset_index(drop=True)
    rows = np.concatenate([scorer().rows, scorer(seed=1).rows])
    ids = table["video"].to_numpy(dtype=object)
    both = Scorer(VideoEmbeddings(ids, np.arange(len(ids) + 1), rows), protocol.scoring)
    found = compute_figures(both, list(make_trials(table, "g", trials_part)), table, protocol)
    assert CellFigures.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    assert found.auc_pooled.people == PEOPLE
    assert 0 < found.auc_mean.low < found.auc_mean.value
    assert found.charts.distances.same_driver < found.charts.distances.other_driver
