"""Results of one section: cells, shortcuts, null controls and exclusions of protocols with the same trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark import controls
from benchmark.controls.null_controls import score_null_rows, trial_null_rows
from benchmark.evaluation.cache import CachedWindows, EvaluationCache
from benchmark.evaluation.embedding_map import compute_embedding_map
from benchmark.evaluation.result_rows import (
    CellResult,
    Exclusions,
    ShortcutMargin,
    ShortcutResult,
    TargetWithoutTrials,
    ValidationSource,
)
from benchmark.evaluation.sections import (
    NothingToScore,
    PlannedCell,
    PlannedSection,
    Section,
)
from benchmark.evaluation.validation import ValidationScores
from benchmark.metrics.margin import margin_over_shortcuts
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.cells import CellContext, compute_cell_figures
from benchmark.trials.trials import TargetTrials, cell_generators, cell_names, make_trials
from benchmark.windows.window_set import WindowSet


@dataclass(frozen=True)
class SectionResults:
    """Results of one section.

    null_rows: rows of null controls before they are corrected for their number. people: everybody in the test videos.
    videos: the table of scored videos. windows: the number of scored windows.
    """

    cells: list[CellResult]
    shortcuts: list[ShortcutResult]
    null_rows: list[dict[str, Any]]
    exclusions: Exclusions
    people: list[str]
    videos: pd.DataFrame
    windows: int


def evaluate_section(cache: EvaluationCache, plan: PlannedSection) -> SectionResults:
    """Scores the candidates and the shortcuts on a section's trials.

    Raises NothingToScore where no target has both kinds of trials.
    """
    section, protocol = plan.section, plan.section.protocol
    test_generators, requested_videos, people = plan.generators, plan.videos, plan.people
    cached = cache.windows(requested_videos, protocol)
    windows = cached.windows
    if cache.evidence is not None:
        cache.evidence.write_videos(requested_videos, windows.videos["video"], section.number)
    trials_of_cell = {
        cell: list(make_trials(windows.videos, cell, protocol.trials))
        for cell in cell_names(test_generators, protocol.trials)
    }
    planned = [cell for cell in plan.cells if _has_complete_target(trials_of_cell[cell.generator])]
    if not planned:
        raise NothingToScore(
            "no target has both genuine and impostor trials",
            where=f"protocol {section.title}",
            remedy="`nvfair protocols count` says which targets lack which, and why",
        )
    validation = {
        candidate.name: cache.validation_scores(candidate, protocol, frozenset(people), section.number)
        for candidate in {cell.candidate.name: cell.candidate for cell in planned}.values()
    }
    cache.progress("scoring shortcuts and null controls")
    scorers = controls.shortcut_scorers(cache.dataset, windows, cache.training_windows(protocol))
    shortcuts = [
        ShortcutResult(section.number, row.control, row.generator, row.figures)
        for row in controls.shortcut_rows(scorers, windows.videos, trials_of_cell, protocol)
    ]
    null_rows = [
        row | {"section": section.number, "generator": cell, "method": ""}
        for cell, cell_trials in trials_of_cell.items()
        if _has_complete_target(cell_trials)
        for row in trial_null_rows(cell_trials, windows.videos, protocol)
    ]
    scoring = _CellScoring(cache, section, requested_videos, cached, trials_of_cell, shortcuts, validation)
    cells = []
    for cell in planned:
        result, rows = scoring.score(cell)
        cells.append(result)
        null_rows += rows
    exclusions = count_exclusions(section.number, requested_videos, windows, trials_of_cell)
    return SectionResults(cells, shortcuts, null_rows, exclusions, list(people), windows.videos, len(windows))


@dataclass(frozen=True)
class _CellScoring:
    """Scores the cells of one section; the fields are what they share.

    trials_of_cell: cell's name -> trials over the positions of the cached windows' videos. validation: candidate's name
    -> its scores of validation people.
    """

    cache: EvaluationCache
    section: Section
    requested_videos: pd.DataFrame
    cached: CachedWindows
    trials_of_cell: Mapping[str, list[TargetTrials]]
    shortcuts: Sequence[ShortcutResult]
    validation: Mapping[str, ValidationScores]

    def score(self, cell: PlannedCell) -> tuple[CellResult, list[dict[str, Any]]]:
        """(the cell's results, rows of the null controls of its scores)."""
        candidate, protocol, windows = cell.candidate, self.section.protocol, self.cached.windows
        embeddings, file = self.cache.embeddings(candidate, self.cached, self.section.number)
        self.cache.progress(f"scoring {candidate.name} on {cell.generator}")
        scorer = candidate.scorer(embeddings, windows, protocol.scoring)
        validation = self.validation[candidate.name]
        context = CellContext(self.requested_videos, validation.scores, self.cache.demographics)
        figures = compute_cell_figures(scorer, windows.videos, cell.generator, cell.protocol, context)
        result = CellResult(
            method=candidate.name,
            section=self.section.number,
            train_generators=tuple(sorted(candidate.declaration.training.generators or ())),
            generator=cell.generator,
            relation=cell.relation,
            protocol=cell.protocol.name,
            protocol_digest=cell.protocol.digest,
            contaminated=cell.contaminated,
            evidence=file,
            validation=ValidationSource(validation.people, validation.reason),
            figures=figures,
            margin=self._margin(cell, figures),
            embedding_map=None
            if embeddings is None
            else compute_embedding_map(embeddings, windows.videos, cell_generators(cell.generator)),
        )
        null_rows = [
            row | {"section": self.section.number, "generator": cell.generator, "method": candidate.name}
            for row in score_null_rows(scorer, self.trials_of_cell[cell.generator], windows.videos, protocol)
        ]
        return result, null_rows

    def _margin(self, cell: PlannedCell, figures: CellFigures) -> ShortcutMargin | None:
        """The margin of a cell over the strongest shortcut on its trials; None where there is no shortcut."""
        shortcuts = {
            row.name: row.figures.resampled_mean
            for row in self.shortcuts
            if row.generator == cell.generator and row.figures.resampled_mean is not None
        }
        if figures.resampled_mean is None:
            return None
        margin = margin_over_shortcuts(figures.resampled_mean, shortcuts, cell.protocol.uncertainty.confidence)
        return None if margin is None else ShortcutMargin.from_margin(margin)


def _has_complete_target(cell_trials: Sequence[TargetTrials]) -> bool:
    return any(target_trials.complete for target_trials in cell_trials)


def count_exclusions(
    section: int, requested_videos: pd.DataFrame, windows: WindowSet, trials_of_cell: Mapping[str, list[TargetTrials]]
) -> Exclusions:
    """What a section leaves out: videos, clips and people without a window, and targets without trials.

    section: its number. requested_videos: rows of the data set's table. windows: of those videos.
    """
    excluded = windows.excluded.assign(whole=windows.excluded["windows_kept"] == 0)
    videos_lost = excluded[excluded["whole"]]["reason"].value_counts()
    windows_lost = excluded.groupby("reason")["windows_lost"].sum()
    lost = excluded[excluded["whole"]].merge(requested_videos[["video", "clip", "driver"]], on="video")
    lost_by_reason = lost.groupby("reason")[["clip", "driver"]].nunique()
    return Exclusions(
        section=section,
        requested_videos=len(requested_videos),
        scored_videos=len(windows.videos),
        videos_lost={str(reason): int(count) for reason, count in videos_lost.items()},
        windows_lost={str(reason): int(count) for reason, count in windows_lost.items() if int(count) > 0},
        targets_without_trials=tuple(
            TargetWithoutTrials(cell, target_trials.target, target_trials.incomplete_reason)
            for cell, cell_trials in trials_of_cell.items()
            for target_trials in cell_trials
            if not target_trials.complete
        ),
        clips_lost={str(reason): int(count) for reason, count in lost_by_reason["clip"].items()},
        people_lost={str(reason): int(count) for reason, count in lost_by_reason["driver"].items()},
        people_without_videos=len({*requested_videos["driver"]} - {*windows.videos["driver"]}),
    )
