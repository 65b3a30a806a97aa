"""Networks trained on simulated people, tested on real ones: zero-shot, on a data set built from real clips.

    python examples/real_clips.py DATASET --checkpoint pretrained:motion-signature --checkpoint RUNS/baseline-0

Two questions. Same face: reenactments within a collection (the protocol nvfair-unseen), each target person by name. The
real clips themselves: one pooled AUC over their pairs, where a comparison of face shapes alone does best. The score of
the mean face shape is printed for both, on the same pairs.
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
    """Scores the networks on real clips and prints the table."""
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
    embeddings_of_method = {method.name: method.embeddings(windows, data) for method in methods}
    embeddings_of_method[controls.SHAPE] = controls.shape_scorer(windows).embeddings
    has_other_clips = windows.videos["driver"].duplicated(keep=False)
    for name, embeddings in embeddings_of_method.items():
        assert embeddings is not None
        auc_of_all = pooled_auc(windows, embeddings, windows.videos["driver"].notna())
        auc_of_recurring = pooled_auc(windows, embeddings, has_other_clips)
        click.echo(f"{name:24s} pooled AUC {auc_of_all:.3f}; among people with several clips {auc_of_recurring:.3f}")


def pooled_auc(windows: WindowSet, embeddings: VideoEmbeddings, included: pd.Series) -> float:
    """AUC over all pairs of the included videos: pairs of one person against pairs of two people."""
    rows = np.flatnonzero(included.to_numpy())
    row_of_video = {video: n for n, video in enumerate(embeddings.video_ids)}
    vectors = embeddings.video_means()[[row_of_video[video] for video in windows.videos["video"].iloc[rows]]]
    person = windows.videos["driver"].to_numpy()[rows]
    first, second = np.triu_indices(len(rows), k=1)
    score, is_same_person = -distance_matrix(vectors, vectors)[first, second], person[first] == person[second]
    return roc.auc(score[is_same_person], score[~is_same_person])


if __name__ == "__main__":
    main()
