"""AUC of five million trials beside scikit-learn, and a people bootstrap of NVFAIR's size.

python -m tests.performance.bench_scoring
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmark import metrics
from benchmark.intervals import GroupedScores, pair_statistics, people_weights, pooled_auc_interval
from tests.performance.measure import median_seconds


def main() -> None:
    """Prints the figures."""
    rng = np.random.default_rng(0)
    for kind in (np.float32, np.float64):
        genuine = rng.normal(1, 1, 120_000).astype(kind)
        impostor = rng.normal(0, 1, 4_880_000).astype(kind)
        ours = median_seconds(lambda g=genuine, i=impostor: metrics.auc(g, i))
        print(f"AUC of 5,000,000 trials, {np.dtype(kind)}: {ours * 1000:.0f} ms")
    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    scores = np.concatenate([genuine, impostor])
    theirs = median_seconds(lambda: roc_auc_score(labels, scores), repeats=1, warm_up=0)
    gap = abs(roc_auc_score(labels, scores) - metrics.auc(genuine, impostor))
    print(f"scikit-learn: {theirs * 1000:.0f} ms, {theirs / ours:.0f} times as long; figures differ by {gap:.1e}")
    scored = _nvfair_sized(rng)
    statistics = median_seconds(lambda: pair_statistics(scored), repeats=1, warm_up=0)
    table, weights = pair_statistics(scored), people_weights(35, 1000, 0)
    draws = median_seconds(lambda: pooled_auc_interval(table, weights, 0.95), repeats=1)
    print(
        f"pooled interval over {len(scored.genuine) + len(scored.impostor):,} trials: "
        f"{statistics:.2f} s for the pair statistics, {draws:.2f} s for 1,000 resamples"
    )


def _nvfair_sized(rng: np.random.Generator) -> GroupedScores:
    """35 people, 60 clips each on every face: 62 thousand genuine and 4.3 million impostor trials."""
    people, clips = 35, 60
    genuine_people = np.repeat(np.arange(people), clips * (clips - 1) // 2)
    targets, drivers = np.divmod(np.arange(people * people), people)
    targets, drivers = targets[targets != drivers], drivers[targets != drivers]
    targets, drivers = np.repeat(targets, clips * clips), np.repeat(drivers, clips * clips)
    return GroupedScores(
        rng.normal(1, 1, len(genuine_people)),
        rng.normal(0, 1, len(targets)),
        np.stack([genuine_people] * 3, axis=1),
        np.stack([targets, targets, drivers], axis=1),
    )


if __name__ == "__main__":
    main()
