"""Fixtures for the whole suite."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Other people's clips, portraits, weights and golden files; tests that use them skip where they are absent."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("NVFAIR_SHARED", root.parent / "shared"))
    if not (folder / "DESIGN.md").exists():
        pytest.skip(f"test material is not on this machine ({folder} is absent; NVFAIR_SHARED may name it)")
    return folder
