"""Scored trials with the people they depend on: what figures, intervals and comparisons are made from.

Legend: N videos, K people, R resamples, G genuine and I impostor trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
from benchmark.trial_scores.scores import PairScorer, TargetScores
from benchmark.trials.trials import TargetTrials

# The pooled interval needs every group of genuine against every group of impostor trials; beyond this the mean's
# interval alone is given (cross-cross trials have hundreds of thousands of groups).
_POOLED_GROUPS = 2_000_000


@dataclass(frozen=True)
class ScoredTrials:
    """Scores of all targets, and the number of each person who takes part.

    target_scores: scores of every target that count in the pooled figures. people: ids (K,), whose positions are
    people's numbers. driver_numbers: number of each video's driver (N,). grouped_scores: the scores of each target
    with the numbers of the people in each trial. strata: person's number -> number of the collection that the person
    is resampled in, of those who take part.
    """

    target_scores: tuple[TargetScores, ...]
    people: tuple[str, ...]
    driver_numbers: np.ndarray
    grouped_scores: tuple[GroupedScores, ...]
    strata: dict[int, int]
    uncertainty: Uncertainty

    @property
    def complete_targets(self) -> list[TargetScores]:
        """Scores of the targets that have both kinds of trials."""
        return [scores for scores in self.target_scores if scores.trials.complete]

    @cached_property
    def genuine(self) -> np.ndarray:
        """Genuine scores (G,) of all targets, one after another."""
        return np.concatenate([s.genuine for s in self.target_scores]) if self.target_scores else np.empty(0)

    @cached_property
    def impostor(self) -> np.ndarray:
        """Impostor scores (I,) of all targets, one after another."""
        return np.concatenate([s.impostor for s in self.target_scores]) if self.target_scores else np.empty(0)

    @cached_property
    def auc_by_target(self) -> dict[str, float]:
        """AUC of each target that has one, by id."""
        return {s.trials.target: roc.auc(s.genuine, s.impostor) for s in self.complete_targets}

    @cached_property
    def weights(self) -> np.ndarray:
        """How often each resample draws each person (R, K), within strata; 0 for those in no trial.

        The same for every method that is scored on the same people under the same protocol.
        """
        taking_part = np.array(sorted(self.strata), dtype=np.int64)
        weights = np.zeros((self.uncertainty.resamples, len(self.people)))
        if len(taking_part):
            strata = np.array([self.strata[number] for number in taking_part])
            weights[:, taking_part] = people_weights(
                len(taking_part), self.uncertainty.resamples, self.uncertainty.seed, strata
            )
        return weights

    @property
    def strata_count(self) -> int:
        """The number of strata that people are drawn in."""
        return max(1, len(set(self.strata.values())))

    @cached_property
    def target_statistics(self) -> list[tuple[int, PairStatistics]]:
        """(person's number, pair statistics) of each target that has an AUC: what `paired_mean_difference` takes."""
        number_of_person = {person: number for number, person in enumerate(self.people)}
        return [
            (number_of_person[scores.trials.target], pair_statistics(grouped))
            for scores, grouped in zip(self.target_scores, self.grouped_scores, strict=True)
            if scores.trials.complete
        ]

    @cached_property
    def impostor_pairs(self) -> int:
        """The number of different groups of people among impostor trials."""
        return sum(len(group_people(grouped.impostor_people)[0]) for grouped in self.grouped_scores)

    def pooled_statistics(self) -> PairStatistics | None:
        """Statistics of all trials pooled; None where there are too many groups of people for them."""
        genuine_groups = sum(len(group_people(grouped.genuine_people)[0]) for grouped in self.grouped_scores)
        too_many = genuine_groups * self.impostor_pairs > _POOLED_GROUPS
        return None if too_many else pooled_statistics(self.grouped_scores)

    def mean_interval(self) -> Interval:
        """The mean AUC over targets with its interval."""
        return mean_auc_interval(self.target_statistics, self.weights, self.uncertainty.confidence, self.strata_count)

    def pooled_interval(self) -> Interval:
        """The pooled AUC with its interval."""
        statistics = self.pooled_statistics()
        if statistics is None:
            value = roc.auc(self.genuine, self.impostor)
            return Interval(value, math.nan, math.nan, len(self.strata), "too many groups of people for an interval")
        return pooled_auc_interval(statistics, self.weights, self.uncertainty.confidence, self.strata_count)


def score_trials(
    scorer: PairScorer, trials: Sequence[TargetTrials], videos: pd.DataFrame, protocol: Protocol
) -> ScoredTrials:
    """Scores those of `trials` that have genuine and impostor pairs, and numbers the people in them.

    Under the same-driver rule targets with one kind of pairs are scored too and count in the pooled figures: there a
    target's trials are one block of the whole. videos: the table whose rows the trials number.

    Raises NvfairError where a score is missing, naming the trial, and where no target has an AUC.
    """
    any_kind_counts = protocol.trials.rule is TrialRule.SAME_DRIVER
    target_scores = tuple(
        scorer.score(target_trials)
        for target_trials in trials
        if target_trials.complete or (any_kind_counts and len(target_trials.genuine) + len(target_trials.impostor))
    )
    people = tuple(sorted({*videos["driver"], *videos["target"]}))
    number_of_person = {person: number for number, person in enumerate(people)}
    target_numbers, driver_numbers = (videos[role].map(number_of_person).to_numpy() for role in ("target", "driver"))
    grouped_scores = tuple(_grouped(scores, target_numbers, driver_numbers) for scores in target_scores)
    # People who are in any scored trial; -1 stands for no person.
    is_present = np.zeros(len(people), dtype=bool)
    for grouped in grouped_scores:
        for numbers in (grouped.genuine_people, grouped.impostor_people):
            is_present[numbers[numbers >= 0]] = True
    taking_part = np.flatnonzero(is_present)
    collection = collection_of_person(videos)
    strata = resampling_strata([collection.get(people[number], "") for number in taking_part])
    scored = ScoredTrials(
        target_scores,
        people,
        driver_numbers,
        grouped_scores,
        dict(zip(taking_part.tolist(), strata.tolist(), strict=True)),
        protocol.uncertainty,
    )
    roc.mean_auc_over_targets(scored.auc_by_target)  # raises NvfairError where no target has an AUC
    return scored


def collection_of_person(videos: pd.DataFrame) -> dict[str, str]:
    """Person -> collection (column `source`) of everybody in a table of videos; empty without that column."""
    if "source" not in videos.columns:
        return {}
    return dict(zip(videos["driver"], videos["source"], strict=True)) | dict(
        zip(videos["target"], videos["source"], strict=True)
    )


def _grouped(scores: TargetScores, target_numbers: np.ndarray, driver_numbers: np.ndarray) -> GroupedScores:
    genuine_people, impostor_people = (
        scores.trials.people_of(pairs, target_numbers, driver_numbers)
        for pairs in (scores.trials.genuine, scores.trials.impostor)
    )
    return GroupedScores(scores.genuine, scores.impostor, genuine_people, impostor_people)
