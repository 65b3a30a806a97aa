"""One table over all worlds: what every method reaches in each, and whether their order is the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from examples.studies.convergence.plan import METHODS, SHORTCUTS
from examples.studies.convergence.runs import Result
from examples.studies.convergence.tables import SEEN, UNSEEN, figure_text, mean_auc, people_aucs


def ranking_tables(results: Sequence[Result]) -> list[str]:
    """Tables over the worlds of a size, for each size and relation that has more than one; of headline runs alone."""
    rows = [row for row in results if not row.reason and row.method != SHORTCUTS]
    tables = []
    for size in sorted({row.size for row in rows}):
        of_size = [row for row in rows if row.size == size]
        if len({row.world for row in of_size}) > 1:
            tables += [ranking_table(of_size, relation) for relation in (SEEN, UNSEEN)]
    return tables


def ranking_table(rows: Sequence[Result], relation: str) -> str:
    """Mean AUCs of every method and of the best shortcut by world, with seeds, then each method's ranks.

    Ranks are taken in each world among the methods that were run in all; Kendall's W says how far the worlds agree
    (1: the same order everywhere; 0: none), with tied ranks averaged and no correction for ties.
    """
    worlds = sorted({row.world for row in rows})
    lines = [
        f"#### All worlds, {relation} generators, size {rows[0].size}",
        "",
        "| method | " + " | ".join(worlds) + " | ranks |",
        "|" + "---|" * (len(worlds) + 2),
    ]
    means = {method: [_mean(rows, world, method, relation) for world in worlds] for method in METHODS}
    complete = [method for method in METHODS if not np.isnan(means[method]).any()]
    ranks = stats.rankdata([[-value for value in means[method]] for method in complete], axis=0) if complete else []
    rank_texts = {method: ", ".join(f"{rank:g}" for rank in of) for method, of in zip(complete, ranks, strict=True)}
    for method in METHODS:
        cells = [_cell(rows, world, method, relation) for world in worlds]
        lines.append(f"| {method} | {' | '.join(cells)} | {rank_texts.get(method, '')} |")
    shortcuts = [_best_shortcut(rows, world, relation) for world in worlds]
    lines.append(f"| *best shortcut* | {' | '.join(shortcuts)} | |")
    if len(complete) > 1:
        lines += ["", f"Kendall's W of the {len(complete)} methods that ran in all worlds: {_agreement(ranks):.2f}."]
    return "\n".join(lines)


def _agreement(ranks: np.ndarray) -> float:
    """Kendall's coefficient of concordance: 12 S / (m^2 (n^3 - n)) for n methods (rows) ranked in m worlds (columns),
    where S is the sum of squares of the methods' rank sums about their mean."""
    methods, worlds = ranks.shape
    sums = ranks.sum(axis=1)
    return float(12 * ((sums - sums.mean()) ** 2).sum() / (worlds**2 * (methods**3 - methods)))


def _chosen(rows: Sequence[Result], world: str, method: str) -> list[Result]:
    return [row for row in rows if (row.world, row.method) == (world, method)]


def _mean(rows: Sequence[Result], world: str, method: str, relation: str) -> float:
    people = people_aucs(_chosen(rows, world, method), relation)
    return mean_auc(people) if people else float("nan")


def _cell(rows: Sequence[Result], world: str, method: str, relation: str) -> str:
    chosen = _chosen(rows, world, method)
    if not chosen:
        return "not run"
    seeds = f", {len(chosen)} seed{'s' * (len(chosen) > 1)}"
    return figure_text(people_aucs(chosen, relation)) + seeds


def _best_shortcut(rows: Sequence[Result], world: str, relation: str) -> str:
    names = {row.method for row in rows if row.world == world} - set(METHODS)
    means = {name: value for name in sorted(names) if not np.isnan(value := _mean(rows, world, name, relation))}
    if not means:
        return "not run"
    best = max(means, key=lambda name: means[name])
    return f"{figure_text(people_aucs(_chosen(rows, world, best), relation))}, {best}"
