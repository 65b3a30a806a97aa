"""Do the paper's orderings come back on simulated people?

    python examples/orderings.py FOLDER

Writes a landmark-only cohort with NVFAIR's split (161 people: 111 train, 15 validation, 35 test) to FOLDER/cohort,
trains one network for each question with the same budget, scores all on all generators, and prints the table with
intervals that resample people. Run again, it goes on where it stopped.

Questions, each from the paper's qualitative findings: do normalised distances beat raw landmark coordinates, do many
frames beat one, and is the loss on unseen generators small?
"""

from __future__ import annotations

from collections.abc import Mapping
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
from benchmark.report import write_report
from benchmark.training.loop import train
from nvfair_tools.dataset import Dataset

EVERYWHERE: tuple[Input, ...] = ("distances", "distances-centred")  # trained on each generator in turn
ONCE: tuple[Input, ...] = ("coordinates", "still")  # trained on the first


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--windows", default=4_000, show_default=True, help="Training budget of each network.")
@click.option("--width", default=64, show_default=True, help="Channels of each network.")
@click.option("--clips", default=10, show_default=True, help="Clips a person in the cohort.")
@click.option("--cross", default=3, show_default=True, help="Other faces each clip drives.")
@click.option("--seed", default=2, show_default=True, help="World; the options were chosen on world 1.")
@click.option("--workers", default=2, show_default=True, help="Processes that write the cohort.")
def main(folder: Path, windows: int, width: int, clips: int, cross: int, seed: int, workers: int) -> None:
    """Train, score and print."""
    data = cohort(folder / "cohort", clips, cross, seed, workers)
    names = sorted(data.videos["generator"].dropna().unique())
    # A short budget wants a higher rate; selection takes the best of the validations.
    base = TrainOptions((names[0],), windows=windows, width=width, validate_every=windows // 5, learning_rate=1e-3)
    runs = {f"{k}-{g}": replace(base, input=k, generators=(g,)) for k in EVERYWHERE for g in names}
    runs |= {f"{kind}-{names[0]}": replace(base, input=kind) for kind in ONCE}
    chosen = [protocols.load(name) for name in ("nvfair-seen", "nvfair-unseen")]
    candidates = []
    for name, options in runs.items():
        click.echo(f"training {name}")
        train(data, folder / name, options, chosen[0])
        candidates.append(as_candidate(folder / name))
    results = evaluate(data, candidates, chosen, progress=click.echo)
    write_results(folder / "results.json", results)
    write_report(folder / "index.html", results)
    click.echo(table(results))
    for kind in EVERYWHERE:
        first = f"{kind}-{names[0]}"
        for other in ONCE:
            for relation in ("seen", "unseen"):
                value, low, high = difference(results, first, f"{other}-{names[0]}", relation)
                click.echo(f"{kind} less {other}, {relation}: {value:+.3f} [{low:+.3f}, {high:+.3f}]")
        value, low, high = unseen_loss(results, [f"{kind}-{name}" for name in names])
        click.echo(f"{kind}, seen less unseen: {value:+.3f} [{low:+.3f}, {high:+.3f}]")


def cohort(folder: Path, clips: int, cross: int, seed: int, workers: int) -> Dataset:
    """The simulated cohort, written where it is not there yet."""
    if not (folder / "dataset.json").exists():
        from nvfair_tools.simulate.cohort import write_cohort
        from nvfair_tools.simulate.settings import CohortSettings

        write_cohort(folder, CohortSettings(clips=clips, cross=cross, seed=seed), workers=workers)
    return Dataset.open(folder)


def table(results: EvaluationResults) -> str:
    """One line a cell and a control."""
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


def difference(results: EvaluationResults, one: str, other: str, relation: str) -> tuple[float, float, float]:
    """Mean over people of the AUC of `one` less that of `other`, averaged over the cells of a relation."""
    return _resampled(_by_person(results, one, relation), _by_person(results, other, relation))


def unseen_loss(results: EvaluationResults, names: list[str]) -> tuple[float, float, float]:
    """Seen less unseen: each test generator's network against those trained on another one."""
    seen = _averaged([_by_person(results, name, "seen") for name in names])
    unseen = _averaged([_by_person(results, name, "unseen") for name in names])
    return _resampled(seen, unseen)


def _by_person(results: EvaluationResults, checkpoint: str, relation: str) -> dict[str, float]:
    cells = [cell for cell in results.cells if cell.method == checkpoint and cell.relation == relation]
    return _averaged([cell.figures.auc_by_target for cell in cells])


def _averaged(tables: list[Mapping[str, float]]) -> dict[str, float]:
    return {person: float(np.mean([t[person] for t in tables])) for person in tables[0]}


def _resampled(one: dict[str, float], other: dict[str, float]) -> tuple[float, float, float]:
    """Mean paired difference with its 95 % interval over resampled target people."""
    gaps = np.array([one[person] - other[person] for person in sorted(one)])
    rng = np.random.default_rng(0)
    means = gaps[rng.integers(len(gaps), size=(2000, len(gaps)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(gaps.mean()), float(low), float(high)


if __name__ == "__main__":
    main()
