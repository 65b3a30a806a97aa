"""The example recipe is valid, its documentation names every key, and real clips build with it, hard ones included."""

import csv
import re
from pathlib import Path

import yaml

from nvfair_tools.curate.build import build
from nvfair_tools.dataset import Dataset
from nvfair_tools.recipe.clip_list import COLUMNS, read_clip_list
from nvfair_tools.recipe.recipe import Recipe, load_recipe
from nvfair_tools.recipe.splits import assign_splits
from tests.mediapipe_here import skip_without_landmarker

ROOT = Path(__file__).resolve().parents[3]


def test_the_example_is_a_valid_recipe_with_a_valid_list():
    recipe = load_recipe(ROOT / "examples" / "clips.yaml")
    rows = read_clip_list(recipe)
    assert len(rows) == 4
    assert set(assign_splits(recipe, rows)) == {"mine:ann", "mine:bob"}
    header = (ROOT / "examples" / "clips.csv").read_text().splitlines()[0]
    assert tuple(header.split(",")) == COLUMNS


def test_the_documentation_names_every_key_and_column():
    text = (ROOT / "docs" / "datasets.md").read_text()
    words = set(re.findall(r"[a-z_0-9]+", text))
    # Parts with many keys have pages of their own.
    linked = {name: (ROOT / "docs" / name).read_text() for name in re.findall(r"\]\((\w+\.md)", text)}
    all_words = words | set(re.findall(r"[a-z_0-9]+", "".join(linked.values())))

    def keys(model) -> set[str]:
        names = set()
        for name, field in model.model_fields.items():
            names.add(field.alias or name)
            kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
            for kind in kinds:
                if hasattr(kind, "model_fields"):
                    names |= keys(kind)
        return names

    assert set(Recipe.model_fields) - words == set()
    assert keys(Recipe) - all_words == set()
    assert set(COLUMNS) - words == set()


def test_real_clips_build_and_hard_ones_end_with_their_reasons(shared, tmp_path):
    skip_without_landmarker()
    identities = {
        "hard/truncated.mp4": "hard:cut",
        "hard/small_face.mp4": "hard:small",
        "hard/fps_22_13.mp4": "hard:rate",
        "grid/bbaf2n.mpg": "grid:bbaf2n",
        "grid/lbax4n.mpg": "grid:lbax4n",
    }
    with open(tmp_path / "clips.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity"])
        writer.writerows(identities.items())
    recipe = yaml.safe_load((ROOT / "examples" / "clips.yaml").read_text())
    recipe["output"] = "dataset"
    recipe["sources"][0]["root"] = str(shared / "clips")
    recipe["splits"] = {"by": "shares", "shares": {"train": 1.0}}
    recipe["generators"] = recipe["generators"][:1]
    recipe["features"] = {"distances": "none"}
    (tmp_path / "clips.yaml").write_text(yaml.safe_dump(recipe))
    build(tmp_path / "clips.yaml")
    dataset = Dataset.open(tmp_path / "dataset")
    real = dataset.videos[dataset.videos["kind"] == "real"].set_index("clip_name")
    assert real["reason"].to_dict() == {
        "truncated": "truncated",
        "small_face": "low_valid_share",
        "fps_22_13": "",
        "bbaf2n": "",
        "lbax4n": "",
    }
    rate = real.loc["fps_22_13"]
    assert (rate["fps_num"], rate["fps_den"]) == (1350, 61), "the rate is a fraction, not 22.13 or 22"
    reenactments = dataset.videos[dataset.videos["kind"] != "real"]
    assert (reenactments["state"] == "ok").all()
    assert reenactments["kind"].value_counts().to_dict() == {"self": 3, "cross": 2}
    assert (
        reenactments.set_index("clip")["frames"].to_dict()
        == real.set_index("clip")["frames"].dropna()[reenactments["clip"]].to_dict()
    )
