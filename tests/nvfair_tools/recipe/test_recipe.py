"""Recipes are parsed once; all mistakes in one are reported together, with the key and the nearest right word."""

from pathlib import Path

import pytest

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.recipe.engine_choice import EngineChoice
from nvfair_tools.recipe.recipe import Recipe, load_recipe

SMALLEST = """
name: test
output: out
sources: [{csv: clips.csv}]
rights: {render_if: [research]}
generators: [{name: warp-dense}]
"""


def load(tmp_path: Path, text: str) -> Recipe:
    (tmp_path / "recipe.yaml").write_text(text)
    return load_recipe(tmp_path / "recipe.yaml")


def test_the_smallest_recipe_has_the_documented_defaults(tmp_path):
    recipe = load(tmp_path, SMALLEST)
    assert recipe.features.distances == "float16"
    assert recipe.features.scale == "overall"
    assert recipe.pairs.cross_per_clip is None
    assert recipe.pairs.self_
    assert recipe.generators[0].motion_mode == "relative(reference=best)"
    assert recipe.generators[0].label == "warp-dense"


def test_paths_are_relative_to_the_recipe_not_to_where_it_is_run(tmp_path, monkeypatch):
    recipe = load(tmp_path, SMALLEST)
    monkeypatch.chdir("/")
    assert recipe.output_folder == tmp_path.resolve() / "out"
    assert recipe.resolve("/elsewhere/x") == Path("/elsewhere/x")


def test_all_problems_are_reported_together_with_key_and_nearest_word(tmp_path):
    text = SMALLEST.replace("output: out", "ouput: out") + (
        "policy: {min_valid_share: 1.5, min_frame: 3}\nworkers: -1\nlandmarks: {landmarker: dlib}\n"
        "pairs: {self: perhaps}\n"
    )
    with pytest.raises(Problems) as caught:
        load(tmp_path, text)
    problems = "\n".join(caught.value.problems)
    assert "ouput: no such key; did you mean `output`?" in problems
    assert "output: is needed" in problems
    assert "policy.min_frame: no such key; did you mean `min_frames`?" in problems
    assert "policy.min_valid_share" in problems
    assert "1.5" in problems
    assert "workers" in problems
    assert "landmarks.landmarker" in problems
    assert "pairs.self" in problems
    assert "recipe.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("splits: {by: shares, shares: {train: 0.5, test: 0.2}}", "add up to 0.7"),
        ("splits: {by: file}", "needs `file`"),
        ("sources: [{}]", "csv or folder"),
        ("sources: [{folder: people}]", "source"),
        ("generators: []", "generators"),
        ("generators: [{name: lia}, {name: lia, mode: absolute}]", "variant"),
        ("generators: [{name: lia, variant: 'a/b'}]", "variant"),
        ("folder: people", "did you mean"),
        ("rights: {render_if: []}", "rights.render_if"),
        ("quality: {least_identity: 0.3}", "needs `landmarks: recogniser`"),
    ],
)
def test_a_contradiction_names_its_remedy(tmp_path, addition, message):
    key = addition.partition(":")[0]
    text = "\n".join(line for line in SMALLEST.splitlines() if not line.startswith(f"{key}:"))
    with pytest.raises(Problems, match=message):
        load(tmp_path, f"{text}\n{addition}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: [", "line 1|line 2"), ("- a\n- b\n", "holds no keys"), ("", "holds no keys"), ("a: \t- b: c:\n", "YAML")],
)
def test_a_file_that_is_no_recipe_is_refused_in_words(tmp_path, text, message):
    with pytest.raises(NvfairError, match=message):
        load(tmp_path, text)


def test_a_missing_file_is_no_traceback(tmp_path):
    with pytest.raises(NvfairError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")


def test_the_digest_depends_on_the_settings_and_not_on_the_machine(tmp_path):
    digest = load(tmp_path, SMALLEST).digest()
    assert load(tmp_path, SMALLEST.replace("out\n", "other\n") + "workers: 7\ndevice: cpu\n").digest() == digest
    assert load(tmp_path, SMALLEST + "engine: {name: ray, gpus_per_worker: 0.25}\n").digest() == digest
    weighted = SMALLEST.replace("warp-dense}", "warp-dense, weights: /home/me/a.pt}")
    assert load(tmp_path, weighted).digest() == digest
    assert load(tmp_path, SMALLEST + "pairs: {cross_per_clip: 2}\n").digest() != digest


@pytest.mark.parametrize(
    ("engine", "problem"),
    [
        ("{name: slurm}", "engine.name: found 'slurm'; expected one of local, ray"),
        ("{name: ray, adress: auto}", "engine.adress: no such key; did you mean `address`?"),
        ("{address: auto, cpus_per_worker: 2}", "engine: `address`, `cpus_per_worker` need `name: ray`"),
        (
            "{name: ray, gpus_per_worker: 1.5}",
            "engine: gpus_per_worker is a part of one GPU, or a whole number of them",
        ),
        (
            "{name: ray, cpus_per_worker: 2.5}",
            "engine: cpus_per_worker is a part of one core, or a whole number of them",
        ),
    ],
)
def test_mistakes_in_the_engine_are_named(tmp_path, engine, problem):
    with pytest.raises(Problems) as caught:
        load(tmp_path, SMALLEST + f"engine: {engine}\n")
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("recipe", "flags", "expected"),
    [
        ({}, (None, None), {"name": "local"}),
        ({}, ("ray", None), {"name": "ray", "address": "auto"}),
        ({}, (None, "head:6379"), {"name": "ray", "address": "head:6379"}),
        ({"name": "ray", "gpus_per_worker": 0.5}, (None, None), {"name": "ray", "gpus_per_worker": 0.5}),
        ({"name": "ray", "gpus_per_worker": 0.5}, ("ray", "local"), {"address": "local", "gpus_per_worker": 0.5}),
        ({"name": "ray", "gpus_per_worker": 0.5}, ("local", None), {"name": "local", "gpus_per_worker": "auto"}),
    ],
)
def test_flags_replace_the_recipes_engine_and_keep_its_other_settings(recipe, flags, expected):
    engine = EngineChoice(**recipe).replaced(*flags)
    assert {key: getattr(engine, key) for key in expected} == expected
