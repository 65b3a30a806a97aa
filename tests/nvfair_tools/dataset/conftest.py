"""Data sets that several tests export or send; they leave them as they are."""

from __future__ import annotations

import pytest

from nvfair_tools.dataset import Dataset
from tests.nvfair_tools.dataset.exportable_set import PEOPLE, write_exportable


@pytest.fixture(scope="session")
def free(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Everything in it may be passed on."""
    return write_exportable(tmp_path_factory.mktemp("free") / "set")


@pytest.fixture(scope="session")
def partly(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The second person's answer to redistribution is unknown."""
    folder = tmp_path_factory.mktemp("partly") / "set"
    return write_exportable(folder, permitted_use={PEOPLE[1]: "research"})
