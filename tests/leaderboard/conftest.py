"""A small data set and a valid submission to it, whose embeddings are plain statistics of the landmarks."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmark import protocols
from benchmark.methods.embedding_files import write_embeddings
from leaderboard.submission.test_set import windows_under_test as windows_of
from nvfair_tools.dataset import Dataset
from tests.benchmark.small_world import OPEN, make
from tests.leaderboard.postgres import Cluster, cluster

VALID_DECLARATION = {
    "format_version": 1,
    "method": "landmark spread",
    "authors": ["A. Author"],
    "contact": "private@example.org",
    "training": {"datasets": [], "people": [], "generators": ["alpha"]},
    "entries": [
        {"protocol": "nvfair-seen", "embeddings": "embeddings/test.parquet", "trained_on_generators": ["alpha"]},
        {"protocol": "nvfair-unseen", "embeddings": "embeddings/test.parquet", "trained_on_generators": ["alpha"]},
    ],
}


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("board"), OPEN)


@pytest.fixture(scope="session")
def valid_submission(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Path:
    """A folder that passes the check; not to be changed."""
    folder = tmp_path_factory.mktemp("valid") / "submission"
    (folder / "embeddings").mkdir(parents=True)
    windows = windows_of(dataset, protocols.load("nvfair-seen"))
    spread = [windows.landmarks[start : start + windows.length].std(axis=0).ravel() for start in windows.start]
    write_embeddings(folder / "embeddings" / "test.parquet", windows, np.array(spread, dtype=np.float32), {})
    write_declaration(folder, VALID_DECLARATION)
    return folder


@pytest.fixture
def submission(tmp_path: Path, valid_submission: Path) -> Path:
    """A folder that passes the check."""
    return Path(shutil.copytree(valid_submission, tmp_path / "submission"))


def write_declaration(folder: Path, content: object) -> None:
    """Writes the submission.yaml of a submission."""
    (folder / "submission.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server; skips where its programs are absent."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes URLs of empty databases, of SQLite and of PostgreSQL."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").fresh
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('store') / 'board.sqlite'}"
