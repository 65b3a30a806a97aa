"""Two methods on the same trials: does one beat the other, and could it be chance?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.evaluation.cache import Progress
from benchmark.evaluation.sections import make_sections, plan_cells, select_test_generators, select_test_videos
from benchmark.methods.candidates import Candidate
from benchmark.metrics.paired_differences import PairedDifference, paired_mean_difference, paired_pooled_difference
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.figure_values import finite_or_none
from benchmark.trial_scores.json_values import FlatValue
from benchmark.trial_scores.scored_trials import ScoredTrials, score_trials
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text


@dataclass(frozen=True)
class ComparedMethod(FlatValue):
    """A compared method, and how the test generator stands to its training."""

    method: str
    relation: str


@dataclass(frozen=True)
class AucDifference(FlatValue):
    """The AUCs of two methods and the first less the second, with its interval over resampled people.

    low, high: None where no interval can be trusted; `reason` says why. superiority: the share of resamples in which
    the first is ahead. decided: whether the interval leaves out zero.
    """

    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    superiority: float | None
    decided: bool
    people: int
    reason: str


@dataclass(frozen=True)
class ComparedCell:
    """Two methods on one generator; auc_pooled: None where there are too many groups of people for an interval."""

    protocol: str
    generator: str
    first: ComparedMethod
    second: ComparedMethod
    auc_mean: AucDifference
    auc_pooled: AucDifference | None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "protocol": self.protocol,
            "generator": self.generator,
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "auc_mean": self.auc_mean.to_json(),
            "auc_pooled": None if self.auc_pooled is None else self.auc_pooled.to_json(),
        }


def compare(
    dataset: Dataset,
    first: Candidate,
    second: Candidate,
    protocols: Sequence[Protocol],
    *,
    generators: Sequence[str] = (),
    allow_overlap: bool = False,
    progress: Progress = lambda message: None,
) -> list[ComparedCell]:
    """First less second, for every protocol and test generator on which both can be scored.

    One weight a person serves both methods, so that what makes a trial hard for both cancels. generators: test
    generators, empty for those of the protocols or all there are. progress: called with a line of text before each
    longer step.

    Raises NvfairError where both have one name or there is nothing to compare, and Problems where people or generators
    overlap and `allow_overlap` is False.
    """
    if first.name == second.name:
        raise NvfairError(f"both methods are called {first.name}", remedy="rename one's folder or file")
    compared = []
    for section in make_sections(protocols):
        protocol = section.protocol
        for candidate in (first, second):
            candidate.check_protocol(protocol)
        videos = select_test_videos(dataset, protocol)
        test_generators = select_test_generators(videos, section, generators, dataset)
        videos = videos[videos["generator"].isin(test_generators)]
        people = sorted({*videos["driver"], *videos["target"]})
        planned = plan_cells(
            (first, second), section, test_generators, people, explicit=bool(generators), allow_overlap=allow_overlap
        )
        relation = {(cell.candidate.name, cell.generator): cell.relation for cell in planned}
        progress(f"reading {count_text(len(videos), 'video')}")
        windows = read_windows(dataset, protocol, videos=videos["video"])
        scorers = []
        for candidate in (first, second):
            progress(f"embedding {count_text(len(windows), 'window')} with {candidate.name}")
            embeddings = candidate.embeddings(windows, dataset)
            scorers.append(candidate.scorer(embeddings, windows, protocol.scoring))
        for generator in dict.fromkeys(cell.generator for cell in planned):
            if not all((candidate.name, generator) in relation for candidate in (first, second)):
                continue
            cell_trials = list(make_trials(windows.videos, generator, protocol.trials))
            first_scored, second_scored = (
                score_trials(scorer, cell_trials, windows.videos, protocol) for scorer in scorers
            )
            confidence = protocol.uncertainty.confidence
            compared.append(
                ComparedCell(
                    protocol=section.title,
                    generator=generator,
                    first=ComparedMethod(first.name, relation[first.name, generator]),
                    second=ComparedMethod(second.name, relation[second.name, generator]),
                    auc_mean=_mean_difference(first_scored, second_scored, confidence),
                    auc_pooled=_pooled_difference(first_scored, second_scored, confidence),
                )
            )
    if not compared:
        raise NvfairError("there is no generator on which both methods can be scored under these protocols")
    return compared


def _mean_difference(first: ScoredTrials, second: ScoredTrials, confidence: float) -> AucDifference:
    difference = paired_mean_difference(
        first.target_statistics, second.target_statistics, first.weights, confidence, first.strata_count
    )
    return _auc_difference(difference, first.mean_interval().value, second.mean_interval().value)


def _pooled_difference(first: ScoredTrials, second: ScoredTrials, confidence: float) -> AucDifference | None:
    first_statistics, second_statistics = first.pooled_statistics(), second.pooled_statistics()
    if first_statistics is None or second_statistics is None:
        return None
    difference = paired_pooled_difference(
        first_statistics, second_statistics, first.weights, confidence, first.strata_count
    )
    return _auc_difference(difference, first_statistics.auc, second_statistics.auc)


def _auc_difference(difference: PairedDifference, first: float, second: float) -> AucDifference:
    return AucDifference(
        first=first,
        second=second,
        difference=difference.value,
        low=finite_or_none(difference.low),
        high=finite_or_none(difference.high),
        superiority=finite_or_none(difference.superiority),
        decided=difference.reason == "" and not difference.low <= 0 <= difference.high,
        people=difference.people,
        reason=difference.reason,
    )
