"""Null controls: scores without information go through the whole evaluation. They must be at chance, or no figure can
be trusted.

Two kinds. `trial_null_rows` tests the trials: constant scores, random embeddings and numbers that belong to a face
cannot know drivers, so that whatever they reach is a flaw of the trials or of the metric (a clip compared with itself,
ties broken by order). `score_null_rows` tests a method's scores: with drivers exchanged by person
(`benchmark.controls.driver_permutation`), and with genuine and impostor lists exchanged (a score must not know which
list its trial stands in).

Tests are two-sided; `with_verdicts` corrects for their number (Holm 1979) over all rows of one report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmark.controls.driver_permutation import PermutableScores
from benchmark.controls.video_vectors import pair_sums
from benchmark.metrics import roc
from benchmark.protocols.schema import Protocol, Scoring, TrialRule
from benchmark.trial_scores.scores import PairScorer, Scorer, TargetScores, VideoEmbeddings
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError

CONSTANT, RANDOM, FACES = "constant scores", "random embeddings", "random number a face"
EXCHANGED, LISTS = "drivers permuted by person", "genuine and impostor lists exchanged"
DESCRIPTIONS = {
    CONSTANT: "every trial has the same score: exactly 0.5, or ties are broken by order",
    RANDOM: "each video has a random vector: above chance where a trial compares a clip with itself or with a copy",
    FACES: "a score that depends on the faces shown and on nothing else",
    EXCHANGED: "enrolled videos as they are, probes' drivers exchanged within their collection; each driver's probes "
    "weigh alike, so that the centre is one half however well the method knows drivers",
    LISTS: "scored once more with genuine and impostor lists exchanged, both results averaged: 0.5, or the score knows "
    "which list a trial stands in",
}
ALPHA = 0.01  # level of all tests of a report together
PERMUTATIONS = 200
DRAWS = 8
_VECTOR_SIZE = 16
_TOLERANCE = 1e-9
_FIGURES = ("auc_mean", "auc_pooled")


@dataclass(frozen=True)
class FaceScorer:
    """Scores a pair by the sum of a number (N,) that belongs to each video's face."""

    number: np.ndarray

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores one target's trials, larger for more alike."""
        genuine, impostor = (pair_sums(trials, self.number, pairs) for pairs in (trials.genuine, trials.impostor))
        return TargetScores(trials, genuine, impostor)


def trial_null_rows(
    trials: Sequence[TargetTrials], videos: pd.DataFrame, protocol: Protocol, *, draws: int = DRAWS
) -> list[dict[str, Any]]:
    """Rows {name, figure, expected, value, p, ...} of scores without information; `with_verdicts` completes them.

    trials: those of the main figure, over the positions of `videos`. Raises NvfairError where no target has both kinds
    of trials.
    """
    seed = protocol.uncertainty.seed
    pooled = _pooled_trials(trials, protocol)
    constant_aucs = _mean_and_pooled_auc(FaceScorer(np.zeros(len(videos))), pooled)
    rows = [_exact_row(CONSTANT, figure, value) for figure, value in zip(_FIGURES, constant_aucs, strict=True)]
    ids = videos["video"].to_numpy(dtype=object)
    offsets = np.arange(len(ids) + 1)
    face, faces = pd.factorize(videos["target"], sort=True)
    random_aucs, face_aucs = np.empty((draws, 2)), np.empty((draws, 2))
    for draw in range(draws):
        rng = np.random.default_rng([seed, 1, draw])
        vectors = VideoEmbeddings(ids, offsets, rng.standard_normal((len(ids), _VECTOR_SIZE)))
        random_aucs[draw] = _mean_and_pooled_auc(Scorer(vectors, Scoring()), pooled)
        number_of_face = np.random.default_rng([seed, 2, draw]).standard_normal(len(faces))
        face_aucs[draw] = _mean_and_pooled_auc(FaceScorer(number_of_face[face]), pooled)
    rows += [_tested_row(RANDOM, figure, random_aucs[:, k]) for k, figure in enumerate(_FIGURES)]
    rows += [_tested_row(FACES, figure, face_aucs[:, k]) for k, figure in enumerate(_FIGURES)]
    return rows


def score_null_rows(
    scorer: PairScorer,
    trials: Sequence[TargetTrials],
    videos: pd.DataFrame,
    protocol: Protocol,
    *,
    permutations: int = PERMUTATIONS,
) -> list[dict[str, Any]]:
    """Rows {name, figure, expected, value, p, ...} of one method's scores; `with_verdicts` completes them.

    The rows of permuted drivers also have `observed` (the same statistic with drivers as they are) and `low`, `high`,
    between which 95 % of the permutations lie. They are left out where no driver can be exchanged.
    """
    pooled = _pooled_trials(trials, protocol)
    # Genuine and impostor lists exchanged: the scores of a trial must not depend on its list.
    scored = [scorer.score(target_trials) for target_trials in pooled]
    exchanged = [
        scorer.score(replace(target_trials, genuine=target_trials.impostor, impostor=target_trials.genuine))
        for target_trials in pooled
    ]
    rows = [
        _exact_row(LISTS, figure, (value + exchanged_value) / 2)
        for figure, value, exchanged_value in zip(_FIGURES, _aucs(scored), _aucs(exchanged), strict=True)
    ]
    # Drivers permuted by person.
    permutable = PermutableScores.of(scored, videos)
    if len(permutable.person_of_row) == 0 or len(permutable.people) < 2:
        return rows
    null = permutable.permuted_figures(permutations, protocol.uncertainty.seed)
    observed = permutable.figures(np.arange(len(permutable.source)))
    for k, figure in enumerate(_FIGURES):
        low, high = np.quantile(null[:, k], [0.025, 0.975])
        rows.append(
            _tested_row(EXCHANGED, figure, null[:, k])
            | {"observed": observed[k], "low": float(low), "high": float(high), "permutations": permutations}
        )
    return rows


def with_verdicts(rows: Sequence[dict[str, Any]], alpha: float = ALPHA) -> list[dict[str, Any]]:
    """`rows` with `p_corrected` (Holm, over all of them) and `passed`: whether that stays above `alpha`."""
    corrected = holm(np.array([row["p"] for row in rows], dtype=float))
    return [
        row | {"p_corrected": float(p_value), "passed": bool(p_value > alpha)}
        for row, p_value in zip(rows, corrected, strict=True)
    ]


def null_warnings(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A warning in words for each row of `with_verdicts` that did not pass."""
    return [
        f"Do not trust these figures: the null control '{row['name']}' should be at {row['expected']} and is at "
        f"{row['value']:.4f} ({row['figure']}, p = {row['p_corrected']:.2g} corrected). {DESCRIPTIONS[row['name']]}."
        for row in rows
        if not row["passed"]
    ]


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values, in the order of `p_values`.

    Those of at most alpha are rejected by Holm's step-down procedure (Holm 1979, section 2), whose level holds however
    the tests depend on each other.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    result = np.empty(len(p_values))
    result[order] = np.minimum(steps, 1.0)
    return result


def _pooled_trials(trials: Sequence[TargetTrials], protocol: Protocol) -> list[TargetTrials]:
    """Trials of the pooled figure, among them the complete ones of the mean: as `compute_figures` takes them."""
    any_kind_counts = protocol.trials.rule is TrialRule.SAME_DRIVER
    pooled = [
        target_trials
        for target_trials in trials
        if target_trials.complete or (any_kind_counts and len(target_trials.genuine) + len(target_trials.impostor))
    ]
    if not any(target_trials.complete for target_trials in pooled):
        raise NvfairError("no target has both genuine and impostor trials, so there is nothing to control")
    return pooled


def _mean_and_pooled_auc(scorer: PairScorer, pooled: Sequence[TargetTrials]) -> tuple[float, float]:
    return _aucs([scorer.score(target_trials) for target_trials in pooled])


def _aucs(scored: Sequence[TargetScores]) -> tuple[float, float]:
    """The mean AUC over targets, and the pooled AUC."""
    auc_of_target = [roc.auc(scores.genuine, scores.impostor) for scores in scored if scores.trials.complete]
    genuine, impostor = (
        np.concatenate([getattr(scores, kind) for scores in scored]) for kind in ("genuine", "impostor")
    )
    return float(np.mean(auc_of_target)), roc.auc(genuine, impostor)


def _exact_row(name: str, figure: str, value: float) -> dict[str, Any]:
    """The row of a control that must be at one half exactly."""
    p = 1.0 if abs(value - 0.5) <= _TOLERANCE else 0.0
    return {"name": name, "figure": figure, "expected": 0.5, "value": float(value), "p": p}


def _tested_row(name: str, figure: str, values: np.ndarray) -> dict[str, Any]:
    """The row of a two-sided t-test of the mean of independent draws against one half."""
    from scipy.stats import t

    mean, count = float(values.mean()), len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else 0.0
    if error <= 1e-12:
        return _exact_row(name, figure, mean) | {"error": 0.0}
    p = float(2 * t.sf(abs(mean - 0.5) / error, count - 1))
    return {"name": name, "figure": figure, "expected": 0.5, "value": mean, "p": p, "error": error}
