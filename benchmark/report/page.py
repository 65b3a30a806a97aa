"""From a results file to the report page."""

from __future__ import annotations

from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

from benchmark.figures import HEADLINES
from benchmark.notes import NEAR
from benchmark.report.charts import Line, det_chart, roc_chart, strip_chart
from benchmark.report.frames import Sample, sample_frames
from nvfair_tools.atomic import write_text
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import MissingExtra
from nvfair_tools.protocol import TrialRule

# More curves than this cannot be told apart.
_CURVES = 8


def write_report(path: Path, results: dict[str, Any], dataset: Dataset | None = None) -> None:
    """Writes the page for `results` (as `benchmark.evaluate.evaluate` gives them) to `path`.

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
    environment.filters["span"] = _span
    environment.filters["percent"] = lambda value: f"{value * 100:.1f}\u202f%"
    environment.filters["count"] = lambda value: f"{value:,}".replace(",", "\u202f")
    return environment.from_string(source).render(
        r=results,
        headline=_headline(results),
        figure=_figure(results),
        beside="auc_mean" if _figure(results) == "auc_pooled" else "auc_pooled",
        by_driver=results["protocols"][0]["trials"]["rule"] == TrialRule.SAME_DRIVER.value,
        matrix=_matrix(results),
        controls=_controls(results),
        roc=roc_chart(_lines(results, det=False)),
        det=det_chart(_lines(results, det=True)),
        strip=strip_chart(_strip(results)),
        legend=[(line.label, line.colour % 8) for line in _lines(results, det=False)],
        more_curves=max(0, len(results["cells"]) - _CURVES),
        samples=samples or [],
    )


def _figure(results: dict[str, Any]) -> str:
    """Which figure the protocol reports first."""
    return HEADLINES[results["protocols"][0]["scoring"]["headline"]]


def _span(interval: dict[str, Any]) -> str:
    if interval["low"] is None:
        return "no interval"
    return f"{interval['low']:.3f}–{interval['high']:.3f}"


def _headline(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Mean figures of seen and of unseen cells, each kind of method by itself, and whether a shortcut comes near."""
    rows = []
    figure = _figure(results)
    inputs = list(dict.fromkeys(_kind(about) for about in results["methods"].values()))
    relations = (("seen", "Seen generators"), ("unseen", "Unseen generators"), ("selected", "Selected on"))
    for kind, (relation, words) in product(inputs, relations):
        cells = [
            cell
            for cell in results["cells"]
            if cell["relation"] == relation and _kind(results["methods"][cell["method"]]) == kind
        ]
        if not cells:
            continue
        values = [cell[figure]["value"] for cell in cells]
        only = cells[0][figure] if len(cells) == 1 else None
        families = sorted({results["generators"][cell["generator"]] for cell in cells} - {""})
        within = _within_family(results, cells, families) if relation == "unseen" else ""
        rows.append(
            {
                "words": words
                + (f", within the {within} family" if within else "")
                + (f": {kind}" if len(inputs) > 1 else ""),
                "value": sum(values) / len(values),
                "interval": only,
                "cells": len(cells),
                "shortcut": max(
                    (c[figure]["value"], c["control"])
                    for c in results["controls"]
                    if c["generator"] in {cell["generator"] for cell in cells}
                ),
            }
        )
    for row in rows:
        row["near"] = row["shortcut"][0] >= row["value"] - NEAR
    return rows


def _kind(about: dict[str, Any]) -> str:
    """What methods are averaged by: methods of different kinds do not share a headline."""
    return str(about.get("input", about["kind"]))


def _within_family(results: dict[str, Any], cells: list[dict[str, Any]], families: list[str]) -> str:
    """The family that both training and unseen test generators belong to, "" where it is not one."""
    if len(families) != 1:
        return ""
    trained = {results["generators"].get(name, "") for cell in cells for name in cell["train_generators"]}
    return families[0] if families[0] in trained else ""


def _matrix(results: dict[str, Any]) -> dict[str, Any]:
    """Checkpoints x test generators."""
    columns, figure = list(results["generators"]), _figure(results)
    by_place = {(cell["method"], cell["generator"]): cell for cell in results["cells"]}
    best = {
        name: max((c[figure]["value"] for c in results["controls"] if c["generator"] == name), default=0.0)
        for name in columns
    }
    rows = []
    for name, about in results["methods"].items():
        cells = [by_place.get((name, column)) for column in columns]
        near = [cell is not None and best[cell["generator"]] >= cell[figure]["value"] - NEAR for cell in cells]
        rows.append({"name": name, "about": about, "cells": list(zip(cells, near, strict=True))})
    return {"columns": columns, "rows": rows}


def _controls(results: dict[str, Any]) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(c["control"] for c in results["controls"]))
    place = {(c["control"], c["generator"]): c for c in results["controls"]}
    return [
        {
            "name": name,
            "about": results["about_controls"][name],
            "cells": [place.get((name, column)) for column in results["generators"]],
        }
        for name in names
    ]


def _lines(results: dict[str, Any], *, det: bool) -> list[Line]:
    lines = []
    for number, cell in enumerate(results["cells"][:_CURVES]):
        curve = cell["curve"]
        y = [1 - v for v in curve["tpr"]] if det else curve["tpr"]
        label = f"{cell['method']} on {cell['generator']} ({cell['relation']})"
        lines.append(Line(label, curve["fmr"], y, number, dashed=cell["relation"] != "seen"))
    return lines


def _strip(results: dict[str, Any]) -> list[tuple[str, list[tuple[str, float]], float]]:
    return [
        (
            f"{cell['method']} on {cell['generator']} ({cell['relation']})",
            list(cell["per_target"].items()),
            cell["auc_mean"]["value"],
        )
        for cell in results["cells"]
    ]
