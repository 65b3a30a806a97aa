"""Do the paper's orderings come back on simulated people?

    python examples/orderings.py FOLDER

Writes a landmark-only cohort with NVFAIR's split (161 people: 111 train, 15 validation, 35 test) to FOLDER/cohort,
trains one network for each question with the same budget, scores all networks on all generators, and prints the table
with intervals that resample people. An interrupted run continues when it is started again.

Questions, each from the paper's qualitative findings: are normalised distances better than raw landmark coordinates,
are many frames better than one, and is the loss on unseen generators small?
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmark import protocols
from benchmark.evaluation.results import EvaluationResults, write_results
from benchmark.evaluation.run import evaluate
from benchmark.methods.candidates import as_candidate
from benchmark.methods.inputs import Input
from benchmark.methods.train_options import TrainOptions
from benchmark.metrics.paired_differences import PairedDifference, paired_person_difference
from benchmark.report import write_report
from benchmark.training.loop import train
from nvfair_tools.dataset import Dataset

# Inputs whose network is trained on each generator in turn, and those trained on the first generator alone.
INPUTS_BY_GENERATOR: tuple[Input, ...] = ("distances", "distances-centred")
INPUTS_OF_FIRST_GENERATOR: tuple[Input, ...] = ("coordinates", "still")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--windows", default=4_000, show_default=True, help="Training budget of each network.")
@click.option("--width", default=64, show_default=True, help="Channels of each network.")
@click.option("--clips", default=10, show_default=True, help="Clips a person in the cohort.")
@click.option("--cross", default=3, show_default=True, help="Other faces each clip drives.")
@click.option("--seed", default=2, show_default=True, help="World; the options were chosen on world 1.")
@click.option("--workers", default=2, show_default=True, help="Processes that write the cohort.")
def main(folder: Path, windows: int, width: int, clips: int, cross: int, seed: int, workers: int) -> None:
    """Trains the networks, scores them and prints the tables."""
    data = open_cohort(folder / "cohort", clips, cross, seed, workers)
    generators = sorted(data.videos["generator"].dropna().unique())
    first_generator = generators[0]
    # A short budget needs a higher learning rate; selection takes the best of the validations.
    base = TrainOptions(
        (first_generator,), windows=windows, width=width, validate_every=windows // 5, learning_rate=1e-3
    )
    options_of_run = {
        f"{kind}-{generator}": replace(base, input=kind, generators=(generator,))
        for kind in INPUTS_BY_GENERATOR
        for generator in generators
    }
    options_of_run |= {f"{kind}-{first_generator}": replace(base, input=kind) for kind in INPUTS_OF_FIRST_GENERATOR}
    seen_and_unseen = [protocols.load(name) for name in ("nvfair-seen", "nvfair-unseen")]
    candidates = []
    for name, options in options_of_run.items():
        click.echo(f"training {name}")
        train(data, folder / name, options, seen_and_unseen[0])
        candidates.append(as_candidate(folder / name))
    results = evaluate(data, candidates, seen_and_unseen, progress=click.echo)
    write_results(folder / "results.json", results)
    write_report(folder / "index.html", results)
    click.echo(table(results))
    for kind in INPUTS_BY_GENERATOR:
        first = f"{kind}-{first_generator}"
        for other in INPUTS_OF_FIRST_GENERATOR:
            for relation in ("seen", "unseen"):
                gain = difference(results, first, f"{other}-{first_generator}", relation)
                click.echo(f"{kind} less {other}, {relation}: {in_words(gain)}")
        loss = unseen_loss(results, [f"{kind}-{generator}" for generator in generators])
        click.echo(f"{kind}, seen less unseen: {in_words(loss)}")


def open_cohort(folder: Path, clips: int, cross: int, seed: int, workers: int) -> Dataset:
    """Opens the simulated cohort; writes it first where it does not exist."""
    if not (folder / "dataset.json").exists():
        from nvfair_tools.simulate.cohort import write_cohort
        from nvfair_tools.simulate.settings import CohortSettings

        write_cohort(folder, CohortSettings(clips=clips, cross=cross, seed=seed), workers=workers)
    return Dataset.open(folder)


def table(results: EvaluationResults) -> str:
    """The figures as text, one line for each cell and each control."""
    rows = [("method", "tested on", "", "mean AUC", "95 % interval", "cross-cross")]
    for cell in results.cells:
        auc, cross = cell.figures.auc_mean, cell.figures.cross_cross
        cross_cross = f"{cross.auc_mean.value:.3f}" if cross else ""
        rows.append((cell.method, cell.generator, cell.relation, f"{auc.value:.3f}", auc.interval_text, cross_cross))
    for shortcut in results.shortcuts:
        auc = shortcut.figures.auc_mean
        rows.append((shortcut.name, shortcut.generator, "shortcut", f"{auc.value:.3f}", auc.interval_text, ""))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)


def difference(results: EvaluationResults, first: str, second: str, relation: str) -> PairedDifference:
    """Mean over people of the AUC of `first` less that of `second`, over the cells of a relation."""
    return _paired_difference(_auc_by_person(results, first, relation), _auc_by_person(results, second, relation))


def unseen_loss(results: EvaluationResults, names: list[str]) -> PairedDifference:
    """Seen less unseen, over the networks `names`.

    On each test generator the network trained on it is compared with those trained on another one.
    """
    seen = _mean_by_person([_auc_by_person(results, name, "seen") for name in names])
    unseen = _mean_by_person([_auc_by_person(results, name, "unseen") for name in names])
    return _paired_difference(seen, unseen)


def in_words(gain: PairedDifference) -> str:
    """A difference with its 95 % interval over people, or why there is none."""
    return f"{gain.value:+.3f} " + (f"({gain.reason})" if gain.reason else f"[{gain.low:+.3f}, {gain.high:+.3f}]")


def _auc_by_person(results: EvaluationResults, checkpoint: str, relation: str) -> dict[str, np.ndarray]:
    """Person -> (AUC as a target, AUC as an impostor), averaged over the cells of a relation."""
    cells = [cell for cell in results.cells if cell.method == checkpoint and cell.relation == relation]
    return _mean_by_person(
        [
            {row.person: np.array([row.auc, row.auc_as_impostor], dtype=float) for row in cell.figures.charts.people}
            for cell in cells
            if cell.figures.charts is not None
        ]
    )


def _mean_by_person(aucs_by_person: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {person: np.mean([aucs[person] for aucs in aucs_by_person], axis=0) for person in aucs_by_person[0]}


def _paired_difference(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> PairedDifference:
    """The mean paired difference over target people, with an error that counts people as drivers too."""
    first_auc, second_auc = (np.array([aucs[person] for person in sorted(first)]) for aucs in (first, second))
    return paired_person_difference(
        first_auc[:, 0], second_auc[:, 0], 0.95, first_as_impostor=first_auc[:, 1], second_as_impostor=second_auc[:, 1]
    )


if __name__ == "__main__":
    main()
