"""A small data set, made once for all tests that only read it."""

from pathlib import Path

import pytest

from nvfair_tools.dataset import Dataset
from tests.benchmark.small_world import OPEN, make


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder: Path = tmp_path_factory.mktemp("small")
    return make(folder, OPEN)
