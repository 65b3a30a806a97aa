"""From the results of an evaluation to the report's HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.evaluation.embedding_map import EmbeddingMap
from benchmark.evaluation.result_rows import CellResult, StressLevel
from benchmark.evaluation.results import EvaluationResults
from benchmark.report.charts import (
    COLOURS,
    Band,
    Line,
    det_chart,
    histogram_chart,
    map_chart,
    roc_chart,
    strip_chart,
    sweep_chart,
)
from benchmark.report.frames import Sample, sample_frames
from benchmark.report.stress_tables import stress_tables
from benchmark.report.tables import SHORTCUT_SENTENCE, SectionTables, section_tables
from benchmark.report.templates import template
from benchmark.trial_scores.chart_data import ChartData
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.files import write_text

# More curves than this cannot be told apart, and more maps are not looked at.
_MAX_CURVES = 8
_MAX_MAPS = 4


@dataclass(frozen=True)
class Figure:
    """A chart (SVG) with its caption."""

    caption: str
    svg: str


@dataclass(frozen=True)
class MapFigure:
    """The chart of an embedding map, with the shares of the variance along its axes.

    legend: (driver, number of the colour).
    """

    caption: str
    svg: str
    shares: tuple[float, ...]
    legend: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class SectionCharts:
    """The charts of one section, as SVG.

    strip: AUC of each person; people_columns, people_rows: the same by name, (person, AUC in each column). legend:
    (cell's title, number of its colour) of the curves. more_curves: the number of cells beyond those that are drawn.
    """

    roc: str
    det: str
    strip: str
    people_columns: tuple[str, ...]
    people_rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    legend: tuple[tuple[str, int], ...]
    more_curves: int
    histograms: tuple[Figure, ...]
    maps: tuple[MapFigure, ...]


def write_report(
    path: Path, results: EvaluationResults, dataset: Dataset | None = None, *, single_videos: str = ""
) -> None:
    """Writes the page for `results` to `path`.

    dataset: where it holds videos, sample frames are shown. single_videos: name of the page of single videos in the
    same folder, "" where there is none.
    """
    samples = sample_frames(dataset) if dataset is not None else []
    shows_people = dataset is not None and any(sample.frames for sample in samples)
    consent_note = DatasetRights(dataset).note if dataset is not None and shows_people else ""
    write_text(path, render_page(results, samples, single_videos, consent_note))


def render_page(
    results: EvaluationResults, samples: Sequence[Sample] = (), single_videos: str = "", consent_note: str = ""
) -> str:
    """The page as text; raises MissingExtra without Jinja. consent_note: stands beside the frames."""
    sections = section_tables(results)
    return template("page.html.j2").render(
        r=results,
        sections=sections,
        charts={section.number: _section_charts(section) for section in sections},
        shortcut_sentence=SHORTCUT_SENTENCE,
        samples=list(samples),
        single_videos=single_videos,
        consent_note=consent_note,
        stress_tables=stress_tables(results.stress_rates),
        sweeps=_sweep_figures(results),
        stress_levels=[row for row in results.stress if isinstance(row, StressLevel)],
        skipped_sweeps=[row for row in results.stress if not isinstance(row, StressLevel)],
        sweep_legend=[(name, number % COLOURS) for number, name in enumerate(results.methods)],
    )


def _sweep_figures(results: EvaluationResults) -> list[Figure]:
    """A chart of each stress sweep that was run: one line a method, over its levels."""
    rows = [row for row in results.stress if isinstance(row, StressLevel)]
    figures = []
    for sweep in dict.fromkeys(row.sweep for row in rows):
        rows_of_sweep = [row for row in rows if row.sweep == sweep]
        levels = list(dict.fromkeys(row.level for row in rows_of_sweep))
        lines = []
        for number, method in enumerate(results.methods):
            scored = [
                (levels.index(row.level), row.auc_mean)
                for row in rows_of_sweep
                if row.method == method and row.auc_mean is not None
            ]
            x = [position for position, _ in scored]
            ends = [(auc.low, auc.high) for _, auc in scored if auc.low is not None and auc.high is not None]
            band = (x, [low for low, _ in ends], [high for _, high in ends]) if len(ends) == len(scored) else None
            lines.append(Line(method, x, [auc.value for _, auc in scored], number, band=band))
        svg = sweep_chart(lines, [f"{level:g}" for level in levels], sweep)
        figures.append(Figure(f"{sweep}: {results.stress_descriptions.get(sweep, '')}", svg))
    return figures


def _section_charts(section: SectionTables) -> SectionCharts:
    charts_of_cell = [(cell, cell.figures.charts) for cell in section.cells if cell.figures.charts is not None]
    drawn = charts_of_cell[:_MAX_CURVES]
    mapped = [(cell, cell.embedding_map) for cell in section.cells if cell.embedding_map is not None]
    return SectionCharts(
        roc=roc_chart([_line(cell, data, number, det=False) for number, (cell, data) in enumerate(drawn)]),
        det=det_chart([_line(cell, data, number, det=True) for number, (cell, data) in enumerate(drawn)]),
        strip=strip_chart(
            [
                (cell.title, list(cell.figures.auc_by_target.items()), cell.figures.auc_mean.value)
                for cell in section.cells
            ]
        ),
        people_columns=tuple(cell.title for cell in section.cells),
        people_rows=tuple(
            (person, tuple(cell.figures.auc_by_target.get(person) for cell in section.cells))
            for person in sorted({person for cell in section.cells for person in cell.figures.auc_by_target})
        ),
        legend=tuple((cell.title, number % COLOURS) for number, (cell, _) in enumerate(drawn)),
        more_curves=len(section.cells) - len(drawn),
        histograms=tuple(Figure(cell.title, _histogram(cell, data)) for cell, data in drawn),
        maps=tuple(_map_figure(cell, embedding_map) for cell, embedding_map in mapped[:_MAX_MAPS]),
    )


def _line(cell: CellResult, data: ChartData, number: int, *, det: bool) -> Line:
    y = [1 - rate for rate in data.curve.tpr] if det else data.curve.tpr
    return Line(cell.title, data.curve.fmr, y, number, dashed=cell.relation != "seen", band=_band(data, det=det))


def _band(data: ChartData, *, det: bool) -> Band | None:
    """The band around a curve; None where there are too few people for one."""
    band = data.band
    points = [
        (fmr, low, high)
        for fmr, low, high in zip(band.fmr, band.low, band.high, strict=True)
        if fmr is not None and low is not None and high is not None
    ]
    if band.reason or not points:
        return None
    x, low, high = ([point[axis] for point in points] for axis in range(3))
    return (x, [1 - rate for rate in high], [1 - rate for rate in low]) if det else (x, low, high)


def _histogram(cell: CellResult, data: ChartData) -> str:
    # Shares of each kind by its own number: there are many times more impostor trials.
    genuine, impostor = (
        [count / max(sum(counts), 1) for count in counts]
        for counts in (data.histogram.genuine, data.histogram.impostor)
    )
    return histogram_chart(data.histogram.edges, genuine, impostor, cell.title)


def _map_figure(cell: CellResult, embedding_map: EmbeddingMap) -> MapFigure:
    drawn_numbers = {number for _, _, number, _ in embedding_map.points}
    legend = [(name, number % COLOURS) for number, name in enumerate(embedding_map.drivers) if number in drawn_numbers]
    return MapFigure(cell.title, map_chart(embedding_map.points, cell.title), embedding_map.shares, tuple(legend))
