"""The number format that a recipe leaves to the machine, or asks for although it is the slower one."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("mediapipe")

from generators.number_format import FormatSpeeds
from generators.registry import FACTORIES
from nvfair_tools.curate.build import build
from nvfair_tools.curate.preflight import check
from nvfair_tools.pipeline import machine
from nvfair_tools.recipe.recipe import load_recipe
from nvfair_tools.render import number_format
from nvfair_tools.render.choice import chosen_formats, resolve_generators
from nvfair_tools.render.number_format import format_speeds
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import write_recipe, write_sources

skip_without_landmarker()


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("sources"), clips=2)


@pytest.fixture(autouse=True)
def a_small_network(monkeypatch, tmp_path):
    monkeypatch.setitem(FACTORIES, "lia", "tests.nvfair_tools.narrow_lia:create")
    monkeypatch.setattr(number_format, "MEASUREMENTS", tmp_path / "measurements")


def lia_recipe(folder, sources, dtype):
    generator = {"name": "lia", "dtype": dtype}
    return write_recipe(folder / "recipe.yaml", sources, workers=0, device="cpu", generators=[generator])


def keep_measurement(tmp_path, **seconds):
    """Puts figures in the place of the measured ones, as another machine would have measured them."""
    format_speeds("lia", {"device": "cpu"})
    (stored,) = (tmp_path / "measurements").iterdir()
    stored.write_text(json.dumps(seconds))


def test_a_network_is_measured_once_and_the_faster_format_is_chosen(sources, tmp_path):
    recipe = load_recipe(lia_recipe(tmp_path, sources, "auto"))
    (generator,) = resolve_generators(recipe)
    (stored,) = (tmp_path / "measurements").iterdir()
    speeds = FormatSpeeds(**json.loads(stored.read_text()))
    assert generator.options["dtype"] == speeds.faster
    assert generator.number_format == f"lia renders in {speeds.faster}: {speeds}"
    keep_measurement(tmp_path, float32=3.0, bfloat16=1.0)
    assert resolve_generators(recipe)[0].options["dtype"] == "bfloat16"
    keep_measurement(tmp_path, float32=1.0, bfloat16=3.0)
    assert resolve_generators(recipe)[0].options["dtype"] == "float32"


def test_a_data_set_keeps_the_format_it_was_begun_in(sources, tmp_path):
    recipe = lia_recipe(tmp_path, sources, "auto")
    keep_measurement(tmp_path, float32=3.0, bfloat16=1.0)
    first = build(recipe, until="render")
    assert first.number_formats == ("lia renders in bfloat16: bfloat16 is 3.0 times as fast as float32 here",)
    keep_measurement(tmp_path, float32=1.0, bfloat16=3.0)
    again = build(recipe, until="render")
    assert again.number_formats == ("lia renders in bfloat16, as this data set was begun",)
    assert [video.id for video in again.reenactments] == [video.id for video in first.reenactments]


def test_asking_for_the_slower_format_warns_and_is_obeyed(sources, tmp_path):
    recipe = lia_recipe(tmp_path, sources, "bfloat16")
    keep_measurement(tmp_path, float32=1.0, bfloat16=3.5)
    (warning,) = [finding for finding in check(recipe).at_level("warning") if finding.topic == "generator lia"]
    assert "bfloat16 is 3.5 times slower than float32 here" in warning.message
    assert "dtype: auto" in warning.remedy
    (generator,) = resolve_generators(load_recipe(recipe))
    assert generator.options["dtype"] == "bfloat16"
    keep_measurement(tmp_path, float32=2.0, bfloat16=1.0)
    assert not [finding for finding in check(recipe).at_level("warning") if finding.topic == "generator lia"]


def test_a_stated_float32_is_not_measured(sources, tmp_path):
    recipe = load_recipe(lia_recipe(tmp_path, sources, "float32"))
    generators = resolve_generators(recipe)
    assert generators[0].options["dtype"] == "float32"
    assert not (tmp_path / "measurements").exists()
    assert chosen_formats(recipe, generators) == {}


def test_the_machine_is_named_with_its_cores():
    assert machine.machine_text().endswith(" cores")
