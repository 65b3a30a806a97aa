"""A simulated cohort of few people, described once with all that a curator may state."""

from datetime import date
from pathlib import Path

import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.publication import Publication
from nvfair_tools.metadata.writing import rewrite_metadata
from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings

STATED = Publication(
    creators=(
        {"name": "Doe, Jane", "orcid": "0000-0002-1825-0097", "affiliation": "A Lab"},
        {"name": "A Lab", "organisation": True},
    ),
    publisher="Zenodo",
    version="1.0.0",
    url="https://example.org/set",
    doi="10.5281/zenodo.1234567",
    published=date(2026, 11, 1),
    citation="Doe, J. (2026). A set.",
    contact="people@example.org",
)
SETTINGS = CohortSettings(
    sources=(SourceSettings(name="sim-a", train=2, validation=1, test=2, texts=2),), clips=2, cross=1, frames=10, seed=3
)


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Path:
    """The cohort as `nvfair simulate` leaves it; copy it, do not change it."""
    folder = tmp_path_factory.mktemp("described") / "plain"
    write_cohort(folder, SETTINGS, workers=1)
    return folder


@pytest.fixture(scope="session")
def described(plain, tmp_path_factory) -> Path:
    """The cohort with all its files of metadata; do not change it."""
    import shutil

    folder = tmp_path_factory.mktemp("described") / "set"
    shutil.copytree(plain, folder)
    rewrite_metadata(Dataset.open(folder), publication=STATED)
    return folder
