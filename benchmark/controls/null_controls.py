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

from benchmark.controls.driver_permutation import Exchangeable
from benchmark.controls.video_vectors import sums
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
ALPHA = 0.01  # of a whole report
PERMUTATIONS = 200
DRAWS = 8
_SIZE = 16  # of a random vector
_EXACT = 1e-9
_FIGURES = ("auc_mean", "auc_pooled")


@dataclass(frozen=True)
class FaceScorer:
    """Sums a number that each video's face has (N,)."""

    number: np.ndarray

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials."""
        genuine, impostor = (sums(trials, self.number, pairs) for pairs in (trials.genuine, trials.impostor))
        return TargetScores(trials, genuine, impostor)


def trial_null_rows(
    trials: Sequence[TargetTrials], videos: pd.DataFrame, protocol: Protocol, *, draws: int = DRAWS
) -> list[dict[str, Any]]:
    """Rows {name, figure, expected, value, p, ...} of scores that know nothing; `with_verdicts` completes them.

    trials: those of the main figure, over the positions of `videos`. Raises NvfairError where nothing can be scored.
    """
    seed = protocol.uncertainty.seed
    pooled = _used(trials, protocol)
    flat = _both(FaceScorer(np.zeros(len(videos))), pooled)
    rows = [_exact(CONSTANT, figure, value) for figure, value in zip(_FIGURES, flat, strict=True)]
    ids = videos["video"].to_numpy(dtype=object)
    offsets = np.arange(len(ids) + 1)
    number, names = pd.factorize(videos["target"], sort=True)
    random, faces = np.empty((draws, 2)), np.empty((draws, 2))
    for n in range(draws):
        rng = np.random.default_rng([seed, 1, n])
        vectors = VideoEmbeddings(ids, offsets, rng.standard_normal((len(ids), _SIZE)))
        random[n] = _both(Scorer(vectors, Scoring()), pooled)
        number_of_face = np.random.default_rng([seed, 2, n]).standard_normal(len(names))
        faces[n] = _both(FaceScorer(number_of_face[number]), pooled)
    rows += [_centred(RANDOM, figure, random[:, k]) for k, figure in enumerate(_FIGURES)]
    rows += [_centred(FACES, figure, faces[:, k]) for k, figure in enumerate(_FIGURES)]
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
    pooled = _used(trials, protocol)
    scored = [scorer.score(one) for one in pooled]
    turned = [scorer.score(replace(one, genuine=one.impostor, impostor=one.genuine)) for one in pooled]
    flags = [one.complete for one in pooled]
    rows = [
        _exact(LISTS, figure, (a + b) / 2)
        for figure, a, b in zip(_FIGURES, _figures(scored, flags), _figures(turned, flags), strict=True)
    ]
    table = Exchangeable.of(scored, videos)
    if len(table.own) == 0 or len(table.people) < 2:
        return rows
    null = table.exchanged(permutations, protocol.uncertainty.seed)
    observed = table.figures(np.arange(len(table.source)))
    for k, figure in enumerate(_FIGURES):
        low, high = np.quantile(null[:, k], [0.025, 0.975])
        rows.append(
            _centred(EXCHANGED, figure, null[:, k])
            | {"observed": observed[k], "low": float(low), "high": float(high), "permutations": permutations}
        )
    return rows


def with_verdicts(rows: Sequence[dict[str, Any]], alpha: float = ALPHA) -> list[dict[str, Any]]:
    """`rows` with `p_corrected` (Holm, over all of them) and `passed`: whether it stays above `alpha`."""
    p = np.array([row["p"] for row in rows], dtype=float)
    corrected = holm(p)
    return [row | {"p_corrected": float(q), "passed": bool(q > alpha)} for row, q in zip(rows, corrected, strict=True)]


def null_warnings(rows: Sequence[dict[str, Any]]) -> list[str]:
    """For each judged row that did not pass, what a reader must know."""
    return [
        f"Do not trust these figures: the null control '{row['name']}' should be at {row['expected']} and is at "
        f"{row['value']:.4f} ({row['figure']}, p = {row['p_corrected']:.2g} corrected). {DESCRIPTIONS[row['name']]}."
        for row in rows
        if not row["passed"]
    ]


def holm(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values, in the order of `p`: those at most alpha are rejected by Holm's step-down procedure
    (Holm 1979, section 2), which holds whatever the tests' dependence."""
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty(len(p))
    result[order] = np.minimum(steps, 1.0)
    return result


def _used(trials: Sequence[TargetTrials], protocol: Protocol) -> list[TargetTrials]:
    """Trials of the pooled figure, among them the complete ones of the mean: as `figures` takes them."""
    one_pot = protocol.trials.rule is TrialRule.SAME_DRIVER
    pooled = [one for one in trials if one.complete or (one_pot and len(one.genuine) + len(one.impostor))]
    if not any(one.complete for one in pooled):
        raise NvfairError("no target has both genuine and impostor trials, so there is nothing to control")
    return pooled


def _both(scorer: PairScorer, pooled: Sequence[TargetTrials]) -> tuple[float, float]:
    return _figures([scorer.score(one) for one in pooled], [one.complete for one in pooled])


def _figures(scored: Sequence[TargetScores], complete: Sequence[bool]) -> tuple[float, float]:
    """Mean AUC over targets, and pooled."""
    areas = [roc.auc(one.genuine, one.impostor) for one, whole in zip(scored, complete, strict=True) if whole]
    genuine, impostor = (np.concatenate([getattr(one, kind) for one in scored]) for kind in ("genuine", "impostor"))
    return float(np.mean(areas)), roc.auc(genuine, impostor)


def _exact(name: str, figure: str, value: float) -> dict[str, Any]:
    """A control that leaves no room for chance."""
    p = 1.0 if abs(value - 0.5) <= _EXACT else 0.0
    return {"name": name, "figure": figure, "expected": 0.5, "value": float(value), "p": p}


def _centred(name: str, figure: str, values: np.ndarray) -> dict[str, Any]:
    """Two-sided t-test of the values' mean (independent draws) against one half."""
    from scipy.stats import t

    mean, count = float(values.mean()), len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else 0.0
    if error <= 1e-12:
        return _exact(name, figure, mean) | {"error": 0.0}
    p = float(2 * t.sf(abs(mean - 0.5) / error, count - 1))
    return {"name": name, "figure": figure, "expected": 0.5, "value": mean, "p": p, "error": error}
