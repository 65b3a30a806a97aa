"""The baseline, its ablations and our method on two simulated worlds that were written down beforehand.

    python examples/worlds.py FOLDER                  # world 1
    python examples/worlds.py FOLDER --world world2   # to be opened once, when nothing is tuned any more

Writes the world's cohort (161 people: 111 train, 15 validation, 35 test) to FOLDER/world1/cohort, trains every network
on one generator with one budget of windows, tests all on all three, and prints tables. Files that exist are not made
again, so an interrupted run continues. Intervals resample people; headline figures are means over seeds.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from benchmark import protocols
from benchmark.evaluation.result_rows import CellResult
from benchmark.evaluation.results import EvaluationResults, read_results, write_results
from benchmark.evaluation.run import evaluate
from benchmark.methods.candidates import as_candidate
from benchmark.methods.network import network_class
from benchmark.methods.train_options import LossOptions, TrainOptions
from benchmark.metrics.paired_differences import paired_person_difference
from benchmark.training.loop import train
from benchmark.trial_scores.figure_values import IntervalFigure
from nvfair_tools.dataset import Dataset
from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import named_world

BASELINE, OURS = "baseline", "ours"
RELATIONS = ("seen", "unseen")


def headline_options(windows: int, width: int, generator: str, seed: int) -> dict[str, TrainOptions]:
    """The options of the two methods that are trained with each seed.

    The baseline is the temporal CNN on centred distances. Our method uses its budget before the first step, in closed
    form (`SignatureShape.fitted`); steps after it changed nothing on validation people, so it makes ten.
    """
    base = TrainOptions(
        (generator,), input="distances-centred", windows=windows, width=width, learning_rate=1e-3,
        validate_every=max(1, windows // 2), validation_clips=0, seed=seed,
    )  # fmt: skip
    ours = replace(
        base, method="motion-signature", windows=10 * base.batch, sizes={"fitted": windows},
        **network_class("motion-signature").recommended,
    )  # fmt: skip
    return {BASELINE: base, OURS: ours}


def ablation_options(windows: int, width: int, generator: str) -> dict[str, TrainOptions]:
    """The options of the ablations, trained with the first seed alone: each differs in one option from its original."""
    headline = headline_options(windows, width, generator, 0)
    base, ours = headline[BASELINE], headline[OURS]
    return {
        "plain distances": replace(base, input="distances"),
        "raw coordinates": replace(base, input="coordinates"),
        "one still frame": replace(base, input="still", loss=LossOptions(shuffle_weight=0.0)),
        "frame deltas": replace(base, input="deltas"),
        "no shuffled windows": replace(base, loss=LossOptions(shuffle_weight=0.0)),
        "ours, covariances": replace(ours, sizes={**ours.sizes, "statistics": "covariances"}),
        "ours, no velocities": replace(ours, sizes={**ours.sizes, "velocities": False}),
        "ours, no distorted copies": replace(ours, sizes={**ours.sizes, "copies": 0}),
        "supervised contrastive loss": replace(base, loss=LossOptions(kind="supcon")),
        "twice the budget": replace(base, windows=2 * windows),
    }


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--world", default="world1", show_default=True)
@click.option("--windows", default=8_000, show_default=True, help="Training budget of each network.")
@click.option("--width", default=64, show_default=True, help="Channels of the baseline.")
@click.option("--seeds", default=5, show_default=True)
@click.option("--only", multiple=True, type=click.Choice([BASELINE, OURS, "ablations"]), help="Train these, and stop.")
@click.option("--no-ablations", is_flag=True)
@click.option(
    "--threads", default=1, show_default=True, help="Of torch; results are the same only with the same number."
)
def main(folder: Path, world: str, windows: int, width: int, seeds: int, only: tuple[str, ...], no_ablations: bool,
         threads: int) -> None:  # fmt: skip
    """Trains the networks, scores them and prints the tables."""
    torch.set_num_threads(threads)
    settings = named_world(world)
    home = folder / world
    if not (home / "cohort" / "dataset.json").exists():
        write_cohort(home / "cohort", settings, workers=2)
    data = Dataset.open(home / "cohort")
    seen, unseen = (protocols.load(name) for name in ("nvfair-seen", "nvfair-unseen"))
    generator = settings.generators[0]
    headline = {
        f"{name}-{seed}": options
        for seed in range(seeds)
        for name, options in headline_options(windows, width, generator, seed).items()
    }
    ablations = {} if no_ablations else ablation_options(windows, width, generator)
    for name, options in (headline | ablations).items():
        group = name.split("-")[0] if name in headline else "ablations"
        if not only or group in only:
            click.echo(f"training {name}")
            train(data, run_folder(home, name), options, seen, name=name)
    if only:
        return
    for title, names in (("headline", list(headline)), ("ablations", list(ablations))):
        path = home / f"{title}.json"
        if names and not path.exists():
            candidates = [as_candidate(run_folder(home, name)) for name in names]
            write_results(path, evaluate(data, candidates, [seen, unseen], progress=click.echo))
    click.echo(headline_table(read_results(home / "headline.json"), seeds))
    if ablations:
        click.echo(ablation_table(read_results(home / "ablations.json")))


def run_folder(home: Path, name: str) -> Path:
    """The folder of the training run called `name`."""
    return home / "runs" / name.replace(" ", "-").replace(",", "")


def headline_table(results: EvaluationResults, seeds: int) -> str:
    """The baseline, our method and their paired difference as Markdown: means over seeds and, unseen, generators."""
    lines = ["| | trials | baseline | ours | ours less baseline | seeds, baseline | seeds, ours |", "|" + "---|" * 7]
    for relation in RELATIONS:
        baseline, ours = (auc_by_person(results, name, relation, seeds) for name in (BASELINE, OURS))
        baseline_auc, our_auc = (np.array([aucs[person] for person in sorted(ours)]) for aucs in (baseline, ours))
        columns = [interval_text(baseline_auc), interval_text(our_auc)]
        columns.append(interval_text(our_auc - baseline_auc, sign=True))
        for name in (BASELINE, OURS):
            aucs = [
                np.mean([auc for auc, _ in auc_by_person(results, name, relation, 1, seed).values()])
                for seed in range(seeds)
            ]
            columns.append(f"{min(aucs):.3f}-{max(aucs):.3f}")
        lines.append(f"| {relation} | self-self / self-cross | " + " | ".join(columns) + " |")
        cross = [
            np.mean([cross_cross_auc(cell).value for cell in results.cells if is_seed_of(cell, name, relation)])
            for name in (BASELINE, OURS)
        ]
        lines.append(f"| {relation} | cross-cross | {cross[0]:.3f} | {cross[1]:.3f} | {cross[1] - cross[0]:+.3f} | | |")
    for shortcut in results.shortcuts:
        auc = with_interval(shortcut.figures.auc_mean)
        lines.append(f"| {shortcut.name} | {shortcut.generator} | {auc} | | | | |")
    return "\n".join(lines)


def ablation_table(results: EvaluationResults) -> str:
    """The ablations as Markdown, one line for each method and generator, with both kinds of trials."""
    lines = ["| method | generator | | mean AUC | cross-cross |", "|---|---|---|---|---|"]
    for cell in results.cells:
        lines.append(
            f"| {cell.method} | {cell.generator} | {cell.relation} | {with_interval(cell.figures.auc_mean)} | "
            f"{with_interval(cross_cross_auc(cell))} |"
        )
    return "\n".join(lines)


def is_seed_of(cell: CellResult, name: str, relation: str) -> bool:
    """Whether a cell is of one of the seeds of a method, under a relation."""
    return cell.method.rsplit("-", 1)[0] == name and cell.relation == relation


def cross_cross_auc(cell: CellResult) -> IntervalFigure:
    """The mean AUC of a cell on cross-cross trials, which every cell of a simulated world has."""
    assert cell.figures.cross_cross is not None
    return cell.figures.cross_cross.auc_mean


def auc_by_person(
    results: EvaluationResults, name: str, relation: str, seeds: int, first: int = 0
) -> dict[str, np.ndarray]:
    """Person -> (AUC as a target, AUC as an impostor), over the cells of a relation and the seeds from `first` on."""
    methods = {f"{name}-{seed}" for seed in range(first, first + seeds)}
    aucs_of_cell = [
        {row.person: np.array([row.auc, row.auc_as_impostor], dtype=float) for row in cell.figures.charts.people}
        for cell in results.cells
        if cell.method in methods and cell.relation == relation and cell.figures.charts is not None
    ]
    return {person: np.mean([aucs[person] for aucs in aucs_of_cell], axis=0) for person in sorted(aucs_of_cell[0])}


def interval_text(auc: np.ndarray, *, sign: bool = False) -> str:
    """The mean over people with its 95 % interval; auc: (K, 2) each person's AUC, or difference, in both roles."""
    nothing = np.zeros(len(auc))
    mean = paired_person_difference(auc[:, 0], nothing, 0.95, first_as_impostor=auc[:, 1], second_as_impostor=nothing)
    if sign:
        return f"{mean.value:+.3f} ({mean.low:+.3f}, {mean.high:+.3f})"
    return f"{mean.value:.3f} ({mean.low:.3f}-{mean.high:.3f})"


def with_interval(auc: IntervalFigure) -> str:
    """A figure as text, with its interval where there is one."""
    return f"{auc.value:.3f}" + ("" if auc.low is None else f" ({auc.low:.3f}-{auc.high:.3f})")


if __name__ == "__main__":
    main()
