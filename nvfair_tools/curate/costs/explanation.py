"""What a recipe asks for and costs, from its list of clips alone: before anything is read, rendered or downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools.curate.costs.estimate import Cluster, StageCost, estimate_costs, rounded_bytes, rounded_hours
from nvfair_tools.curate.costs.probe import probe_rates, worker_counts
from nvfair_tools.curate.finding import Finding
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.curate.plans.balanced import count_meetings
from nvfair_tools.curate.plans.rule import PlannedPairs, plan_listed_clips
from nvfair_tools.curate.usability.listed import listed_findings, permitted_pairs
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.machine import machine_text
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_list import ClipRow, list_clips
from nvfair_tools.recipe.permissions import Permissions
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.recipe.splits import assign_splits

_SAMPLED_CLIPS = 5


@dataclass(frozen=True)
class Explanation:
    """A recipe's plan and costs. planned: its pairs, as if every clip were usable. assumptions: what the figures rest
    on, in sentences. findings: what methods can be trained and tested on."""

    planned: PlannedPairs
    costs: tuple[StageCost, ...]
    assumptions: tuple[str, ...]
    findings: tuple[Finding, ...] = ()

    def table(self) -> pd.DataFrame:
        """The costs in words: a row a stage and generator, and one of all."""
        rows = [
            (
                cost.stage,
                cost.generator,
                f"{cost.videos:,}",
                f"{cost.video_seconds:,.0f}",
                rounded_bytes(cost.bytes),
                rounded_hours(cost.hours),
                rounded_hours(cost.cluster_hours),
            )
            for cost in self.costs
        ]
        rows.append(
            (
                "all",
                "",
                "",
                "",
                rounded_bytes(sum(cost.bytes for cost in self.costs)),
                rounded_hours(_sum([cost.hours for cost in self.costs])),
                rounded_hours(_sum([cost.cluster_hours for cost in self.costs])),
            )
        )
        return pd.DataFrame(
            rows, columns=["stage", "generator", "videos", "seconds of video", "bytes", "here", "on the cluster"]
        )


def explain(
    recipe: Recipe,
    *,
    cluster: Cluster | None = None,
    clip_seconds: float | None = None,
    fps: float | None = None,
    stand_in: Callable[[], Iterable[np.ndarray]],
    again: bool = False,
    measure: bool = True,
    cache: Path | None = None,
) -> Explanation:
    """Plans a recipe from its lists, measures this machine by a probe, and estimates the costs.

    clip_seconds, fps: of a mean clip, in place of what a few of the listed clips have. stand_in: makes frames (uint8
    RGB) with a face for the probe, where no listed clip is on disk. again, measure, cache: see `probe_rates`. Raises
    NvfairError where the length of clips is neither given nor to be found, Problems for mistakes in the recipe.
    """
    rows = list(list_clips(recipe).rows)
    splits = assign_splits(recipe, rows)
    planned = plan_listed_clips(recipe, rows, splits)
    existing = [row for row in rows if not row.is_track and os.path.isfile(row.path)]
    mean_seconds, mean_fps, text = _lengths(existing, clip_seconds, fps)
    assumptions = [f"a clip has {mean_seconds:.3g} s at {mean_fps:.4g} frames a second, {text}"]
    assumptions.append("every listed clip is usable, and portraits take no clip away: at most this much")
    assumptions += refusal_lines(recipe, rows, planned.pairs, date.today())
    workers = worker_counts(recipe)
    rates = None
    try:
        rates = probe_rates(recipe, _frames(existing, stand_in), again=again, measure=measure, cache=cache)
    except NvfairError as error:
        assumptions.append(f"hours here are unknown: {error}")
    if rates is not None:
        what = f"multiplied by the number of workers: {workers[1]} ({workers[0]} for rendering)"
        picture = f"source frames of {rates.size[0]} x {rates.size[1]}"
        assumptions.append(f"measured on {machine_text()}, in one process with {picture}; {what}")
    if cluster is not None:
        known = ", ".join(f"{label} {rate:g} frames/s" for label, rate in sorted(cluster.cards.items()))
        text = (
            f"{count_text(cluster.nodes, 'node')} with {count_text(cluster.gpus, 'card')} each, "
            f"{known or 'no measured card (--card)'}"
        )
        cores = (
            f"{count_text(cluster.cores, 'core')} a node like one of these"
            if cluster.cores
            else "cores unknown (--cores)"
        )
        assumptions.append(f"the cluster: {text}; {cores}; cards and cores do as many times the work of one")
    costs = estimate_costs(recipe, planned.pairs, len(rows), mean_seconds * mean_fps, mean_fps, rates, workers, cluster)
    findings = listed_findings(recipe, rows, splits, planned.pairs, Permissions(recipe, date.today()))
    return Explanation(planned, tuple(costs), tuple(assumptions), tuple(findings))


def refusal_lines(recipe: Recipe, rows: Sequence[ClipRow], pairs: PairTable, day: date) -> list[str]:
    """How many of the planned pairs people and licences refuse on a day, in a sentence; nothing where none is refused.
    rows: the list of clips of which `pairs` was planned."""
    may_drive, may_be_shown = permitted_pairs(rows, pairs, Permissions(recipe, day))
    refused = int((~(may_drive[pairs.driver] & may_be_shown[pairs.target])).sum()) if len(pairs.driver) else 0
    if not refused:
        return []
    clips, people = int((~may_drive).sum()), int((~may_be_shown).sum())
    return [
        f"consent and licences refuse {refused:,} of the {count_text(len(pairs.driver), 'pair')} on {day}, which are "
        f"counted here and not rendered: {count_text(clips, 'clip')} may not drive, {count_text(people, 'person')} may "
        "not be shown"
    ]


def balance_lines(planned: PlannedPairs) -> list[str]:
    """How evenly drivers, faces and groups occur in a plan's cross-reenactments, in sentences."""
    counts = count_meetings(planned.pairs, planned.demographics)
    if not counts["drivers"].total():
        return ["no cross-reenactments"]
    lines = [
        f"{what}: {_span(counts[key].values())}"
        for what, key in (
            ("cross-reenactments a driver", "drivers"),
            ("cross-reenactments a face", "faces"),
            ("faces that a driver meets", "faces met"),
        )
    ]
    if planned.demographics:
        total = counts["groups"].total()
        lines += [
            f"driver {driver}, face {face}: {count:,} ({count / total:.1%})"
            for (driver, face), count in sorted(counts["groups"].items())
        ]
    return lines


def _span(values: Iterable[int]) -> str:
    numbers = list(values)
    return f"{min(numbers):,} to {max(numbers):,}, {np.mean(numbers):,.1f} on average"


def _lengths(existing: Sequence[ClipRow], seconds: float | None, fps: float | None) -> tuple[float, float, str]:
    """(seconds, frames a second) of a mean clip, and where they are from."""
    if seconds is not None and fps is not None:
        return seconds, fps, "as given"
    from nvfair_tools.media import MediaError, probe

    lengths = []
    step = max(1, len(existing) // _SAMPLED_CLIPS)
    for row in existing[::step][:_SAMPLED_CLIPS]:
        try:
            info = probe(row.path)
        except MediaError:
            continue  # `nvfair check` says what is wrong with it
        if info.fps is not None and info.frames:
            lengths.append((info.frames / float(info.fps), float(info.fps)))
    if not lengths:
        raise NvfairError(
            "no listed clip can be read, so that the length of clips is not known",
            remedy="say what a clip has on average: --clip-seconds 3.6 --fps 30",
        )
    means = np.mean(lengths, axis=0)
    text = f"the mean of {len(lengths)} of {count_text(len(existing), 'clip')} on disk"
    return seconds or float(means[0]), fps or float(means[1]), text


def _frames(existing: Sequence[ClipRow], stand_in: Callable[[], Iterable[np.ndarray]]) -> Iterator[np.ndarray]:
    from nvfair_tools.media import decode

    if existing:
        yield from (frame.image for frame in decode(existing[0].path))
    else:
        yield from stand_in()


def _sum(hours: Sequence[float | None]) -> float | None:
    """The sum, unknown where a part of it is."""
    known = [value for value in hours if value is not None]
    return sum(known) if len(known) == len(hours) else None
