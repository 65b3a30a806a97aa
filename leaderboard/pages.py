"""The public page: one self-contained HTML file with its figures as JSON and CSV beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from leaderboard.feedback import shown
from leaderboard.store import Scored
from nvfair_tools.atomic import write_text, written_aside
from nvfair_tools.errors import MissingExtra


def export(results: Iterable[Scored], folder: Path) -> Path:
    """Writes index.html, board.json and board.csv to `folder`; returns the page's path."""
    rows = [row for result in results for row in table(shown(result))]
    write_text(folder / "board.json", json.dumps(rows, indent=1, sort_keys=True) + "\n")
    with written_aside(folder / "board.csv") as aside:
        pd.DataFrame(rows).to_csv(aside, index=False)
    index = folder / "index.html"
    write_text(index, _render(rows))
    return index


def page(results: Iterable[Scored]) -> str:
    """The page's HTML."""
    return _render([row for result in results for row in table(result)])


def table(result: Scored) -> list[dict[str, Any]]:
    """One plain row for each test generator of a result. The contact is left out: it is private."""
    rows = []
    for generator, figures in result.figures["generators"].items():
        mean = figures["auc_mean"]
        rows.append(
            {
                "protocol": result.protocol,
                "protocol_digest": result.protocol_digest,
                "dataset_digest": result.dataset_digest,
                "scorer": result.scorer,
                "submission": result.digest,
                "method": result.submission.method,
                "authors": ", ".join(result.submission.authors),
                "generator": generator,
                "trained_on": ", ".join(result.submission.entries[result.entry].trained_on_generators)
                or "not declared",
                "auc_mean": mean["value"],
                "auc_mean_low": mean["low"],
                "auc_mean_high": mean["high"],
                "auc_pooled": figures["auc_pooled"]["value"],
                "trials": figures["trials"]["genuine"] + figures["trials"]["impostor"],
                "overlap": _overlap(result.figures["overlap"]),
            }
        )
    return rows


def _overlap(declared: list[str] | str) -> str:
    if isinstance(declared, str):
        return "training people unknown"
    return f"trained on {len(declared)} test people" if declared else "disjoint"


def _render(rows: list[dict[str, Any]]) -> str:
    try:
        from jinja2 import Environment, PackageLoader
    except ImportError as error:
        raise MissingExtra("jinja2", "board", str(error)) from error
    groups: dict[tuple[str, str, str, bool], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: -row["auc_mean"]):
        comparable = row["overlap"] == "disjoint"
        groups.setdefault((row["protocol"], row["protocol_digest"], row["dataset_digest"], comparable), []).append(row)
    published = json.loads((resources.files("benchmark") / "published.json").read_text(encoding="utf-8"))
    environment = Environment(loader=PackageLoader("leaderboard"), autoescape=True)
    # Comparable entries first; those that overlap, or do not say, stand in lists of their own.
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], not item[0][3], item[0][2]))
    return environment.get_template("board.html.j2").render(groups=ordered, published=published)
