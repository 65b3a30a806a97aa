"""Spread over seeds."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.evaluation.seeds import seed_groups, seed_spread


def _about(seed: int, **more: Any) -> dict[str, Any]:
    options = {"seed": seed, "width": 64, "run": f"digest of {seed}", **more}
    return {"options": options, "people": {}, "generators": {}, "data": {}}


METHODS = {"a": _about(0), "b": _about(1), "c": _about(2, width=128), "d": {"people": {}, "generators": {}, "data": {}}}


def test_only_runs_that_differ_in_the_seed_alone_are_grouped() -> None:
    assert seed_groups(METHODS) == [["a", "b"]]


def test_spread_is_that_of_the_values() -> None:
    cells = [
        {"method": name, "section": 0, "generator": "g", "relation": "seen", "auc_mean": {"value": value}}
        for name, value in (("a", 0.7), ("b", 0.8), ("c", 0.1))
    ]
    (row,) = seed_spread({"methods": METHODS, "cells": cells})
    assert row["mean"] == pytest.approx(0.75)
    assert row["deviation"] == pytest.approx(0.0707, abs=1e-4)
    assert (row["low"], row["high"], row["seeds"]) == (0.7, 0.8, 2)
