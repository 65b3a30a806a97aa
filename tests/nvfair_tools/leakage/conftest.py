"""The clean simulated data set that the audit's tests plant leaks in."""

from pathlib import Path

import pytest

from tests.nvfair_tools.leakage.planted import write_clean


@pytest.fixture(scope="session")
def clean(tmp_path_factory) -> Path:
    return write_clean(tmp_path_factory.mktemp("leakage") / "clean")
