"""Spread over training seeds: how far a figure moves when nothing but chance in training changes.

It stands beside the interval over people, never inside it: another seed does not bring other people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.evaluation.method_record import MethodRecord
from benchmark.evaluation.result_rows import CellResult, SeedSpread


def seed_groups(methods: Mapping[str, MethodRecord]) -> list[list[str]]:
    """Names of methods whose records differ in nothing but the seed, at least two in a group."""
    groups: dict[str, list[str]] = {}
    for name, record in methods.items():
        if "seed" not in record.options:
            continue
        # The digest of the run depends on the seed.
        options = {key: value for key, value in record.options.items() if key not in ("seed", "run")}
        origin = record.to_json()
        content = [options, origin["people"], origin["generators"], origin["data"], origin.get("normalisation")]
        groups.setdefault(json.dumps(content, sort_keys=True, default=str), []).append(name)
    return [sorted(names) for names in groups.values() if len(names) > 1]


def seed_spreads(
    methods: Mapping[str, MethodRecord], cells: Sequence[CellResult], figure: str = "auc_mean"
) -> list[SeedSpread]:
    """The spread of `figure` for each group of methods that differ in the seed, by section and generator."""
    spreads = []
    for names in seed_groups(methods):
        cells_of_group = [cell for cell in cells if cell.method in names]
        for section, generator in sorted({(cell.section, cell.generator) for cell in cells_of_group}):
            cells_here = [c for c in cells_of_group if (c.section, c.generator) == (section, generator)]
            values = np.array([cell.figures.auc(figure).value for cell in cells_here])
            spreads.append(
                SeedSpread(
                    methods=tuple(cell.method for cell in cells_here),
                    section=section,
                    generator=generator,
                    relation=cells_here[0].relation,
                    figure=figure,
                    mean=float(values.mean()),
                    deviation=float(values.std(ddof=1)) if len(values) > 1 else None,
                    low=float(values.min()),
                    high=float(values.max()),
                    seeds=len(values),
                )
            )
    return spreads
