"""A pytest plugin that prints how far golden values were missed, and what was allowed.

    python -m pytest -p tests.golden_errors -k "golden or authors or published" tests/benchmark/methods

For each test, every comparison with a bound is measured: the largest absolute difference, or the largest relative one
where the bound is relative. Nothing else is changed; a comparison fails as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

_rows: list[tuple[str, float, str]] = []


@pytest.fixture(autouse=True)
def _measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    original = np.testing.assert_allclose
    worst: dict[str, float] = {}

    def measured(actual: Any, desired: Any, rtol: float = 1e-7, atol: float = 0.0, **options: Any) -> None:
        first, second = np.asarray(actual, np.float64), np.asarray(desired, np.float64)
        if first.shape == second.shape and first.size:
            difference = np.abs(first - second)
            known = np.isfinite(difference)
            kind = f"absolute, of {atol:.0e} allowed" if atol else f"relative, of {rtol:.0e} allowed"
            if not atol:
                known &= second != 0
                difference = difference / np.where(known, np.abs(second), 1)
            worst[kind] = max(worst.get(kind, 0.0), float(difference[known].max(initial=0.0)))
        original(actual, desired, rtol=rtol, atol=atol, **options)

    monkeypatch.setattr(np.testing, "assert_allclose", measured)
    yield
    name = request.node.nodeid.removeprefix("tests/benchmark/")
    _rows.extend((name, error, kind) for kind, error in worst.items())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the largest error of each test and kind of bound."""
    terminalreporter.write_line("largest difference of compared values:")
    for name, error, kind in _rows:
        terminalreporter.write_line(f"{error:.1e} ({kind})  {name}")
