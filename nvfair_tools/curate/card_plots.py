"""The plots of a data set's card: how many videos, how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.files import atomic_output

# What each shows, by the name of its file.
PLOTS = {"videos.png": "videos by split and generator", "lengths.png": "length of the videos"}


def write_plots(folder: Path, videos: pd.DataFrame) -> list[Path]:
    """Writes the plots of counts and lengths into card/; returns their paths: none where matplotlib is absent."""
    try:
        import matplotlib
    except ImportError:
        return []

    matplotlib.use("agg", force=False)
    from matplotlib.figure import Figure

    ok = videos[videos["state"] == "ok"].copy()
    ok["generator"] = ok["generator"].fillna("real")
    counts = ok.groupby(["generator", "split"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[split for split in SPLITS if split in counts])
    figure = Figure(figsize=(6, 0.6 + 0.4 * max(1, len(counts))), layout="constrained")
    axes = figure.subplots()
    bar_starts = pd.Series(0, index=counts.index)
    for split in counts:
        axes.barh(counts.index, counts[split], left=bar_starts, label=split)
        bar_starts = bar_starts + counts[split]
    axes.set_xlabel("videos (all but the real ones are synthetic)")
    if len(counts.columns):
        axes.legend(frameon=False, fontsize="small")
    paths = [_save(figure, folder / "card" / "videos.png")]
    figure = Figure(figsize=(6, 2.4), layout="constrained")
    axes = figure.subplots()
    seconds = (ok["frames"] * ok["fps_den"] / ok["fps_num"]).astype(float)
    axes.hist(seconds, bins=30)
    axes.set_xlabel("length in seconds")
    axes.set_ylabel("videos")
    return [*paths, _save(figure, folder / "card" / "lengths.png")]


def _save(figure: Any, path: Path) -> Path:
    with atomic_output(path) as aside:
        # The version of matplotlib in the file would make equal plots differ.
        figure.savefig(aside, dpi=110, metadata={"Software": None})
    return path
