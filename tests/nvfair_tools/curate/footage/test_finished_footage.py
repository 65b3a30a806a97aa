"""A finished data set of footage says where its clips are from; who leaves it takes only their own segments along."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from nvfair_tools.cli.revoke import revoke
from nvfair_tools.curate.build import build
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.segments import read_segments
from nvfair_tools.files import sha256_of
from tests.folder_texts import all_texts
from tests.nvfair_tools.curate.footage.films import write_film, write_footage_recipe

TWO_PEOPLE = "film.mp4,talk:anna,0,2\nfilm.mp4,talk:grace,2,3.6\nfilm.mp4,talk:anna,3.6,5.2\n"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("talk")
    write_film(folder / "film.mp4")
    build(write_footage_recipe(folder, TWO_PEOPLE, pairs={"cross_per_clip": 1}))
    return folder


@pytest.fixture
def talk(built, tmp_path, monkeypatch) -> Path:
    shutil.copytree(built, tmp_path / "talk")
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "revocation.key"))
    return tmp_path / "talk"


def test_the_tables_say_where_each_clip_is_from(built):
    dataset = Dataset.open(built / "dataset")
    segments = read_segments(built / "dataset").set_index("video")
    real = dataset.videos[dataset.videos["kind"] == "real"].set_index("video")
    assert set(segments.index) == set(real.index)
    usable = segments[real["state"].reindex(segments.index) == "ok"]
    assert len(usable) == 3
    for video, place in usable.iterrows():
        assert place["last_frame"] - place["first_frame"] + 1 == real.loc[video, "frames"]
        assert place["start"] == pytest.approx(place["first_frame"] / 25)
        assert place["identity"] == real.loc[video, "target"]
    assert set(segments["person"]) == {"not verified"}
    assert "segments.parquet" in dataset.meta["files"]
    card = (built / "dataset" / "README.md").read_text()
    assert "Identity was not verified" in card
    assert "3 clips were cut out of 1 file of footage" in card


def test_a_recipe_without_footage_removes_the_table(talk):
    recipe = write_footage_recipe(talk, "film.mp4,talk:anna\n", header="path,identity")
    text = recipe.read_text()
    recipe.write_text(text.replace("  footage:\n    min_seconds: 0.8\n", ""))
    assert "footage:" not in recipe.read_text()
    build(recipe)
    assert read_segments(talk / "dataset") is None
    assert "segments.parquet" not in Dataset.open(talk / "dataset").meta["files"]


def test_who_leaves_shared_footage_leaves_the_others_their_segments(talk):
    dataset = talk / "dataset"
    before = read_segments(dataset)
    result = CliRunner().invoke(revoke, ["talk:anna", str(dataset), "--yes"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    plain = " ".join(re.sub("[│┃]", " ", result.output).split())
    assert re.search(r"footage with others 1 stays with you: film.mp4", plain), plain
    assert re.search(r"others' segments of 1 stay: talk:grace", plain)
    after = read_segments(dataset)
    assert after["identity"].unique().tolist() == ["talk:grace"]
    pd.testing.assert_frame_equal(
        after, before[before["identity"] == "talk:grace"].reset_index(drop=True), check_dtype=False
    )
    assert len(list((dataset / ".build" / "segments").rglob("*.mp4"))) == 1
    assert "anna" not in all_texts(dataset)
    assert "1 clip was cut out of 1 file of footage" in (dataset / "README.md").read_text()
    assert sha256_of(dataset / "segments.parquet") == Dataset.open(dataset).meta["files"]["segments.parquet"]
    # The list still names her, and once more under another name: neither is made again, and grace stays as she was.
    write_footage_recipe(talk, TWO_PEOPLE.replace("talk:anna,0,2", "talk:eve,0,2"), pairs={"cross_per_clip": 1})
    outcome = build(talk / "recipe.yaml", until="ingest")
    reasons = {}
    for clip in outcome.clips:
        reasons.setdefault(clip.row.identity, set()).add(clip.result.reason)
    assert reasons == {"talk:grace": {""}, "revoked:person-1": {"revoked"}, "talk:eve": {"no_face"}}
    (grace,) = [clip for clip in outcome.clips if clip.usable]
    assert grace.id == after["video"].iloc[0]
