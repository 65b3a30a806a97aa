"""Published pooled AUCs of AVAPrintDB, in per cent, by what a system was trained on and the list it was tested on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from nvfair_tools.landmarks.avaprintdb_files import GENERATORS

# A cell: collection and generator (its label, such as gagavatar) of training, then of the list.
Cell = tuple[str, str, str, str]
SYSTEMS = ("graph", "dino", "clip", "fusion")
_CREMAD_ROWS = """
GAGA GAGA 87.8 87.0 86.4 93.8
LIVE LIVE 90.8 88.8 88.6 95.2
HUNY HUNY 82.6 79.8 81.0 87.6
GAGA LIVE 84.6 68.9 75.8 86.1
GAGA HUNY 84.4 66.7 71.8 85.4
LIVE GAGA 76.5 69.9 71.3 78.4
LIVE HUNY 73.9 74.2 73.7 79.3
HUNY GAGA 84.8 63.5 72.1 79.1
HUNY LIVE 84.5 79.8 75.2 86.7
"""
_RAVDESS_ROWS = """
GAGA GAGA 75.7 75.9 76.0 83.0
LIVE LIVE 76.5 67.2 70.2 79.4
HUNY HUNY 72.3 74.0 77.0 78.8
GAGA LIVE 66.7 64.7 65.5 70.4
GAGA HUNY 73.1 62.2 65.3 71.5
LIVE GAGA 69.0 65.4 62.9 69.4
LIVE HUNY 69.1 63.2 65.8 67.5
HUNY GAGA 70.4 63.8 67.1 73.0
HUNY LIVE 68.1 67.5 69.5 74.5
"""
_CREMAD_ON_RAVDESS_ROWS = """
GAGA GAGA 77.3 79.5 77.3 84.2
LIVE LIVE 69.2 66.9 59.7 67.5
HUNY HUNY 74.4 72.6 75.6 77.7
"""
_RAVDESS_ON_CREMAD_ROWS = """
GAGA GAGA 83.5 80.9 79.4 89.3
LIVE LIVE 82.8 71.5 76.4 84.7
HUNY HUNY 77.9 72.2 76.6 83.1
"""
_GENERATOR = re.compile("gaga|huny|live")


def _cells() -> dict[str, dict[Cell, float]]:
    """System -> cell -> value, from the tables above."""
    cells: dict[str, dict[Cell, float]] = {system: {} for system in SYSTEMS}
    for trained, tested, rows in (
        ("cremad", "cremad", _CREMAD_ROWS),
        ("ravdess", "ravdess", _RAVDESS_ROWS),
        ("cremad", "ravdess", _CREMAD_ON_RAVDESS_ROWS),
        ("ravdess", "cremad", _RAVDESS_ON_CREMAD_ROWS),
    ):
        for row in rows.split("\n")[1:-1]:
            first, second, *values = row.split()
            for system, value in zip(SYSTEMS, values, strict=True):
                cells[system][trained, GENERATORS[first], tested, GENERATORS[second]] = float(value)
    return cells


# arXiv 2603.26934. The system is "graph", "dino", "clip", or "fusion" of the three, by a rule that is not public.
PUBLISHED_AUC: Mapping[str, Mapping[Cell, float]] = MappingProxyType(_cells())


def training_by_file_name(name: str) -> tuple[str, str] | None:
    """Collection and generator that the name of a published checkpoint states; None where it does not state both."""
    collection = re.search(r"cremad|ravdess", name.lower().replace("-", ""))
    generator = _GENERATOR.search(name.lower())
    return (collection[0], GENERATORS[generator[0].upper()]) if collection and generator else None
