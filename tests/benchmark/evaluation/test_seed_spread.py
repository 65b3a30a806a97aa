"""Spread of figures over training seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmark.evaluation.method_record import MethodRecord
from benchmark.evaluation.result_rows import CellResult
from benchmark.evaluation.seed_spread import seed_groups, seed_spreads
from tests.benchmark.invented_results import cell


def _record(seed: int, **more: Any) -> MethodRecord:
    return MethodRecord({"kind": "method", "options": {"seed": seed, "width": 64, "run": f"digest of {seed}", **more}})


METHODS = {"a": _record(0), "b": _record(1), "c": _record(2, width=128), "d": MethodRecord({"kind": "method"})}


def _cell(method: str, auc: float) -> CellResult:
    invented = cell(method, "g")
    figures = replace(invented.figures, auc_mean=replace(invented.figures.auc_mean, value=auc))
    return replace(invented, figures=figures)


def test_only_runs_that_differ_in_the_seed_alone_are_grouped() -> None:
    assert seed_groups(METHODS) == [["a", "b"]]


def test_spread_is_that_of_the_values() -> None:
    cells = [_cell(name, auc) for name, auc in (("a", 0.7), ("b", 0.8), ("c", 0.1))]
    (spread,) = seed_spreads(METHODS, cells)
    assert spread.methods == ("a", "b")
    assert spread.mean == pytest.approx(0.75)
    assert spread.deviation == pytest.approx(0.0707, abs=1e-4)
    assert (spread.low, spread.high, spread.seeds) == (0.7, 0.8, 2)
