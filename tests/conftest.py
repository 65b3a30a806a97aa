"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data that lies beside the repository; tests that need it skip where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("NVFAIR_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}: set NVFAIR_SHARED to the folder that holds them")
    return folder
