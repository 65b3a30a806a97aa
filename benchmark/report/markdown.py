"""The report as Markdown, for a pull request, a model card or an issue: tables only, no pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.evaluation.result_rows import Exclusions
from benchmark.evaluation.results import EvaluationResults
from benchmark.report.stress_tables import percent, stress_tables
from benchmark.report.tables import SHORTCUT_SENTENCE, SectionTables, section_tables
from benchmark.stress.rates import StressRate
from benchmark.trial_scores.figure_values import IntervalFigure
from nvfair_tools.files import write_text
from nvfair_tools.quantities import count_text


def write_markdown(path: Path, results: EvaluationResults) -> None:
    """Writes the Markdown report of `results` to `path`."""
    write_text(path, render_markdown(results))


def render_markdown(results: EvaluationResults) -> str:
    """The Markdown report of `results` as text."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: EvaluationResults) -> Iterator[str]:
    data = results.data
    people, videos = len(data.test_people), data.videos
    yield (
        f"# {escaped(data.name or 'Data set')}: {count_text(people, 'test person')}, "
        f"{count_text(videos, 'reenactment')}"
    )
    yield ""
    for warning in results.warnings:
        yield f"> **{escaped(warning)}**"
        yield ">"
    for section in section_tables(results):
        yield from _section_lines(section)
    if results.stress_rates:
        yield ""
        yield "## Error rates under stress"
        yield ""
        yield from stress_lines(results.stress_rates, level=3)
    yield from _origin_lines(results)


def _section_lines(section: SectionTables) -> Iterator[str]:
    figure = section.figure
    yield ""
    yield f"## {section.title}"
    yield ""
    yield f"{section.trials_words} {section.figure_words.capitalize()}, intervals resample people."
    yield ""
    rows: list[list[object]] = []
    for method in section.matrix:
        texts = [
            "–"
            if cell is None
            else _with_interval(cell.figures.auc(figure)) + (" **near a shortcut**" if cell.is_near_shortcut else "")
            for cell in method.cells
        ]
        rows.append([method.name, method.trained, *texts])
    for shortcut in section.shortcuts:
        texts = ["–" if cell is None else _with_interval(cell.figures.auc(figure)) for cell in shortcut.cells]
        rows.append([f"*shortcut: {shortcut.name}*", "–", *texts])
    yield from _table_lines(["method", "trained on", *section.columns], rows)
    yield ""
    if any(cell is not None and cell.is_near_shortcut for method in section.matrix for cell in method.cells):
        yield SHORTCUT_SENTENCE
        yield ""
    yield from _table_lines(
        ["method", "tested on", section.other_figure_words, "EER", "genuine", "impostor"],
        [
            [
                cell.method,
                f"{cell.generator} ({cell.relation})",
                _with_interval(cell.figures.auc(section.other_figure)),
                f"{cell.figures.eer.value:.3f}",
                cell.figures.trials.genuine,
                cell.figures.trials.impostor,
            ]
            for cell in section.cells
        ],
    )
    for exclusions in section.exclusions:
        reasons = ", ".join(_loss_words(exclusions, reason) for reason in exclusions.videos_lost) or "none lost"
        yield ""
        gone = exclusions.people_without_videos
        people = f" {count_text(gone, 'person drives', 'people drive')} none of them." if gone else ""
        yield (
            f"{exclusions.scored_videos} of {count_text(exclusions.requested_videos, 'video')} scored "
            f"({reasons}).{people}"
        )


def stress_lines(rows: Sequence[StressRate], level: int) -> Iterator[str]:
    """Lines of Markdown: a sentence and a table for each test. level: of the headings."""
    for tables in stress_tables(rows):
        yield f"{'#' * level} {escaped(tables.method)} on {escaped(tables.generator)}"
        yield ""
        yield f"Threshold: {escaped(tables.rule or 'none')}."
        for test in tables.tests:
            yield ""
            if test.skipped:
                yield f"**{test.name.capitalize()}**: not run, {escaped(test.skipped)}."
                continue
            yield f"**{test.name.capitalize()}.** {escaped(test.sentence)}"
            yield ""
            yield from _table_lines(
                ["case", "changed", "FNMR", "FMR" if test.has_genuine else "accepted", "AUC", "people", "comparisons"],
                [
                    [
                        f"{row.case} ({row.note})" if row.note else row.case,
                        row.side or "–",
                        percent(row.fnmr),
                        percent(row.fmr),
                        "–" if row.auc is None else f"{row.auc.value:.3f}",
                        row.people,
                        f"{row.genuine} + {row.impostor}" + (f", {row.lost} lost" if row.lost else ""),
                    ]
                    for row in test.rows
                ],
            )
        yield ""


def _loss_words(exclusions: Exclusions, reason: str) -> str:
    """How many videos were lost for this reason, and of how many clips and people where that is recorded."""
    words = f"{exclusions.videos_lost[reason]} {reason}"
    if reason not in exclusions.clips_lost:
        return words
    return (
        f"{words}: {count_text(exclusions.clips_lost[reason], 'clip')} of "
        f"{count_text(exclusions.people_lost[reason], 'person')}"
    )


def _origin_lines(results: EvaluationResults) -> Iterator[str]:
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield ""
    yield "## How this was made"
    yield ""
    yield f"* data: {escaped(results.data.name)}, sha256 {results.data.sha256}"
    for entry in results.protocols:
        yield f"* protocol: {entry.protocol.name}, {entry.digest}"
    yield f"* machine: {machine.processor}, {machine.device}; {machine.seconds} s"
    yield f"* software: Python {machine.python}, {versions}"


def _with_interval(auc: IntervalFigure) -> str:
    return f"{auc.value:.3f} ({auc.interval_text})"


def _table_lines(head: Sequence[object], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(escaped(cell) for cell in head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(escaped(cell) for cell in row) + " |"


def escaped(value: object) -> str:
    """Text that cannot leave its cell or become markup: names come from data sets and methods of others."""
    text = str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
    return text.replace("<", "&lt;").replace("`", "\\`").replace("[", "\\[")
