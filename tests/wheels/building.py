"""Builds the wheel of this tree in a copy: a build leaves folders behind, from which the next would take old files."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("nvfair_tools", "generators", "benchmark", "leaderboard")


def copy_source(folder: Path) -> Path:
    """Copies what a build reads, and folders that it must leave out, to `folder`."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name in ("tests", "docs", "examples"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder
