"""The command that writes a cohort writes its card, by which `datasets` reads it."""

import json

import pytest
import yaml
from click.testing import CliRunner

from nvfair_tools.cli.curate.simulate import simulate
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.checking import check_dataset

datasets = pytest.importorskip("datasets")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four people in two splits, each with two clips."""
    home = tmp_path_factory.mktemp("cohort")
    sources = [{"name": "studio", "train": 2, "validation": 0, "test": 2}]
    (home / "settings.yaml").write_text(yaml.safe_dump({"name": "Four made people", "sources": sources}))
    command = ["cohort", str(home / "set"), "--settings", str(home / "settings.yaml"), "--workers", "1"]
    command += ["--clips", "2", "--cross", "1", "--frames", "30"]
    result = CliRunner().invoke(simulate, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return home / "set"


def test_datasets_reads_the_cohort_with_who_drives_in_each_row(folder, tmp_path, monkeypatch):
    from nvfair_tools.dataset.checking.card_check import card_problems

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    assert card_problems(folder) == []
    row = next(iter(datasets.load_dataset(str(folder), split="test", streaming=True)))
    video = Dataset.open(folder).videos.set_index("video").loc[row["video"]]
    assert (row["driver"], row["target"], row["split"]) == (video["driver"], video["target"], "test")
    assert row["driver"].startswith("studio:")


def test_the_card_says_that_nobody_in_it_exists_and_that_there_are_no_pictures(folder):
    card = (folder / "README.md").read_text()
    assert "simulated people (none of them exists)" in card
    assert "landmarks alone, and no pictures" in card
    assert "in its own metadata" not in card
    assert "nan" not in card.lower().replace("finan", "").split("## generators")[1].split("##")[0]


def test_the_card_is_vouched_for(folder):
    files = json.loads((folder / "dataset.json").read_text())["files"]
    assert {"README.md", "card/videos.png", "card/lengths.png"} <= set(files)
    assert check_dataset(folder, full=True).faults == ()
    (folder / "README.md").write_text((folder / "README.md").read_text() + "A line of one's own.\n")
    faults = check_dataset(folder).faults
    assert [fault.file for fault in faults] == ["README.md"]
    assert "nvfair dataset card" in faults[0].what
