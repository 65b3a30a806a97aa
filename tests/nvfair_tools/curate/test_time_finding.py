"""The time of a build, as the preflight says it: measured by a probe, or why it is not known."""

import pytest

from nvfair_tools.cli.curate.build import moving_portrait
from nvfair_tools.curate.costs.time_finding import time_finding
from tests.nvfair_tools.small_build import write_recipe, write_sources

pytest.importorskip("mediapipe")


@pytest.mark.soak
def test_a_build_takes_what_a_probe_of_this_machine_says(tmp_path):
    recipe = write_recipe(tmp_path / "recipe.yaml", write_sources(tmp_path, clips=1), workers=1)
    options = {"stand_in": moving_portrait, "cache": tmp_path / "cache"}
    unknown = time_finding(recipe, measure=False, **options)
    assert (unknown.level, unknown.topic) == ("warning", "time")
    assert "not measured" in unknown.message
    known = time_finding(recipe, **options)
    assert known.level == "ok"
    assert "for a whole build" in known.message
    assert time_finding(recipe, measure=False, **options) == known, "it is kept"


def test_clips_that_cannot_be_read_leave_the_time_unknown(tmp_path):
    (tmp_path / "clips.csv").write_text("path,identity,split,permitted_use\na.mp4,x:ann,test,research\n")
    recipe = write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv")
    finding = time_finding(recipe, stand_in=moving_portrait, measure=False, cache=tmp_path)
    assert finding.message.startswith("unknown: no listed clip can be read")
