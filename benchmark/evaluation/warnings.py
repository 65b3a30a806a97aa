"""Warnings about the figures of an evaluation, in words, for its report."""

from __future__ import annotations

from benchmark.controls.null_controls import null_warnings
from benchmark.evaluation.result_rows import CellResult, ShortcutMargin
from benchmark.evaluation.results import EvaluationResults
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import refused_rows
from nvfair_tools.governance.decision import count_reasons
from nvfair_tools.landmarks.sources_of_points import mixture_text
from nvfair_tools.quantities import count_text


def evaluation_warnings(results: EvaluationResults, dataset: Dataset) -> list[str]:
    """What a reader must know before any figure in `results`, the gravest first; empty where there is nothing."""
    warnings = []
    if results.data.simulated:
        warnings.append("These people are simulated: the figures say how the tools behave, nothing about real people.")
    overlaps = sorted({overlap for cell in results.cells for overlap in cell.contaminated})
    if overlaps:
        warnings.append("Contaminated: " + "; ".join(overlaps) + ".")
    for name, record in results.methods.items():
        if record.unknown_roles:
            roles = ", ".join(record.unknown_roles)
            warnings.append(f"{name} does not say what its {roles} saw: it may know these people.")
    warnings += _landmarker_warnings(results, dataset)
    warnings += _refused_videos_warning(results, dataset)
    warnings += [f"Not scored under {section.title}: {section.reason}." for section in results.unscored]
    warnings += null_warnings([null.to_json() for null in results.nulls])
    warnings += _near_shortcut_warnings(results)
    warnings += _family_warnings(results, dataset)
    return warnings


def _landmarker_warnings(results: EvaluationResults, dataset: Dataset) -> list[str]:
    """One warning where several landmarkers found this data set's faces, and one for each method trained on another."""
    here = dataset.landmark_sources
    warnings = []
    if len(here) > 1:
        warnings.append(f"The faces of this data set were found by {mixture_text(here)}.")
    for name, record in results.methods.items():
        trained_on = frozenset(filter(None, record.data.get("landmarkers", "").split("; ")))
        if here and trained_on and trained_on != here:
            warnings.append(
                f"{name} was trained on faces found by {' and '.join(sorted(trained_on))}, and these were found by "
                f"{mixture_text(here)}. Its figures mix that difference with its own."
            )
    return warnings


def _refused_videos_warning(results: EvaluationResults, dataset: Dataset) -> list[str]:
    """How many of the test people's reenactments people or licences refuse; nothing where none is refused."""
    splits = {entry.protocol.split.test for entry in results.protocols}
    videos = dataset.videos[dataset.videos["generator"].notna() & dataset.videos["split"].isin(splits)]
    reasons = videos.loc[refused_rows(videos), "reason"]
    if reasons.empty:
        return []
    left_out = count_text(len(reasons), "reenactment")
    return [f"{left_out} of test people left out, as people or licences refuse: {count_reasons(reasons)}."]


def _near_shortcut_warnings(results: EvaluationResults) -> list[str]:
    """One warning for each method and section of which a shortcut comes near a cell (`benchmark.metrics.margin`)."""
    warnings = []
    for section, method in dict.fromkeys((cell.section, cell.method) for cell in results.cells):
        cells = [cell for cell in results.cells if (cell.section, cell.method) == (section, method)]
        margins = [(cell, cell.margin) for cell in cells if cell.margin is not None and cell.margin.near]
        if margins:
            protocols = " and ".join(dict.fromkeys(cell.protocol for cell, _ in margins))
            comparisons = "; ".join(f"{cell.generator}: {_comparison(cell, margin)}" for cell, margin in margins)
            warnings.append(
                f"{protocols}: {method} need not have used facial motion: a shortcut comes near it on "
                f"{count_text(len(margins), 'generator')}. {comparisons}."
            )
    return warnings


def _comparison(cell: CellResult, margin: ShortcutMargin) -> str:
    auc = cell.figures.auc_mean.value
    return f"{margin.shortcut} {auc - margin.value:.3f} against {auc:.3f}"


def _family_warnings(results: EvaluationResults, dataset: Dataset) -> list[str]:
    """One warning for each family of unseen generators of which training knows a member."""
    warnings = []
    trained_on = {name for cell in results.cells for name in cell.train_generators}
    generators = dataset.videos.dropna(subset="generator").drop_duplicates("generator").set_index("generator")
    for family in sorted({family for family in results.generators.values() if family}):
        members = {
            name
            for name in trained_on
            if name in generators.index and generators.loc[name, "generator_family"] == family
        }
        has_unseen = any(
            cell.relation == "unseen" and results.generators.get(cell.generator) == family for cell in results.cells
        )
        if members and has_unseen:
            warnings.append(
                f"Unseen generators here are unseen within the {family} family: its members share more than unrelated "
                "generators do."
            )
    return warnings
