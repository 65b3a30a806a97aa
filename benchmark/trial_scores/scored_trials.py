"""Scored trials with the people they depend on: what figures, intervals and comparisons are made from.

Legend: N videos, K people, R resamples, G genuine and I impostor trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol as Interface

import numpy as np
import pandas as pd

from benchmark.metrics import roc
from benchmark.metrics.intervals import (
    GroupedScores,
    Interval,
    PairStatistics,
    group_people,
    mean_auc_interval,
    pair_statistics,
    people_weights,
    pooled_auc_interval,
    pooled_statistics,
    resampling_strata,
)
from benchmark.protocols.schema import Protocol, TrialRule, Uncertainty
from benchmark.trial_scores.scores import TargetScores
from benchmark.trials.trials import TargetTrials

# The pooled interval needs every group of genuine against every group of impostor trials; beyond this the mean's
# interval alone is given (cross-cross trials have hundreds of thousands of groups).
_POOLED_GROUPS = 2_000_000


class PairScorer(Interface):
    """Anything that scores a target's trials."""

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores, larger for more alike."""
        ...


@dataclass(frozen=True)
class ScoredTrials:
    """pooled: every target's scores that count in one pot; people: ids (K,); driver: number of each video's driver
    (N,); grouped: the same scores with people's numbers; strata: stratum of each person who takes part, by number."""

    pooled: tuple[TargetScores, ...]
    people: tuple[str, ...]
    driver: np.ndarray
    grouped: tuple[GroupedScores, ...]
    strata: dict[int, int]
    uncertainty: Uncertainty

    @property
    def scored(self) -> list[TargetScores]:
        """Targets that have both kinds of trials."""
        return [one for one in self.pooled if one.trials.complete]

    @cached_property
    def genuine(self) -> np.ndarray:
        """All genuine scores (G,)."""
        return np.concatenate([one.genuine for one in self.pooled]) if self.pooled else np.empty(0)

    @cached_property
    def impostor(self) -> np.ndarray:
        """All impostor scores (I,)."""
        return np.concatenate([one.impostor for one in self.pooled]) if self.pooled else np.empty(0)

    @cached_property
    def per_target(self) -> dict[str, float]:
        """AUC of each target that has one, by id."""
        return {one.trials.target: roc.auc(one.genuine, one.impostor) for one in self.scored}

    @cached_property
    def weights(self) -> np.ndarray:
        """How often each person is drawn (R, K), within strata; 0 for those in no trial. The same for every method
        that is scored on the same people under the same protocol."""
        taking_part = np.array(sorted(self.strata), dtype=np.int64)
        weights = np.zeros((self.uncertainty.resamples, len(self.people)))
        if len(taking_part):
            strata = np.array([self.strata[n] for n in taking_part])
            weights[:, taking_part] = people_weights(
                len(taking_part), self.uncertainty.resamples, self.uncertainty.seed, strata
            )
        return weights

    @property
    def strata_count(self) -> int:
        """In how many strata people are drawn."""
        return max(1, len(set(self.strata.values())))

    @cached_property
    def targets(self) -> list[tuple[int, PairStatistics]]:
        """(person's number, pair statistics) of each target that has an AUC: what `paired_mean_difference` takes."""
        number = {person: n for n, person in enumerate(self.people)}
        return [
            (number[one.trials.target], pair_statistics(grouped))
            for one, grouped in zip(self.pooled, self.grouped, strict=True)
            if one.trials.complete
        ]

    @cached_property
    def impostor_pairs(self) -> int:
        """Different groups of people among impostor trials."""
        return sum(len(group_people(part.impostor_people)[0]) for part in self.grouped)

    def pooled_statistics(self) -> PairStatistics | None:
        """Statistics of all trials in one pot; None where there are too many groups of people for them."""
        genuine = sum(len(group_people(part.genuine_people)[0]) for part in self.grouped)
        return None if genuine * self.impostor_pairs > _POOLED_GROUPS else pooled_statistics(self.grouped)

    def mean_interval(self) -> Interval:
        """The mean AUC over targets with its interval."""
        return mean_auc_interval(self.targets, self.weights, self.uncertainty.confidence, self.strata_count)

    def pooled_interval(self) -> Interval:
        """The pooled AUC with its interval."""
        statistics = self.pooled_statistics()
        if statistics is None:
            value = roc.auc(self.genuine, self.impostor)
            return Interval(value, math.nan, math.nan, len(self.strata), "too many groups of people for an interval")
        return pooled_auc_interval(statistics, self.weights, self.uncertainty.confidence, self.strata_count)


def scored_trials(
    scorer: PairScorer, trials: Sequence[TargetTrials], videos: pd.DataFrame, protocol: Protocol
) -> ScoredTrials:
    """Scores `trials`: those that have genuine and impostor pairs; under the same-driver rule all, in the pooled
    figures (its blocks are parts of one pot). videos: the table that trials number.

    Raises NvfairError where a score is missing, naming the trial, and where no target has an AUC.
    """
    one_pot = protocol.trials.rule is TrialRule.SAME_DRIVER
    pooled = tuple(
        scorer.score(one) for one in trials if one.complete or (one_pot and len(one.genuine) + len(one.impostor))
    )
    people = tuple(sorted({*videos["driver"], *videos["target"]}))
    number = {person: n for n, person in enumerate(people)}
    target, driver = (videos[role].map(number).to_numpy() for role in ("target", "driver"))
    grouped = tuple(_grouped(one, target, driver) for one in pooled)
    present = np.zeros(len(people), dtype=bool)
    for part in grouped:
        for table in (part.genuine_people, part.impostor_people):
            present[table[table >= 0]] = True
    source = sources(videos)
    taking_part = np.flatnonzero(present)
    strata = resampling_strata([source.get(people[n], "") for n in taking_part])
    found = ScoredTrials(
        pooled,
        people,
        driver,
        grouped,
        dict(zip(taking_part.tolist(), strata.tolist(), strict=True)),
        protocol.uncertainty,
    )
    roc.mean_auc_over_targets(found.per_target)  # refuses an empty set in words
    return found


def sources(videos: pd.DataFrame) -> dict[str, str]:
    """The collection of each person in a table of videos."""
    if "source" not in videos.columns:
        return {}
    return dict(zip(videos["driver"], videos["source"], strict=True)) | dict(
        zip(videos["target"], videos["source"], strict=True)
    )


def _grouped(scores: TargetScores, target: np.ndarray, driver: np.ndarray) -> GroupedScores:
    genuine, impostor = (
        scores.trials.people_of(pairs, target, driver) for pairs in (scores.trials.genuine, scores.trials.impostor)
    )
    return GroupedScores(scores.genuine, scores.impostor, genuine, impostor)
