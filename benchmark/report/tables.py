"""From a results file to the rows of the report: what HTML and Markdown both show."""

from __future__ import annotations

from itertools import product
from typing import Any

from benchmark.metrics.margin import NEAR
from benchmark.protocols.schema import TrialRule
from benchmark.trial_scores.cell_figures import HEADLINE_FIGURES

Results = dict[str, Any]
_RELATIONS = (
    ("seen", "Seen generators"),
    ("unseen", "Unseen generators"),
    ("selected", "Selected on"),
    ("mixed", "One seen, one unseen"),
    ("unknown", "Unknown training"),
)
# What is compared, by the trials' rule.
_TRIALS = {
    TrialRule.SELF_SELF_VS_SELF_CROSS.value: "Each target's own videos (self-reenactments) are compared with each "
    "other (genuine) and with videos of the same face that other people drive (impostor).",
    TrialRule.CROSS_CROSS.value: "Both videos are cross-reenactments of one face: genuine where one person drives "
    "both, by different clips.",
    TrialRule.SAME_DRIVER.value: "Videos of any faces are compared: genuine where one person drives both, by "
    "different clips; impostor where two people do.",
}


def label(cell: dict[str, Any]) -> str:
    """A cell in words."""
    return f"{cell['method']} on {cell['generator']} ({cell['relation']})"


def near_shortcut(cell: dict[str, Any]) -> bool:
    """Whether a shortcut comes near the cell's figure."""
    return bool(cell.get("margin", {}).get("near", False))


def span(interval: dict[str, Any]) -> str:
    """An interval in words."""
    return "no interval" if interval["low"] is None else f"{interval['low']:.3f}–{interval['high']:.3f}"


def sections(results: Results) -> list[dict[str, Any]]:
    """One entry for each set of trials: its protocols, cells, matrix, controls and what was left out."""
    found = []
    for number in sorted({cell["section"] for cell in results["cells"]}):
        protocols = [p for p in results["protocols"] if p["section"] == number]
        part = {
            key: [row for row in results.get(key, []) if row["section"] == number]
            for key in ("cells", "controls", "exclusions", "seeds", "nulls")
        }
        figure = HEADLINE_FIGURES[protocols[0]["scoring"]["headline"]]
        by_driver = protocols[0]["trials"]["rule"] == TrialRule.SAME_DRIVER.value
        mean, pooled = f"mean AUC over {'drivers' if by_driver else 'target people'}", "AUC of all trials in one pot"
        found.append(
            {
                "number": number,
                "protocols": protocols,
                "title": " and ".join(p["name"] for p in protocols),
                "figure": figure,
                "figure_words": pooled if figure == "auc_pooled" else mean,
                "beside": "auc_mean" if figure == "auc_pooled" else "auc_pooled",
                "beside_words": mean if figure == "auc_pooled" else pooled,
                "by_driver": by_driver,
                "trials_words": _TRIALS.get(protocols[0]["trials"]["rule"], protocols[0]["title"]),
                **part,
                "headline": _headline(results, part, figure),
                "matrix": _matrix(results, part),
                "shortcuts": _shortcuts(results, part),
                "subgroups": [
                    {"method": cell["method"], "generator": cell["generator"], "column": column, **found}
                    for cell in part["cells"]
                    for column, found in cell.get("subgroups", {}).items()
                ],
            }
        )
    return found


def _headline(results: Results, part: dict[str, Any], figure: str) -> list[dict[str, Any]]:
    """Mean figures of seen and of unseen cells, each kind of method by itself, and whether a shortcut comes near."""
    rows = []
    kinds = list(dict.fromkeys(_kind(about) for about in results["methods"].values()))
    for kind, (relation, words) in product(kinds, _RELATIONS):
        cells = [
            cell
            for cell in part["cells"]
            if cell["relation"] == relation and _kind(results["methods"][cell["method"]]) == kind
        ]
        if not cells:
            continue
        values = [cell[figure]["value"] for cell in cells]
        families = sorted({results["generators"].get(cell["generator"], "") for cell in cells} - {""})
        within = _within_family(results, cells, families) if relation == "unseen" else ""
        places = {cell["generator"] for cell in cells}
        beside = [(c[figure]["value"], c["control"]) for c in part["controls"] if c["generator"] in places]
        shortcut = max(beside, default=None)
        value = sum(values) / len(values)
        rows.append(
            {
                "words": words
                + (f", within the {within} family" if within else "")
                + (f": {kind}" if len(kinds) > 1 else ""),
                "value": value,
                "interval": cells[0][figure] if len(cells) == 1 else None,
                "cells": len(cells),
                "shortcut": shortcut,
                "near": (shortcut is not None and shortcut[0] >= value - NEAR) or all(map(near_shortcut, cells)),
            }
        )
    return rows


def _kind(about: dict[str, Any]) -> str:
    """What methods are averaged by: methods of different kinds do not share a headline."""
    return str(about.get("input", about["kind"]))


def _within_family(results: Results, cells: list[dict[str, Any]], families: list[str]) -> str:
    """The family that both training and unseen test generators belong to, "" where it is not one."""
    if len(families) != 1:
        return ""
    trained = {results["generators"].get(name, "") for cell in cells for name in cell["train_generators"]}
    return families[0] if families[0] in trained else ""


def _columns(part: dict[str, Any]) -> list[str]:
    return sorted({row["generator"] for row in (*part["cells"], *part["controls"])})


def _matrix(results: Results, part: dict[str, Any]) -> dict[str, Any]:
    """Methods x test generators, each cell with whether a shortcut comes near it."""
    columns = _columns(part)
    by_place = {(cell["method"], cell["generator"]): cell for cell in part["cells"]}
    rows = []
    for name, about in results["methods"].items():
        cells = [by_place.get((name, column)) for column in columns]
        near = [cell is not None and near_shortcut(cell) for cell in cells]
        trained = about["generators"]["training"]
        rows.append(
            {
                "name": name,
                "kind": _kind(about),
                "trained": "unknown" if trained is None else ", ".join(trained) or "nothing",
                "cells": list(zip(cells, near, strict=True)),
            }
        )
    return {"columns": columns, "rows": [row for row in rows if any(cell for cell, _ in row["cells"])]}


def _shortcuts(results: Results, part: dict[str, Any]) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(c["control"] for c in part["controls"]))
    place = {(c["control"], c["generator"]): c for c in part["controls"]}
    return [
        {
            "name": name,
            "about": results["about_controls"].get(name, ""),
            "cells": [place.get((name, column)) for column in _columns(part)],
        }
        for name in names
    ]
