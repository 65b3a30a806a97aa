"""What networks trained on simulated people are worth on real ones: zero-shot, on a built data set of real clips.

    python examples/real_clips.py DATASET --checkpoint pretrained:motion-signature --checkpoint RUNS/baseline-0

Two questions. Same face: reenactments within a collection (the protocol nvfair-unseen), each target person by name. As
they are: pairs of the real clips themselves, one pooled AUC, which whoever compares face shapes wins. Mean face shape
stands beside both, on the same pairs.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pandas as pd

from benchmark import controls, protocols
from benchmark.evaluation.results import write_results
from benchmark.evaluation.run import evaluate
from benchmark.methods.candidates import as_candidate
from benchmark.metrics import roc
from benchmark.trial_scores.scores import VideoEmbeddings, distance_matrix
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, file_okay=False))
@click.option("--checkpoint", "names", multiple=True, required=True, help="Folder, or pretrained:NAME; repeatable.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where the results go, as JSON.")
def main(dataset: Path, names: tuple[str, ...], out: Path | None) -> None:
    """Score and print."""
    data = Dataset.open(dataset)
    methods = [as_candidate(name) for name in names]
    protocol = protocols.load("nvfair-unseen")
    results = evaluate(data, methods, [protocol])
    if out is not None:
        write_results(out, results)
    click.echo("same face, within a collection, reenactments")
    rows = [(cell.method, cell.generator, cell.figures) for cell in results.cells]
    rows += [(shortcut.name, shortcut.generator, shortcut.figures) for shortcut in results.shortcuts]
    for name, generator, figures in rows:
        people = ", ".join(f"{person} {auc:.3f}" for person, auc in sorted(figures.auc_by_target.items()))
        click.echo(f"{name:24s} {generator:12s} mean {figures.auc_mean.value:.3f}: {people}")
    videos = data.usable()
    windows = read_windows(data, protocol, videos=videos[videos["kind"] == "real"]["video"])
    click.echo(f"the real clips as they are: {len(windows.videos)} of {windows.videos['driver'].nunique()} people")
    sources = {one.name: one.embeddings(windows, data) for one in methods}
    sources[controls.SHAPE] = controls.shape_scorer(windows).embeddings
    for name, found in sources.items():
        assert found is not None
        everyone, few = (
            pooled(windows, found, windows.videos["driver"].notna()),
            pooled(windows, found, recurring(windows)),
        )
        click.echo(f"{name:24s} pooled AUC {everyone:.3f}; among people with several clips {few:.3f}")


def recurring(windows: WindowSet) -> pd.Series:
    """Videos of people who have more than one."""
    return windows.videos["driver"].duplicated(keep=False)


def pooled(windows: WindowSet, found: VideoEmbeddings, chosen: pd.Series) -> float:
    """AUC of all pairs of the chosen videos in one pot: one person's against two people's."""
    kept = np.flatnonzero(chosen.to_numpy())
    place = {video: n for n, video in enumerate(found.video_ids)}
    rows = found.video_means()[[place[video] for video in windows.videos["video"].iloc[kept]]]
    person = windows.videos["driver"].to_numpy()[kept]
    first, second = np.triu_indices(len(kept), k=1)
    score, same = -distance_matrix(rows, rows)[first, second], person[first] == person[second]
    return roc.auc(score[same], score[~same])


if __name__ == "__main__":
    main()
