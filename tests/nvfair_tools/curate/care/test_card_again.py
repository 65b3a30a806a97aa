"""A card is written anew for what a curator has edited, and never vouches for damage."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.card import card as earlier_command
from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.curate.care.card_again import rewrite_card
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.dataset.consents import read_consents, write_consents
from nvfair_tools.dataset.writer import write_table
from nvfair_tools.errors import Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.uses import Answer, Consent
from nvfair_tools.metadata.writing import METADATA_FILES
from tests.nvfair_tools.dataset.small_sets import write_set

datasets = pytest.importorskip("datasets")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Nothing of a test is left in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card") / "set"
    return write_set(folder, {"a": "train", "b": "test"}, ["a-1", "aa-1", "b-1"], pixels=False)


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "set"))


def test_nothing_changes_where_nothing_was_edited(folder: Path) -> None:
    before = {path: sha256_of(path) for path in folder.rglob("*") if path.is_file()}
    done = CliRunner().invoke(command, ["card", str(folder)])
    assert done.exit_code == 0, done.output
    assert "card written; nothing has changed" in done.output
    assert "the Hub takes its YAML" in done.output
    assert {path: sha256_of(path) for path in folder.rglob("*") if path.is_file()} == before


def test_an_edited_table_of_people_gives_a_new_card(folder: Path) -> None:
    path = folder / "identities.parquet"
    people = pd.read_parquet(path)
    write_table(path, people.assign(permitted_use="viewing only"), pq.read_schema(path))
    with pytest.raises(Problems, match=r"identities\.parquet is not as it was recorded; .* --edited identities"):
        rewrite_card(folder)
    changed = rewrite_card(folder, ["identities.parquet"])
    assert changed == ["README.md", "croissant.json", "datasheet.md", "identities.parquet"]
    assert "viewing only" in (folder / "README.md").read_text()
    assert check_dataset(folder, full=True).faults == ()


def test_edited_consents_are_recorded_and_damage_is_not(folder: Path) -> None:
    yes = Consent.of({}, Answer("yes", "form", frozenset({"research"}), since=date(2024, 1, 1)))
    write_consents(folder, {"toy:a": yes, "toy:b": yes})
    changed = set(rewrite_card(folder, ["consent.parquet"]))
    assert {"consent.parquet", "datasheet.md"} <= changed <= {"consent.parquet", *METADATA_FILES}
    assert json.loads((folder / "dataset.json").read_text())["files"]["consent.parquet"] == sha256_of(
        folder / "consent.parquet"
    )
    write_consents(folder, {"toy:a": yes})
    content = bytearray((folder / "videos.parquet").read_bytes())
    content[len(content) // 2] ^= 4
    (folder / "videos.parquet").write_bytes(content)
    with pytest.raises(Problems, match=r"videos\.parquet is not as it was recorded"):
        rewrite_card(folder, ["consent.parquet"])
    with pytest.raises(Problems, match=r"nothing\.parquet is not a file of this data set"):
        rewrite_card(folder, ["nothing.parquet"])
    assert set(read_consents(folder) or {}) == {"toy:a"}


def test_tables_that_contradict_each_other_get_no_card(folder: Path) -> None:
    path = folder / "identities.parquet"
    people = pd.read_parquet(path)
    write_table(path, people.assign(split="test"), pq.read_schema(path))
    with pytest.raises(Problems, match="another split than that of its driver: a-1"):
        rewrite_card(folder, ["identities.parquet"])


def test_a_wrong_card_is_named_by_both_spellings(folder: Path) -> None:
    card = folder / "README.md"
    card.write_text(card.read_text().replace("size_categories:\n- n<1K", "size_categories:\n- few"))
    for arguments in (["card", str(folder), "--check"],):
        done = CliRunner().invoke(command, arguments)
        assert isinstance(done.exception, Problems)
        assert "size_categories holds 'few', which is none of the Hub's" in str(done.exception)
    done = CliRunner().invoke(earlier_command, ["check", str(folder)])
    assert isinstance(done.exception, Problems)
    assert "size_categories holds 'few'" in str(done.exception)
    assert CliRunner().invoke(command, ["card", str(folder)]).exit_code == 0
