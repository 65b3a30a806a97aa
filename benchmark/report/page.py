"""From a results file to the report page."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from benchmark.report import tables
from benchmark.report.charts import (
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
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import MissingExtra
from nvfair_tools.files import write_text

# More curves than this cannot be told apart, and more maps are not looked at.
_CURVES = 8
_MAPS = 4


def write_report(path: Path, results: dict[str, Any], dataset: Dataset | None = None) -> None:
    """Writes the page for `results` (as `benchmark.evaluation.run.evaluate` gives them) to `path`.

    dataset: where it holds videos, sample frames are shown.
    """
    samples = sample_frames(dataset) if dataset is not None else []
    write_text(path, render(results, samples))


def render(results: dict[str, Any], samples: list[Sample] | None = None) -> str:
    """The page as text."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtra("jinja2", "train", str(error)) from error
    source = (resources.files("benchmark.report") / "page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["auc"] = lambda value: "–" if value is None else f"{value:.3f}"
    environment.filters["span"] = tables.span
    environment.filters["percent"] = lambda value: f"{value * 100:.1f}\u202f%"
    environment.filters["count"] = lambda value: f"{value:,}".replace(",", "\u202f")
    sections = [section | _charts(section) for section in tables.sections(results)]
    methods = list(results["methods"])
    return environment.from_string(source).render(
        r=results,
        sections=sections,
        samples=samples or [],
        sweeps=_sweeps(results, methods),
        sweep_legend=[(name, n % 8) for n, name in enumerate(methods)],
    )


def _sweeps(results: dict[str, Any], methods: list[str]) -> list[dict[str, Any]]:
    """A chart of each stress sweep that was run: one line a method, over its levels."""
    rows = [row for row in results["stress"] if "skipped" not in row]
    charts = []
    for name in dict.fromkeys(row["sweep"] for row in rows):
        mine = [row for row in rows if row["sweep"] == name]
        levels = list(dict.fromkeys(row["level"] for row in mine))
        lines = []
        for number, method in enumerate(methods):
            found = [row for row in mine if row["method"] == method and row["auc_mean"]]
            x = [levels.index(row["level"]) for row in found]
            sure = all(row["auc_mean"]["low"] is not None for row in found)
            low, high = ([row["auc_mean"][end] for row in found] for end in ("low", "high"))
            band = (x, low, high) if sure else None
            lines.append(Line(method, x, [row["auc_mean"]["value"] for row in found], number, band=band))
        svg = sweep_chart(lines, [f"{level:g}" for level in levels], name)
        charts.append({"name": name, "svg": svg, "about": f"{name}: {results['about_stress'].get(name, '')}"})
    return charts


def _charts(section: dict[str, Any]) -> dict[str, Any]:
    cells = section["cells"]
    drawn = cells[:_CURVES]
    return {
        "roc": roc_chart([_line(cell, n, det=False) for n, cell in enumerate(drawn)]),
        "det": det_chart([_line(cell, n, det=True) for n, cell in enumerate(drawn)]),
        "strip": strip_chart(
            [(tables.label(cell), list(cell["per_target"].items()), cell["auc_mean"]["value"]) for cell in cells]
        ),
        "legend": [(tables.label(cell), n % 8) for n, cell in enumerate(drawn)],
        "more_curves": len(cells) - len(drawn),
        "histograms": [
            {
                "label": tables.label(cell),
                "svg": _histogram(cell),
            }
            for cell in drawn
        ],
        "maps": [
            {"label": tables.label(cell), "svg": map_chart(cell["map"]["points"], tables.label(cell)), **cell["map"]}
            for cell in [cell for cell in cells if "map" in cell][:_MAPS]
        ],
    }


def _line(cell: dict[str, Any], number: int, *, det: bool) -> Line:
    curve = cell["curve"]
    y = [1 - v for v in curve["tpr"]] if det else curve["tpr"]
    dashed, band = cell["relation"] != "seen", _band(cell, det=det)
    return Line(tables.label(cell), curve["fmr"], y, number, dashed=dashed, band=band)


def _histogram(cell: dict[str, Any]) -> str:
    counts = cell["histogram"]
    # Each kind by its own number: there are many times more impostor trials.
    genuine, impostor = ([n / max(sum(counts[kind]), 1) for n in counts[kind]] for kind in ("genuine", "impostor"))
    return histogram_chart(counts["edges"], genuine, impostor, tables.label(cell))


def _band(cell: dict[str, Any], *, det: bool) -> Band | None:
    """The band around a curve; None where there are too few people for one."""
    bands = cell["bands"]
    known = [n for n, low in enumerate(bands["low"]) if low is not None and bands["high"][n] is not None]
    if bands["reason"] or not known:
        return None
    x, low, high = ([bands[key][n] for n in known] for key in ("fmr", "low", "high"))
    return (x, [1 - v for v in high], [1 - v for v in low]) if det else (x, low, high)
