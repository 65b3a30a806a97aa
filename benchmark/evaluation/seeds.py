"""Spread over training seeds: how far a figure moves when nothing but chance in training changes.

It stands beside the interval over people, never inside it: another seed does not bring other people.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def seed_groups(methods: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Names of methods whose records differ in nothing but the seed, at least two a group."""
    groups: dict[str, list[str]] = {}
    for name, about in methods.items():
        options = about.get("options")
        if not options or "seed" not in options:
            continue
        rest = {key: value for key, value in options.items() if key not in ("seed", "run")}
        key = json.dumps([rest, about["people"], about["generators"], about["data"]], sort_keys=True, default=str)
        groups.setdefault(key, []).append(name)
    return [sorted(names) for names in groups.values() if len(names) > 1]


def seed_spread(results: dict[str, Any], figure: str = "auc_mean") -> list[dict[str, Any]]:
    """For each group and place (section, generator): mean, standard deviation, least and largest over its seeds."""
    rows = []
    for names in seed_groups(results["methods"]):
        cells = [cell for cell in results["cells"] if cell["method"] in names]
        for section, generator in sorted({(cell["section"], cell["generator"]) for cell in cells}):
            mine = [c for c in cells if (c["section"], c["generator"]) == (section, generator)]
            values = np.array([cell[figure]["value"] for cell in mine])
            rows.append(
                {
                    "methods": [cell["method"] for cell in mine],
                    "section": section,
                    "generator": generator,
                    "relation": mine[0]["relation"],
                    "figure": figure,
                    "mean": float(values.mean()),
                    "deviation": float(values.std(ddof=1)) if len(values) > 1 else None,
                    "low": float(values.min()),
                    "high": float(values.max()),
                    "seeds": len(values),
                }
            )
    return rows
