"""What a reader must know before any figure, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.figures import HEADLINES
from nvfair_tools.dataset import Dataset

# A control at most this far below a method's figure "comes near" it.
NEAR = 0.03


def notes(results: dict[str, Any], dataset: Dataset) -> list[str]:
    """Warnings about the figures in `results`, the gravest first; empty where there is nothing to warn of."""
    found = []
    cells = results["cells"]
    if results["data"]["simulated"]:
        found.append("These people are simulated: the figures say how the tools behave, nothing about real people.")
    stamped = sorted({reason for cell in cells for reason in cell["contaminated"]})
    if stamped:
        found.append("Contaminated: " + "; ".join(stamped) + ".")
    for name, about in results["methods"].items():
        if about["unknown"]:
            found.append(f"{name} does not say what its {', '.join(about['unknown'])} saw: it may know these people.")
    found += [f"Not scored under {one['title']}: {one['reason']}." for one in results["not_scored"]]
    found += _near_shortcuts(results)
    found += _families(results, dataset)
    return found


def _near_shortcuts(results: dict[str, Any]) -> list[str]:
    found = []
    for section in sorted({cell["section"] for cell in results["cells"]}):
        protocol = next(p for p in results["protocols"] if p["section"] == section)
        figure = HEADLINES[protocol["scoring"]["headline"]]
        mine = [cell for cell in results["cells"] if cell["section"] == section]
        beside = [control for control in results["controls"] if control["section"] == section]
        for method in dict.fromkeys(cell["method"] for cell in mine):
            near = _near([cell for cell in mine if cell["method"] == method], beside, figure)
            if near:
                found.append(
                    f"{protocol['name']}: {method} need not have used motion: a shortcut comes near it on {len(near)} "
                    "generator(s). " + "; ".join(near) + "."
                )
    return found


def _near(cells: Sequence[dict[str, Any]], shortcuts: Sequence[dict[str, Any]], figure: str) -> list[str]:
    """For each cell that its strongest shortcut comes near, the two figures in words."""
    found = []
    for cell in cells:
        beside = [x for x in shortcuts if x["generator"] == cell["generator"]]
        best = max(beside, key=lambda x: x[figure]["value"], default=None)
        if best is not None and best[figure]["value"] >= cell[figure]["value"] - NEAR:
            short, value = best[figure]["value"], cell[figure]["value"]
            found.append(f"{cell['generator']}: {best['control']} {short:.3f} against {value:.3f}")
    return found


def _families(results: dict[str, Any], dataset: Dataset) -> list[str]:
    """Where unseen generators are of a family that training knows."""
    found = []
    families = results["generators"]
    trained = {name for cell in results["cells"] for name in cell["train_generators"]}
    known = dataset.videos.dropna(subset="generator").drop_duplicates("generator").set_index("generator")
    for family in sorted({f for f in families.values() if f}):
        members = {name for name in trained if name in known.index and known.loc[name, "generator_family"] == family}
        unseen = [c for c in results["cells"] if c["relation"] == "unseen" and families.get(c["generator"]) == family]
        if members and unseen:
            found.append(
                f"Unseen generators here are unseen within the {family} family: its members share more than unrelated "
                "generators do."
            )
    return found
