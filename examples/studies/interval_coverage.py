"""How often intervals hold the truth, measured.

    python -m examples.studies.interval_coverage [--write docs/intervals.md]

The model is fixed and the people are fresh in every experiment. Person p has a signature s_p ~ N(0, I), and clips
s_p + n_p z, where n_p (how steadily the person moves) is log-normal over people. Face k shows everybody's motion with a
strength q_k, log-normal over faces, and the generator adds its own noise: the embedding of driver j's clip c on face k
is q_k (s_j + n_j z_jc) + r z_kjc. So a clip's peculiarity comes back on every face and a face's in every trial of it,
as in a data set of all drivers on all targets. Scores are minus Euclidean distances; trials are NVFAIR's (self-self
against self-cross). The truth is the expected figure over new people: for the mean over targets the AUC of one new
target with one new driver, for the pooled AUC its limit for many people, both from tens of thousands of them, which
leaves an error below 0.001.

Legend: K people, M clips, S dimensions of a signature, G genuine and I impostor trials, R resamples.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.metrics import roc
from benchmark.metrics.intervals import (
    PairStatistics,
    count_group_wins,
    mean_auc,
    mean_auc_samples,
    people_weights,
    proportion_interval,
    student_t_quantile,
)
from benchmark.metrics.paired_differences import paired_mean_difference, paired_person_difference

CLIPS, DIMENSIONS = 5, 3
SIZES = (3, 4, 6, 10, 19, 35)
EXPERIMENTS, RESAMPLES, CONFIDENCE = 500, 400, 0.95
# What a second, paired method adds to each embedding.
_EXTRA = 0.4
_TRUTH = 40_000
_BEGIN, _END = "<!-- coverage: begin -->", "<!-- coverage: end -->"

PRINTED, PERCENTILE, STUDENT, TRIALS = "people, Student t (printed)", "people, percentiles", "t over targets", "trials"
# Of a difference that is taken from people's figures, as margins over shortcuts and places on a board are.
FIGURES, FIGURE_PERCENTILE = "people's figures, Student t (printed)", "people's figures, percentiles"


@dataclass(frozen=True)
class World:
    """A population of people.

    steadiness: mean n_p of each collection's people. spread: deviation of log n_p over people. faces: deviation of
    log q_k over faces. generator: r. Several collections have equally many people (or one more) and no trials in
    common.
    """

    name: str
    steadiness: tuple[float, ...]
    spread: float
    faces: float
    generator: float

    def sizes(self, people: int) -> list[int]:
        """The number of people in each collection."""
        return [(people + n) // len(self.steadiness) for n in range(len(self.steadiness))]


WORLDS = (
    World("people alike", (0.9,), 0.15, 0.1, 0.3),
    World("people unlike", (0.9,), 0.6, 0.35, 0.5),
    World("nearly separable", (0.2,), 0.5, 0.2, 0.15),
    World("two collections", (0.7, 1.4), 0.3, 0.2, 0.4),
)


@dataclass(frozen=True)
class Truth:
    """Expected figures over new people."""

    mean: float
    pooled: float
    difference: float


@dataclass(frozen=True)
class Row:
    """The coverage of one kind of interval.

    covered: share of experiments whose interval held the truth (none given counts as not held). width: median of those
    given. given_share: the share of experiments that gave one.
    """

    world: str
    people: int
    figure: str
    method: str
    covered: float
    width: float
    given_share: float


@dataclass(frozen=True)
class Experiment:
    """One draw of people: each target's scores (G,), (I,) and the impostors' drivers, of two methods."""

    genuine: tuple[list[np.ndarray], list[np.ndarray]]
    impostor: tuple[list[np.ndarray], list[np.ndarray]]
    drivers: list[np.ndarray]
    strata: np.ndarray


def draw(world: World, people: int, rng: np.random.Generator) -> Experiment:
    """Fresh people, their clips on each other's faces, and the scores of all trials."""
    genuine: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    impostor: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    drivers: list[np.ndarray] = []
    first, second = np.triu_indices(CLIPS, 1)
    begin, sizes = 0, world.sizes(people)
    for size, steadiness in zip(sizes, world.steadiness, strict=True):
        signature, noise, strength = _people(rng, size, world, steadiness)
        clips = signature[:, None] + noise[:, None, None] * rng.normal(size=(size, CLIPS, DIMENSIONS))
        rendered = strength[:, None, None, None] * clips[None]
        rendered = rendered + world.generator * rng.normal(size=(size, size, CLIPS, DIMENSIONS))
        for method, videos in enumerate((rendered, rendered + _EXTRA * rng.normal(size=rendered.shape))):
            own = videos[np.arange(size), np.arange(size)]
            same = -np.linalg.norm(own[:, first] - own[:, second], axis=-1)
            other = -np.linalg.norm(own[:, None, :, None] - videos[:, :, None], axis=-1).reshape(size, size, -1)
            for k in range(size):
                genuine[method].append(same[k])
                impostor[method].append(np.delete(other[k], k, axis=0).reshape(-1))
        drivers += [begin + np.delete(np.arange(size), k) for k in range(size)]
        begin += size
    return Experiment(genuine, impostor, drivers, np.repeat(np.arange(len(sizes)), sizes))


def truth(world: World, people: int, seed: int = 99, population: int = _TRUTH) -> Truth:
    """Expected figures, from `population` targets of each collection, each with a driver of its own."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(CLIPS, 1)
    means: list[list[float]] = [[], []]
    scores = []
    for steadiness in world.steadiness:
        signature, noise, strength = _people(rng, population, world, steadiness)
        another, other_noise, _ = _people(rng, population, world, steadiness)
        videos = [
            strength[:, None, None] * (s[:, None] + n[:, None, None] * rng.normal(size=(population, CLIPS, DIMENSIONS)))
            + world.generator * rng.normal(size=(population, CLIPS, DIMENSIONS))
            for s, n in ((signature, noise), (another, other_noise))
        ]
        for method in range(2):
            own, cross = (v + method * _EXTRA * rng.normal(size=v.shape) for v in videos)
            same = -np.linalg.norm(own[:, first] - own[:, second], axis=-1)
            other = -np.linalg.norm(own[:, :, None] - cross[:, None], axis=-1).reshape(population, -1)
            means[method].append(float((same[:, :, None] > other[:, None]).mean()))
            if method == 0:
                scores.append((same.reshape(-1), other.reshape(-1)))
    sizes = np.array(world.sizes(people), dtype=np.float64)
    genuine, impostor = sizes / sizes.sum(), sizes * (sizes - 1) / (sizes * (sizes - 1)).sum()
    pooled = sum(
        genuine[a] * impostor[b] * roc.auc(scores[a][0], scores[b][1])
        for a in range(len(sizes))
        for b in range(len(sizes))
    )
    mean = [float(genuine @ np.array(some)) for some in means]
    return Truth(mean[0], float(pooled), mean[0] - mean[1])


def study(
    world: World, people: int, experiments: int = EXPERIMENTS, resamples: int = RESAMPLES, seed: int = 0
) -> list[Row]:
    """Coverage of each kind of interval over experiments with fresh people."""
    true = truth(world, people)
    held: dict[tuple[str, str], list[tuple[bool, float]]] = {}
    for number in range(experiments):
        rng = np.random.default_rng([seed, number, people])
        drawn = draw(world, people, rng)
        weights = people_weights(people, resamples, number, drawn.strata)
        for figure, method, low, high in _intervals(drawn, weights, len(world.steadiness)):
            goal = getattr(true, figure)
            held.setdefault((figure, method), []).append((low <= goal <= high, high - low))
    rows = []
    for (figure, method), outcomes in held.items():
        widths = [width for _, width in outcomes if not np.isnan(width)]
        covered = float(np.mean([holds for holds, _ in outcomes]))
        width = float(np.median(widths)) if widths else float("nan")
        rows.append(Row(world.name, people, figure, method, covered, width, len(widths) / experiments))
    return rows


def _intervals(drawn: Experiment, weights: np.ndarray, strata: int) -> Iterator[tuple[str, str, float, float]]:
    people, width = weights.shape[1], CLIPS * CLIPS
    targets = [[(k, _target(drawn, method, k)) for k in range(people)] for method in range(2)]
    value, samples = mean_auc(targets[0]), mean_auc_samples(targets[0], weights)
    yield "mean", PRINTED, *_ends(value, samples, people, strata)
    yield "mean", PERCENTILE, *_percentiles(samples)
    aucs = np.array([statistics.auc for _, statistics in targets[0]])
    reach = student_t_quantile(CONFIDENCE, people - 1) * aucs.std(ddof=1) / np.sqrt(people)
    yield "mean", STUDENT, value - reach, value + reach
    variance = sum(map(_delong, drawn.genuine[0], drawn.impostor[0])) / people**2
    reach = student_t_quantile(CONFIDENCE, 10**6) * np.sqrt(variance)
    yield "mean", TRIALS, value - reach, value + reach
    genuine, impostor = np.concatenate(drawn.genuine[0]), np.concatenate(drawn.impostor[0])
    pairs = [(k, k, int(j)) for k in range(people) for j in drawn.drivers[k]]
    each = len(genuine) // people
    number = np.repeat(np.arange(len(pairs)), width)
    whole = PairStatistics(
        count_group_wins(genuine, np.repeat(np.arange(people), each), people, impostor, number, len(pairs)),
        np.full(people, float(each)),
        np.full(len(pairs), float(width)),
        np.repeat(np.arange(people)[:, None], 3, axis=1),
        np.array(pairs),
    )
    samples = whole.weighted_auc(weights)
    yield "pooled", PRINTED, *_ends(whole.auc, samples, people, strata)
    yield "pooled", PERCENTILE, *_percentiles(samples)
    reach = student_t_quantile(CONFIDENCE, 10**6) * np.sqrt(_delong(genuine, impostor))
    yield "pooled", TRIALS, whole.auc - reach, whole.auc + reach
    difference = paired_mean_difference(targets[0], targets[1], weights, CONFIDENCE, strata, fewest=0)
    yield "difference", PRINTED, difference.low, difference.high
    second_aucs = np.array([statistics.auc for _, statistics in targets[1]])
    figures = paired_person_difference(aucs, second_aucs, CONFIDENCE, drawn.strata, fewest=0)
    yield "difference", FIGURES, figures.low, figures.high
    yield "difference", FIGURE_PERCENTILE, *_percentiles(weights @ (aucs - second_aucs) / people)


def _target(drawn: Experiment, method: int, target: int) -> PairStatistics:
    """One target's pair statistics; every driver has as many trials."""
    genuine, drivers = drawn.genuine[method][target], drawn.drivers[target]
    impostor = drawn.impostor[method][target].reshape(len(drivers), -1)
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


def _people(
    rng: np.random.Generator, people: int, world: World, steadiness: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signatures (K, S), steadiness (K,) and strength of faces (K,)."""
    return (
        rng.normal(size=(people, DIMENSIONS)),
        steadiness * np.exp(world.spread * rng.normal(size=people)),
        np.exp(world.faces * rng.normal(size=people)),
    )


def _ends(value: float, samples: np.ndarray, people: int, strata: int) -> tuple[float, float]:
    """What `proportion_interval` gives, also for fewer people than are printed: that is what is measured."""
    interval = proportion_interval(value, samples, CONFIDENCE, people, strata, fewest=0)
    return interval.low, interval.high


def _percentiles(samples: np.ndarray) -> tuple[float, float]:
    samples = samples[~np.isnan(samples)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(samples, [tail, 1 - tail]) if len(samples) else (np.nan, np.nan)
    return float(low), float(high)


def _delong(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Variance of an AUC whose trials are taken as independent (DeLong et al. 1988): what a bootstrap over trials
    tends to."""
    above = np.searchsorted(np.sort(impostor), genuine) / len(impostor)
    below = 1 - np.searchsorted(np.sort(genuine), impostor) / len(genuine)
    return float(above.var(ddof=1) / len(genuine) + below.var(ddof=1) / len(impostor))


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table: coverage in percent, with the median width."""
    methods = {
        "mean": (PRINTED, PERCENTILE, STUDENT, TRIALS),
        "pooled": (PRINTED, PERCENTILE, TRIALS),
        "difference": (PRINTED, FIGURES, FIGURE_PERCENTILE),
    }
    row_of = {(r.world, r.people, r.figure, r.method): r for r in rows}
    heads = [f"{figure}: {method}" for figure, some in methods.items() for method in some]
    lines = ["| world | people | " + " | ".join(heads) + " |", "|---|---|" + "---|" * len(heads)]
    for world, people in dict.fromkeys((r.world, r.people) for r in rows):
        cells = []
        for figure, some in methods.items():
            for method in some:
                row = row_of[world, people, figure, method]
                missing = "" if row.given_share == 1 else f", given in {row.given_share:.0%}"
                cells.append(f"{row.covered:.1%} ({row.width:.3f}{missing})")
        lines.append(f"| {world} | {people} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(page: Path, rows: Sequence[Row]) -> None:
    """Puts the table between the page's two marks."""
    text = page.read_text(encoding="utf-8")
    head, tail = text.split(_BEGIN)[0], text.split(_END)[1]
    page.write_text(f"{head}{_BEGIN}\n{table(rows)}\n{_END}{tail}", encoding="utf-8")


def whole(experiments: int = EXPERIMENTS, resamples: int = RESAMPLES) -> list[Row]:
    """Every world at every number of people; two collections need three people each."""
    return [
        row
        for world in WORLDS
        for people in SIZES
        if people >= 3 * len(world.steadiness)
        for row in study(world, people, experiments, resamples)
    ]


def main() -> None:
    """Prints the table, or writes it into a page."""
    import argparse

    parser = argparse.ArgumentParser(description="coverage of 95 % intervals over fresh simulated people")
    parser.add_argument("--write", type=Path, help="page whose table is replaced")
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    options = parser.parse_args()
    begun = time.monotonic()
    rows = whole(options.experiments)
    if options.write:
        write(options.write, rows)
    print(table(rows))
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
