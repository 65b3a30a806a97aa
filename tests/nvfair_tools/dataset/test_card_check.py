"""A data set reads through Hugging Face's `datasets` by its card, and a wrong card is reported."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from nvfair_tools.curate.card import write_card
from nvfair_tools.dataset.checking.card_check import card_problems
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA as IDENTITY_COLUMNS
from nvfair_tools.dataset.schema import VIDEOS_SCHEMA
from nvfair_tools.dataset.writer import content_digest
from nvfair_tools.errors import NvfairError
from tests.nvfair_tools.dataset.landmark_videos import LENGTHS, rows_of, videos_table, write_dataset

datasets = pytest.importorskip("datasets")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Nothing of a test is left in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = write_dataset(
        tmp_path_factory.mktemp("hub") / "set", videos_table().assign(fps_num=25, fps_den=1), distances=True
    )
    meta = {
        "name": "toy",
        "features": {"distances": "float16", "mesh": False},
        "landmarks": {"scheme": "126", "points": 126},
        "generators": [],
        "simulated": False,
    }
    people = pd.read_parquet(folder / "identities.parquet")
    digest = content_digest(json.loads((folder / "dataset.json").read_text())["files"])
    write_card(folder, meta, people, pd.read_parquet(folder / "videos.parquet"), content=digest)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "set")


def test_every_frame_comes_back_in_its_split(finished):
    splits = datasets.load_dataset(str(finished), streaming=True)
    assert sorted(splits) == ["test", "train"]
    rows = [row for split in splits.values() for row in split]
    assert len(rows) == sum(LENGTHS.values())
    row = next(row for row in rows if (row["video"], row["index"]) == ("v2", 5))
    assert np.abs(np.array(row["landmarks"]).reshape(126, 2) - rows_of("v2").landmarks[5]).max() <= 1 / 128
    assert len(row["distances"]) == 7875


@pytest.mark.parametrize(("config", "schema"), [("videos", VIDEOS_SCHEMA), ("identities", IDENTITY_COLUMNS)])
def test_the_tables_come_back_with_their_columns(finished, config, schema):
    splits = datasets.load_dataset(str(finished), config, streaming=True)
    assert list(splits) == ["table"]
    assert list(splits["table"].features) == schema.names


def test_a_true_card_has_no_problems(finished):
    assert card_problems(finished) == []


def change_card(folder, change):
    text = (folder / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    content = yaml.safe_load(front)
    change(content)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(content)}---\n{body}")


def test_a_card_that_forgets_a_split_is_found_out(folder):
    change_card(folder, lambda content: content["configs"][0]["data_files"].pop())
    problems = card_problems(folder)
    assert problems
    assert all("which holds its videos" in problem and "frames/" in problem for problem in problems)


def test_a_card_that_forgets_a_config_is_found_out(folder):
    change_card(folder, lambda content: content["configs"].pop())
    (problem,) = card_problems(folder)
    assert problem.startswith("identities: the card does not describe the config 'identities'")


def test_a_part_that_no_video_belongs_to_is_found_out(folder):
    part = next((folder / "frames").rglob("part-*.parquet"))
    shutil.copy(part, part.with_name("part-99999.parquet"))
    (problem,) = card_problems(folder)
    assert "part-99999.parquet, which videos.parquet does not name" in problem


def test_a_part_with_other_columns_is_found_out(folder):
    for part in (folder / "frames").rglob("part-*.parquet"):
        pd.read_parquet(part).drop(columns="distances").to_parquet(part)
    problems = card_problems(folder)
    assert len(problems) == 2
    assert all("'distances'" in problem for problem in problems)


def test_a_data_set_without_a_card_says_so(folder):
    (folder / "README.md").unlink()
    with pytest.raises(NvfairError, match=r"README\.md: the data set has no card"):
        card_problems(folder)


def test_a_card_of_another_content_is_found_out(folder):
    def forget(content):
        content["configs"][1]["description"] = "content sha256 " + "0" * 64
        del content["configs"][2]["description"]

    change_card(folder, forget)
    problems = card_problems(folder)
    assert [problem.partition(":")[0] for problem in problems] == ["videos", "identities"]
    assert all("rows of an earlier content from its cache" in problem for problem in problems)
