"""Builds whose recipe has limits of quality: a bad video is a row with its reason, and other limits judge again."""

import shutil
from collections import Counter

import pandas as pd
import pytest
import yaml

from nvfair_tools.curate.build import build
from nvfair_tools.curate.rendering_checks import quality as rendering_quality
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import Problems
from nvfair_tools.landmarks.model_file import needs_model_file
from nvfair_tools.quality.measure_dataset import measure_dataset
from nvfair_tools.recipe.recipe import load_recipe
from tests.mediapipe_here import skip_without_landmarker

skip_without_landmarker()

# Between the correlations of the warp's videos and the other generator's. Which they are depends on the landmark model:
# at most 0.936 and at least 0.969 with mediapipe 0.10.21's, at most 0.973 and at least 0.980 with the later one.
BETWEEN = 0.976 if needs_model_file() else 0.95


def with_limits(recipe, **limits):
    content = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump({**content, "quality": limits}))
    return recipe


def ends(videos):
    rendered = videos[videos["kind"] != "real"]
    return Counter(zip(rendered["generator"], rendered["state"], rendered["reason"], strict=True))


@pytest.fixture
def recipe(folder, tmp_path):
    shutil.copytree(folder / "dataset", tmp_path / "dataset")
    shutil.copy(folder / "recipe.yaml", tmp_path)
    return tmp_path / "recipe.yaml"


def test_a_video_beyond_a_limit_is_a_row_with_its_reason_and_other_limits_judge_again(recipe, monkeypatch):
    outcome = build(with_limits(recipe, least_correlation=BETWEEN))
    assert ends(outcome.videos) == {
        ("warp-dense", "rejected", "motion_not_transferred"): 4,
        ("external", "ok", ""): 4,
    }
    counts = outcome.counts().set_index(["what", "state"])["items"]
    assert counts["warp-dense cross", "rejected"] == counts["external self", "ok"] == 2
    data = Dataset.open(recipe.parent / "dataset")
    rejected = data.videos[data.videos["state"] == "rejected"]
    assert rejected["detail"].str.contains(f"the correlation with the driver's motion is 0.*; at least {BETWEEN}").all()
    assert rejected["part"].isna().all()
    assert all((data.folder / path).is_file() for path in rejected["path"])
    # The measures of all videos lie where `nvfair quality` looks for them, and are those that it finds itself.
    table = data.folder / "quality" / "quality.parquet"
    built = pd.read_parquet(table).set_index("video")
    assert len(built) == 8
    table.unlink()
    again = measure_dataset(data, table, workers=0).set_index("video")
    assert len(again) == 4, "of the videos that are ok"
    names = ["correlation", "amplitude", "flicker", "driver_flicker", "sharpness", "portrait_sharpness"]
    assert ((again[names] - built.loc[again.index, names]).abs() < 0.02).all().all()

    def measure(recogniser):
        raise AssertionError("nothing is measured again")

    monkeypatch.setattr(rendering_quality, "MeasureWorker", measure)
    assert ends(build(with_limits(recipe, least_correlation=0.3)).videos) == {
        ("warp-dense", "ok", ""): 4,
        ("external", "ok", ""): 4,
    }


def test_a_limit_that_does_not_exist_is_named_with_the_one_that_was_meant(recipe):
    with pytest.raises(Problems, match=r"quality\.least_corelation: no such key; did you mean `least_correlation`"):
        load_recipe(with_limits(recipe, least_corelation=0.5))


def test_recipes_without_limits_keep_their_hash(recipe):
    plain = load_recipe(recipe)
    assert "quality" not in plain.model_dump(exclude_none=True)
    assert plain.digest() != load_recipe(with_limits(recipe, least_correlation=0.5)).digest()
