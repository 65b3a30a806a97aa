"""The picture of the learning curves, where matplotlib is installed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.studies.convergence.plan import CENTRED, PLAIN, RAW, STILL
from examples.studies.convergence.runs import Result
from nvfair_tools.files import atomic_output, make_folder

COLOURS = {PLAIN: "#c1440e", CENTRED: "#1f6f8b", RAW: "#7a7a7a", STILL: "#b08900"}


def read_curve(path: Path) -> tuple[list[int], list[float]]:
    """Steps and validation AUCs of a training's log."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [int(row["step"]) for row in rows], [float(row["validation_auc"]) for row in rows]


def plot_curves(out: Path, results: Sequence[Result], picture: Path) -> str:
    """Draws the headline's learning curves, a panel for each size and world; returns a line that says so, or why not.

    Each seed is a line with a dot at the selected step.
    """
    rows = [row for row in results if row.method in COLOURS and not row.reason and _curve_file(out, row).exists()]
    if not rows:
        return "no picture: there is no learning curve yet"
    try:
        import matplotlib
    except ImportError:
        return "no picture: matplotlib is not installed; the curves are CSV files, and --tables draws them elsewhere"
    matplotlib.use("agg")
    from matplotlib import pyplot

    panels = sorted({(row.size, row.world) for row in rows})
    with matplotlib.rc_context({"svg.hashsalt": "curves", "font.size": 9}):
        figure, axes = pyplot.subplots(
            1, len(panels), figsize=(1 + 4.2 * len(panels), 3.6), sharey=True, squeeze=False, layout="constrained"
        )
        for axis, panel in zip(axes[0], panels, strict=True):
            _draw_panel(axis, out, [row for row in rows if (row.size, row.world) == panel])
            axis.set_title(f"{panel[1]}, size {panel[0]}")
        axes[0][0].set_ylabel("mean AUC, validation people, seen generator")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2 * len(panels), frameon=False)
        make_folder(picture.parent)
        with atomic_output(picture) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    return f"learning curves: {picture}"


def _draw_panel(axis: Any, out: Path, rows: Sequence[Result]) -> None:
    """Draws the curves of one panel, and the published figure of seen generators for orientation."""
    for method, colour in COLOURS.items():
        for number, row in enumerate(row for row in rows if row.method == method):
            steps, values = read_curve(_curve_file(out, row))
            label = method if number == 0 else "_seed"
            axis.plot(steps, values, color=colour, linewidth=1, alpha=0.8, label=label)
            if row.best_step in steps:
                best = steps.index(row.best_step)
                axis.plot([steps[best]], [values[best]], "o", color=colour, markersize=3.5)
    axis.set_xlabel("steps of 64 windows")
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)


def _curve_file(out: Path, row: Result) -> Path:
    return out / "curves" / f"{row.key}.csv"
