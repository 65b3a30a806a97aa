"""How often intervals hold the truth, measured.

    python -m examples.studies.interval_coverage [--write docs/intervals.md] [--rows FILE]

`examples/studies/simulated_scores.py` states the model. Every experiment draws new people; an interval covers where it
holds the figure that is expected over new people.

Legend: K people, G genuine and I impostor trials, R resamples.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmark.metrics.curves import roc_band
from benchmark.metrics.intervals import (
    GroupedScores,
    PairStatistics,
    ResampledMean,
    count_group_wins,
    people_weights,
    proportion_interval,
    student_t_quantile,
)
from benchmark.metrics.paired_differences import (
    paired_mean_difference,
    paired_person_difference,
    paired_pooled_difference,
)
from examples.studies.simulated_scores import BAND_RATES, WORLDS, Experiment, World, draw, truth

SIZES = (3, 4, 6, 10, 19, 35)
EXPERIMENTS, RESAMPLES, CONFIDENCE = 500, 400, 0.95
_BEGIN, _END = "<!-- coverage: begin -->", "<!-- coverage: end -->"

PRINTED, PERCENTILE, TARGETS, TRIALS = "people, Student t (printed)", "people, percentiles", "t over targets", "trials"
JACKKNIFE = "people's two AUCs, Student t (printed)"
DRAWN = "people, percentiles (drawn)"
# Title of a table -> its figures, each with the methods whose intervals are measured.
TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "Figures": {"mean": (PRINTED, PERCENTILE, TARGETS, TRIALS), "pooled": (PRINTED, PERCENTILE, TRIALS)},
    "Differences": {
        "difference": (PRINTED, JACKKNIFE, TARGETS),
        "pooled difference": (PRINTED,),
        "margin": (PRINTED, TARGETS, PERCENTILE),
    },
    "Bands": {f"TPR at FMR {rate:g}": (DRAWN,) for rate in BAND_RATES},
}


@dataclass(frozen=True)
class CoverageRow:
    """Coverage of one kind of interval of one figure in one world.

    covered: share of experiments whose interval held the truth; an experiment without an interval counts as not held.
    width: median width of the intervals. given_share: share of experiments that gave an interval.
    """

    world: str
    people: int
    figure: str
    method: str
    covered: float
    width: float
    given_share: float


def study(
    world: World, people: int, experiments: int = EXPERIMENTS, resamples: int = RESAMPLES, seed: int = 0
) -> list[CoverageRow]:
    """Coverage of each kind of interval over experiments with new people."""
    true = truth(world, people)
    results: dict[tuple[str, str], list[tuple[bool, float]]] = {}
    for number in range(experiments):
        experiment = draw(world, people, np.random.default_rng([seed, number, people]))
        weights = people_weights(people, resamples, number, experiment.strata)
        for figure, method, low, high in _intervals(experiment, weights, len(world.steadiness)):
            results.setdefault((figure, method), []).append((low <= true[figure] <= high, high - low))
    rows = []
    for (figure, method), intervals in results.items():
        widths = [width for _, width in intervals if not np.isnan(width)]
        covered = float(np.mean([is_covered for is_covered, _ in intervals]))
        width = float(np.median(widths)) if widths else float("nan")
        rows.append(CoverageRow(world.name, people, figure, method, covered, width, len(widths) / experiments))
    return rows


def _intervals(experiment: Experiment, weights: np.ndarray, strata: int) -> Iterator[tuple[str, str, float, float]]:
    """(figure, method, low, high) of every interval, also for fewer people than it is printed for."""
    people = weights.shape[1]
    targets = [[(k, _target_statistics(experiment, method, k)) for k in range(people)] for method in range(4)]
    means = [ResampledMean.of(target_statistics, weights, strata) for target_statistics in targets]
    auc = [np.array([statistics.auc for _, statistics in target_statistics]) for target_statistics in targets]
    yield "mean", PRINTED, *_printed(means[0].value, means[0].samples, people, strata)
    yield "mean", PERCENTILE, *_percentiles(means[0].samples)
    yield "mean", TARGETS, *_over_targets(auc[0])
    variance = sum(map(_delong_variance, experiment.genuine[0], experiment.impostor[0])) / people**2
    yield "mean", TRIALS, *_around(means[0].value, student_t_quantile(CONFIDENCE, 10**6) * np.sqrt(variance))
    pooled = [_pooled_statistics(experiment, method) for method in range(2)]
    samples = pooled[0].weighted_auc(weights)
    yield "pooled", PRINTED, *_printed(pooled[0].auc, samples, people, strata)
    yield "pooled", PERCENTILE, *_percentiles(samples)
    genuine, impostor = (np.concatenate(scores[0]) for scores in (experiment.genuine, experiment.impostor))
    half_width = student_t_quantile(CONFIDENCE, 10**6) * np.sqrt(_delong_variance(genuine, impostor))
    yield "pooled", TRIALS, *_around(pooled[0].auc, half_width)
    yield from _difference_intervals(experiment, targets, auc, weights, strata)
    difference = paired_pooled_difference(pooled[0], pooled[1], weights, CONFIDENCE, strata, fewest=0)
    yield "pooled difference", PRINTED, difference.low, difference.high
    strongest = 2 if means[2].value >= means[3].value else 3
    difference = paired_mean_difference(targets[0], targets[strongest], weights, CONFIDENCE, strata, fewest=0)
    yield "margin", PRINTED, difference.low, difference.high
    yield "margin", TARGETS, *_over_targets(auc[0] - auc[strongest])
    # The deviation of the targets' own differences, as percentiles of their resampled mean: the margin's former way.
    yield "margin", PERCENTILE, *_percentiles(weights @ (auc[0] - auc[strongest]) / people)
    band = roc_band([_grouped_scores(experiment)], weights, CONFIDENCE, np.array(BAND_RATES), fewest=0)
    for rate, low, high in zip(BAND_RATES, band.low, band.high, strict=True):
        yield f"TPR at FMR {rate:g}", DRAWN, float(low), float(high)


def _difference_intervals(
    experiment: Experiment,
    targets: Sequence[list[tuple[int, PairStatistics]]],
    auc: Sequence[np.ndarray],
    weights: np.ndarray,
    strata: int,
) -> Iterator[tuple[str, str, float, float]]:
    """Intervals of the difference of the two methods."""
    difference = paired_mean_difference(targets[0], targets[1], weights, CONFIDENCE, strata, fewest=0)
    yield "difference", PRINTED, difference.low, difference.high
    as_impostor = [_auc_as_impostor(experiment, target_statistics) for target_statistics in targets[:2]]
    difference = paired_person_difference(
        auc[0],
        auc[1],
        CONFIDENCE,
        first_as_impostor=as_impostor[0],
        second_as_impostor=as_impostor[1],
        fewest=0,
    )
    yield "difference", JACKKNIFE, difference.low, difference.high
    yield "difference", TARGETS, *_over_targets(auc[0] - auc[1])


def _target_statistics(experiment: Experiment, method: int, target: int) -> PairStatistics:
    """One target's pair statistics; every driver has as many trials."""
    genuine, drivers = experiment.genuine[method][target], experiment.drivers[target]
    impostor = experiment.impostor[method][target].reshape(len(drivers), -1)
    wins = (genuine[:, None, None] > impostor).sum(axis=(0, 2)) + 0.5 * (genuine[:, None, None] == impostor).sum(
        axis=(0, 2)
    )
    return PairStatistics(
        wins[None].astype(np.float64),
        np.array([float(len(genuine))]),
        np.full(len(drivers), float(impostor.shape[1])),
        np.full((1, 3), target),
        np.column_stack([np.full((len(drivers), 2), target), drivers]),
    )


def _pooled_statistics(experiment: Experiment, method: int) -> PairStatistics:
    """Statistics of all trials pooled, in groups of the same target and driver."""
    people = len(experiment.drivers)
    genuine, impostor = (np.concatenate(s[method]) for s in (experiment.genuine, experiment.impostor))
    pairs = [(target, target, int(driver)) for target in range(people) for driver in experiment.drivers[target]]
    trials, pair_trials = len(genuine) // people, len(impostor) // len(pairs)
    target, pair = np.repeat(np.arange(people), trials), np.repeat(np.arange(len(pairs)), pair_trials)
    return PairStatistics(
        count_group_wins(genuine, target, people, impostor, pair, len(pairs)),
        np.full(people, float(trials)),
        np.full(len(pairs), float(pair_trials)),
        np.repeat(np.arange(people)[:, None], 3, axis=1),
        np.array(pairs),
    )


def _grouped_scores(experiment: Experiment) -> GroupedScores:
    """The method's scores with the people of each trial."""
    people = len(experiment.drivers)
    genuine, impostor = (np.concatenate(s[0]) for s in (experiment.genuine, experiment.impostor))
    pairs = np.array([(target, target, driver) for target in range(people) for driver in experiment.drivers[target]])
    genuine_people = np.repeat(np.arange(people)[:, None], 3, axis=1)
    return GroupedScores(
        genuine,
        impostor,
        np.repeat(genuine_people, len(genuine) // people, axis=0),
        np.repeat(pairs, len(impostor) // len(pairs), axis=0),
    )


def _auc_as_impostor(experiment: Experiment, targets: Sequence[tuple[int, PairStatistics]]) -> np.ndarray:
    """The AUC (K,) of the pairs in which each person is the impostor, over all targets."""
    wins, pairs = np.zeros(len(targets)), np.zeros(len(targets))
    for target, statistics in targets:
        drivers = experiment.drivers[target]
        wins[drivers] += statistics.wins[0]
        pairs[drivers] += statistics.genuine_count[0] * statistics.impostor_count
    return wins / pairs


def _printed(value: float, samples: np.ndarray, people: int, strata: int) -> tuple[float, float]:
    interval = proportion_interval(value, samples, CONFIDENCE, people, strata, fewest=0)
    return interval.low, interval.high


def _over_targets(values: np.ndarray) -> tuple[float, float]:
    """Student's t over the targets' values (K,), as if no two of them shared a driver."""
    half_width = student_t_quantile(CONFIDENCE, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return _around(float(values.mean()), half_width)


def _around(value: float, half_width: float) -> tuple[float, float]:
    return value - half_width, value + half_width


def _percentiles(samples: np.ndarray) -> tuple[float, float]:
    samples = samples[~np.isnan(samples)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(samples, [tail, 1 - tail]) if len(samples) else (np.nan, np.nan)
    return float(low), float(high)


def _delong_variance(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Variance of an AUC whose trials are taken as independent (DeLong et al. 1988), the limit of a bootstrap over
    trials."""
    above = np.searchsorted(np.sort(impostor), genuine) / len(impostor)
    below = 1 - np.searchsorted(np.sort(genuine), impostor) / len(genuine)
    return float(above.var(ddof=1) / len(genuine) + below.var(ddof=1) / len(impostor))


def tables(rows: Sequence[CoverageRow]) -> str:
    """The rows as Markdown tables: coverage in percent, with the median width."""
    row_of = {(row.world, row.people, row.figure, row.method): row for row in rows}
    worlds = list(dict.fromkeys((row.world, row.people) for row in rows))
    parts = []
    for title, figures in TABLES.items():
        columns = [(figure, method) for figure, methods in figures.items() for method in methods]
        heads = " | ".join(f"{figure}: {method}" for figure, method in columns)
        lines = [f"**{title}**", "", f"| world | people | {heads} |", "|---|---|" + "---|" * len(columns)]
        for world, people in worlds:
            cells = " | ".join(_cell(row_of[world, people, figure, method]) for figure, method in columns)
            lines.append(f"| {world} | {people} | {cells} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cell(row: CoverageRow) -> str:
    missing = "" if row.given_share == 1 else f", given in {row.given_share:.0%}"
    return f"{row.covered:.1%} ({row.width:.3f}{missing})"


def write(page: Path, rows: Sequence[CoverageRow]) -> None:
    """Puts the tables between the page's two marks."""
    text = page.read_text(encoding="utf-8")
    head, tail = text.split(_BEGIN)[0], text.split(_END)[1]
    page.write_text(f"{head}{_BEGIN}\n{tables(rows)}\n{_END}{tail}", encoding="utf-8")


def measure_all(
    experiments: int = EXPERIMENTS, resamples: int = RESAMPLES, rows_file: Path | None = None
) -> list[CoverageRow]:
    """Every world at every number of people; two collections need three people each.

    rows_file: rows are added to this file, a line each, as they are measured; what it has is not measured again.
    """
    known: list[CoverageRow] = []
    if rows_file is not None and rows_file.exists():
        known = [CoverageRow(**json.loads(line)) for line in rows_file.read_text(encoding="utf-8").splitlines()]
    rows: list[CoverageRow] = []
    for world in WORLDS:
        for people in SIZES:
            if people < 3 * len(world.steadiness):
                continue
            measured = [row for row in known if (row.world, row.people) == (world.name, people)]
            if not measured:
                measured = study(world, people, experiments, resamples)
                if rows_file is not None:
                    with rows_file.open("a", encoding="utf-8") as file:
                        file.writelines(json.dumps(asdict(row)) + "\n" for row in measured)
            rows += measured
    return rows


def main() -> None:
    """Prints the tables, or writes them into a page."""
    parser = argparse.ArgumentParser(description="coverage of 95 % intervals over new simulated people")
    parser.add_argument("--write", type=Path, help="page whose tables are replaced")
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    parser.add_argument("--rows", type=Path, help="file of finished rows; an interrupted study continues from it")
    options = parser.parse_args()
    start = time.monotonic()
    rows = measure_all(options.experiments, rows_file=options.rows)
    if options.write:
        write(options.write, rows)
    print(tables(rows))
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
