"""What a reader must know before any figure, in words."""

from __future__ import annotations

from typing import Any

from benchmark.controls.null_controls import null_warnings
from nvfair_tools.dataset import Dataset


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
    found += null_warnings(results["nulls"])
    found += _near_shortcuts(results)
    found += _families(results, dataset)
    return found


def _near_shortcuts(results: dict[str, Any]) -> list[str]:
    """For each method and set of trials, in words, the cells that a shortcut comes near (`metrics.margin`)."""
    found = []
    for section, method in dict.fromkeys((cell["section"], cell["method"]) for cell in results["cells"]):
        mine = [cell for cell in results["cells"] if (cell["section"], cell["method"]) == (section, method)]
        near = [cell for cell in mine if "margin" in cell and cell["margin"]["near"]]
        if near:
            protocols = " and ".join(dict.fromkeys(cell["protocol"] for cell in near))
            told = "; ".join(f"{cell['generator']}: {_against(cell)}" for cell in near)
            found.append(
                f"{protocols}: {method} need not have used facial motion: a shortcut comes near it on {len(near)} "
                f"generator(s). {told}."
            )
    return found


def _against(cell: dict[str, Any]) -> str:
    value, gain = cell["auc_mean"]["value"], cell["margin"]
    return f"{gain['shortcut']} {value - gain['value']:.3f} against {value:.3f}"


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
