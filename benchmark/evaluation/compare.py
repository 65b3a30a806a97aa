"""Two methods on the same trials: does one beat the other, and could it be chance?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmark.evaluation.sections import cells, sections, select_test_generators, select_test_videos
from benchmark.methods.candidates import Candidate
from benchmark.metrics.paired_differences import Difference, paired_difference, paired_pooled_difference
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.figure_values import finite_or_none
from benchmark.trial_scores.scored_trials import ScoredTrials, scored_trials
from benchmark.trials.trials import trials
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

Say = Callable[[str], None]


def compare(
    dataset: Dataset,
    first: Candidate,
    second: Candidate,
    protocols: Sequence[Protocol],
    *,
    generators: Sequence[str] = (),
    allow_overlap: bool = False,
    say: Say = lambda text: None,
) -> list[dict[str, Any]]:
    """First less second, for every protocol and test generator on which both can be scored, as plain values.

    One weight a person serves both methods, so that what makes a trial hard for both cancels. `decided` is true where
    the interval of the difference leaves out zero. Raises NvfairError where there is nothing to compare.
    """
    if first.name == second.name:
        raise NvfairError(f"both methods are called {first.name}", remedy="rename one's folder or file")
    rows = []
    for section in sections(protocols):
        protocol = section.protocol
        for one in (first, second):
            one.check_protocol(protocol)
        videos = select_test_videos(dataset, protocol)
        names = select_test_generators(videos, section, generators, dataset)
        videos = videos[videos["generator"].isin(names)]
        people = sorted({*videos["driver"], *videos["target"]})
        plan = cells((first, second), section, names, people, explicit=bool(generators), allow_overlap=allow_overlap)
        relation = {(cell.candidate.name, cell.generator): cell.relation for cell in plan}
        say(f"reading {len(videos)} videos")
        windows = read_windows(dataset, protocol, videos=videos["video"])
        scorers = {}
        for one in (first, second):
            say(f"embedding {len(windows)} windows with {one.name}")
            scorers[one.name] = one.scorer(one.embeddings(windows, dataset), windows, protocol.scoring)
        for cell in dict.fromkeys(cell.generator for cell in plan):
            if not all((one.name, cell) in relation for one in (first, second)):
                continue
            rule = list(trials(windows.videos, cell, protocol.trials))
            left, right = (scored_trials(scorers[one.name], rule, windows.videos, protocol) for one in (first, second))
            confidence = protocol.uncertainty.confidence
            rows.append(
                {
                    "protocol": section.title,
                    "generator": cell,
                    "first": {"method": first.name, "relation": relation[first.name, cell]},
                    "second": {"method": second.name, "relation": relation[second.name, cell]},
                    "auc_mean": _mean(left, right, confidence),
                    "auc_pooled": _pooled(left, right, confidence),
                }
            )
    if not rows:
        raise NvfairError("there is no generator on which both methods can be scored under these protocols")
    return rows


def _mean(one: ScoredTrials, other: ScoredTrials, confidence: float) -> dict[str, Any]:
    gap = paired_difference(one.target_statistics, other.target_statistics, one.weights, confidence, one.strata_count)
    return _finite_or_none(gap, one.mean_interval().value, other.mean_interval().value)


def _pooled(one: ScoredTrials, other: ScoredTrials, confidence: float) -> dict[str, Any] | None:
    first, second = one.pooled_statistics(), other.pooled_statistics()
    if first is None or second is None:
        return None
    gap = paired_pooled_difference(first, second, one.weights, confidence, one.strata_count)
    return _finite_or_none(gap, first.auc, second.auc)


def _finite_or_none(gap: Difference, first: float, second: float) -> dict[str, Any]:
    known = gap.reason == ""
    return {
        "first": first,
        "second": second,
        "difference": gap.value,
        "low": finite_or_none(gap.low),
        "high": finite_or_none(gap.high),
        "superiority": finite_or_none(gap.superiority),
        "decided": known and not gap.low <= 0 <= gap.high,
        "people": gap.people,
        "reason": gap.reason,
    }
