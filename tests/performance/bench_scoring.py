"""AUC of five million trials and 1,000 people-resamples, beside scikit-learn and a plain loop; then NVFAIR's size.

python -m tests.performance.bench_scoring [--quick]
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmark.metrics import roc
from benchmark.metrics.costs import cllr_min, min_dcf
from benchmark.metrics.curves import roc_band
from benchmark.metrics.intervals import (
    GroupedScores,
    mean_auc_interval,
    pair_statistics,
    people_weights,
    pooled_auc_interval,
    pooled_statistics,
)
from tests.performance.measure import median_seconds

PEOPLE, RESAMPLES = 35, 1000
# Self-reenactments of each person by the collections' clip counts: 10, 6 and 19 test people with 43, 44 and 82 clips.
CLIPS = np.repeat([43, 44, 82], [10, 6, 19])
SOURCE = np.repeat([0, 1, 2], [10, 6, 19])
GENERATORS = 3


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials")
    share = 10 if parser.parse_args().quick else 1
    rng = np.random.default_rng(0)
    parts = _five_million(rng, 5_000_000 // share)
    _areas(parts)
    _resamples(parts)
    _nvfair(rng, share)
    print(f"peak memory of the whole run: {_peak():.2f} GiB")


def _areas(parts: list[GroupedScores]) -> None:
    """The AUC of each of 35 targets, and their mean."""
    trials = sum(len(p.genuine) + len(p.impostor) for p in parts)

    def ours() -> float:
        return float(np.mean([roc.auc(p.genuine, p.impostor) for p in parts]))

    def theirs() -> float:
        return float(
            np.mean(
                [
                    roc_auc_score(
                        np.repeat([1, 0], [len(p.genuine), len(p.impostor)]), np.concatenate([p.genuine, p.impostor])
                    )
                    for p in parts
                ]
            )
        )

    seconds_of_ours, sklearn = median_seconds(ours), median_seconds(theirs, repeats=1, warm_up=0)
    print(f"per-target AUC, {trials:,} trials: {seconds_of_ours:.3f} s")
    print(
        f"scikit-learn: {sklearn:.2f} s, {sklearn / seconds_of_ours:.0f} times as long; "
        f"differs by {abs(ours() - theirs()):.1e}"
    )
    genuine, impostor = parts[0].genuine[:300].tolist(), parts[0].impostor[:3000].tolist()
    start = time.perf_counter()
    wins = 0.0
    for g in genuine:
        for i in impostor:
            wins += 1.0 if g > i else 0.5 if g == i else 0.0
    taken = time.perf_counter() - start
    pairs = sum(len(p.genuine) * len(p.impostor) for p in parts)
    whole = taken * pairs / (len(genuine) * len(impostor))
    print(
        f"a plain loop over pairs: {taken:.2f} s for {len(genuine) * len(impostor):,} pairs, "
        f"scaled to all {pairs:,}: {whole:,.0f} s (not run)"
    )


def _resamples(parts: list[GroupedScores]) -> None:
    """1,000 resamples of people: mean over targets, and pooled."""
    start = time.perf_counter()
    targets = [(k, pair_statistics(part)) for k, part in enumerate(parts)]
    counted = time.perf_counter() - start
    weights = people_weights(PEOPLE, RESAMPLES, 0)
    mean = median_seconds(lambda: mean_auc_interval(targets, weights, 0.95), repeats=1)
    print(
        f"mean AUC, {RESAMPLES:,} resamples of people: {counted:.2f} s for the counts, {mean:.2f} s for the resamples"
    )
    start = time.perf_counter()
    pooled = pooled_statistics(parts)
    counted = time.perf_counter() - start
    drawn = median_seconds(lambda: pooled_auc_interval(pooled, weights, 0.95), repeats=1)
    print(f"pooled AUC, the same: {counted:.2f} s for the counts, {drawn:.2f} s for the resamples")
    genuine, impostor = (np.concatenate([getattr(p, n) for p in parts]) for n in ("genuine", "impostor"))
    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    scores = np.concatenate([genuine, impostor])
    people = [np.concatenate([getattr(p, n) for p in parts]) for n in ("genuine_people", "impostor_people")]
    w = weights[0]
    weight = np.concatenate([w[people[0][:, 0]], w[people[1][:, 0]] * w[people[1][:, 2]]])
    start = time.perf_counter()
    theirs = roc_auc_score(labels, scores, sample_weight=weight)
    taken = time.perf_counter() - start
    gap = abs(theirs - pooled.weighted_auc(weights[:1])[0])
    print(
        f"scikit-learn with trial weights: {taken:.2f} s for one resample, scaled to {RESAMPLES:,}: "
        f"{taken * RESAMPLES:,.0f} s (not run); differs by {gap:.1e}"
    )


def _nvfair(rng: np.random.Generator, share: int) -> None:
    """35 targets at NVFAIR's counts within collections, three generators: every figure of ranks with its interval."""
    trials, begun = 0, time.perf_counter()
    for _ in range(GENERATORS):
        parts = _nvfair_parts(rng, share)
        trials += sum(len(p.genuine) + len(p.impostor) for p in parts)
        weights = people_weights(PEOPLE, RESAMPLES, 0, SOURCE)
        mean_auc_interval([(k, pair_statistics(p)) for k, p in enumerate(parts)], weights, 0.95, 3)
        pooled_auc_interval(pooled_statistics(parts), weights, 0.95, 3)
        genuine, impostor = (np.concatenate([getattr(p, n) for p in parts]) for n in ("genuine", "impostor"))
        curve = roc.roc_curve(genuine, impostor)
        roc.equal_error_rate(curve)
        min_dcf(curve)
        cllr_min(curve)
        roc_band(parts, weights, 0.95)
    taken = time.perf_counter() - begun
    print(
        f"35 targets at NVFAIR's counts, {GENERATORS} generators, {trials:,} trials: all figures with intervals and "
        f"bands in {taken:.1f} s; peak memory {_peak():.2f} GiB"
    )


def _five_million(rng: np.random.Generator, trials: int) -> list[GroupedScores]:
    """35 targets with all others as drivers, about `trials` in all, scores rounded so that there are ties."""
    clips = round((trials / PEOPLE / (PEOPLE - 0.5)) ** 0.5)
    return [_target(rng, k, np.delete(np.arange(PEOPLE), k), np.full(PEOPLE, clips)) for k in range(PEOPLE)]


def _nvfair_parts(rng: np.random.Generator, share: int) -> list[GroupedScores]:
    """Every driver of a target's collection with all clips: 2.6 million trials a generator."""
    parts = []
    for k in range(PEOPLE):
        drivers = np.flatnonzero((SOURCE[k] == SOURCE) & (np.arange(PEOPLE) != k))
        parts.append(_target(rng, k, drivers, np.maximum(CLIPS // share**0.5, 2).astype(np.int64)))
    return parts


def _target(rng: np.random.Generator, k: int, drivers: np.ndarray, clips: np.ndarray) -> GroupedScores:
    own = int(clips[k] * (clips[k] - 1) // 2)
    driver = np.repeat(drivers, clips[k] * clips[drivers])
    return GroupedScores(
        np.round(rng.normal(1, 1, own), 4),
        np.round(rng.normal(0, 1, len(driver)), 4),
        np.full((own, 3), k, np.int32),
        np.column_stack([np.full((len(driver), 2), k), driver]).astype(np.int32),
    )


def _peak() -> float:
    """The largest resident size so far, GiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**30 if sys.platform == "darwin" else 2**20)


if __name__ == "__main__":
    main()
