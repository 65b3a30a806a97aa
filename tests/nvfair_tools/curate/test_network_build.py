"""A whole build with a network generator at full size: registered weights in, rights and rows out.

The weights are noise in LIA's published shapes: the pictures are noise, no face is found in them, and the rows state
that.
"""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.curate.build import build
from nvfair_tools.dataset import Dataset
from nvfair_tools.media import probe
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import write_recipe, write_sources

skip_without_landmarker()
pytest.importorskip("torch")

LICENCE = "CC-BY-NC-4.0"


@pytest.mark.slow
def test_lia_renders_a_data_set_whose_videos_carry_its_licence(tmp_path, monkeypatch):
    from tests.generators.noise import noise_file

    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path / "store"))
    file = noise_file("lia", tmp_path)
    added = CliRunner().invoke(cli, ["weights", "add", str(file), "--name", "lia-noise"])
    assert added.exit_code == 0, added.output
    file.unlink()
    sources = write_sources(tmp_path / "sources", clips=2)
    generator = {"name": "lia", "weights": "lia-noise", "dtype": "bfloat16"}
    recipe = write_recipe(
        tmp_path / "recipe.yaml", sources, workers=0, device="cpu", generators=[generator], pairs={"self": False}
    )

    outcome = build(recipe)

    assert [video.render.state for video in outcome.reenactments] == ["ok", "ok"]
    folder = tmp_path / "dataset"
    dataset = Dataset.open(folder)
    videos = dataset.videos[dataset.videos["kind"] == "cross"]
    assert len(videos) == 2
    for _, video in videos.iterrows():
        assert LICENCE in video["licence"]
        assert video["generator"] == "lia"
        info = probe(folder / video["path"])
        assert (info.width, info.height, info.frames) == (256, 256, video["frames"])
        assert LICENCE in json.dumps(info.metadata)
    (described,) = json.loads((folder / "dataset.json").read_text())["generators"]
    assert described["licence"] == LICENCE
    assert LICENCE in (folder / "README.md").read_text()
