"""One line of output for the AUC of an entry on each test generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def auc_lines(protocol: str, generators: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Lines such as "nvfair-seen, warp: AUC 0.812 (0.790 to 0.834)". generators: figures of each test generator."""
    for generator, figures in generators.items():
        mean = figures["auc_mean"]
        interval = "" if mean["low"] is None else f" ({mean['low']:.3f} to {mean['high']:.3f})"
        yield f"{protocol}, {generator}: AUC {mean['value']:.3f}{interval}"
