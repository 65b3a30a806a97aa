"""A build goes on after an upgrade as if it had made the set so itself: it makes nothing again."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.curate.upgrading import upgrade
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.pipeline.progress import Silent
from tests.nvfair_tools.curate.upgrading.first_format import to_first_format
from tests.nvfair_tools.small_build import file_hashes

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(built_museum, tmp_path) -> Path:
    import shutil

    return Path(shutil.copytree(built_museum, tmp_path / "museum"))


def done_items(dataset: Path) -> dict[str, int]:
    """How many items of each stage the last build has run."""
    with closing(sqlite3.connect(dataset / ".build" / "journal.sqlite")) as journal:
        return dict(journal.execute("SELECT stage, SUM(done) FROM progress GROUP BY stage").fetchall())


def without_meta(hashes: dict[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in hashes.items() if path != "dataset.json" and not path.startswith(".build")}


def test_a_build_makes_nothing_again_after_an_upgrade_and_writes_its_parts_again_without(folder):
    dataset = folder / "dataset"
    present = without_meta(file_hashes(dataset))
    to_first_format(dataset)
    outcome = upgrade(dataset)
    assert outcome.parts == len(list((dataset / "frames").rglob("*.parquet"))) > 0
    assert check_dataset(dataset, full=True).faults == ()
    parts = {path: path.stat().st_mtime_ns for path in (dataset / "frames").rglob("*.parquet")}

    build(folder / "recipe.yaml", reporter=Silent())
    assert set(done_items(dataset).values()) == {0}
    assert {path: path.stat().st_mtime_ns for path in parts} == parts
    assert without_meta(file_hashes(dataset)) == present

    # Without an upgrade, the build renders nothing either, but makes the parts of what it has stored.
    to_first_format(dataset)
    build(folder / "recipe.yaml", reporter=Silent())
    assert {stage: count for stage, count in done_items(dataset).items() if count} == {"shard": len(parts)}
    assert without_meta(file_hashes(dataset)) == present
    assert json.loads((dataset / "dataset.json").read_text())["format_version"] == "1.0"


def test_a_person_who_gets_another_name_in_the_list_gets_it_in_each_row(folder, built_museum):
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(built_museum), str(folder)))
    for path in (folder / "sources" / "clips.csv", folder / "consent.csv"):
        path.write_text(path.read_text().replace("museum:hopper", "museum:grace"))
    build(recipe, reporter=Silent())
    dataset = folder / "dataset"
    assert check_dataset(dataset, full=True).faults == ()
    rows = pd.concat([pd.read_parquet(path) for path in (dataset / "frames").rglob("*.parquet")])
    assert {*rows["driver"], *rows["target"]} == {"museum:astronaut", "museum:astronaut2", "museum:grace"}
