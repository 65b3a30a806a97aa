"""Whole builds with external tools: servers, lists, and what is refused of what they write."""

import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.curate.preflight import check
from nvfair_tools.media import decode
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import plan_small_set, write_recipe, write_sources

skip_without_landmarker()

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "external"


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def planned(sources, tmp_path_factory) -> Path:
    return plan_small_set(tmp_path_factory.mktemp("planned"), sources)


@pytest.fixture
def tmp_path(tmp_path, planned) -> Path:
    """A folder with a copy of a data set whose portraits are chosen, and the tools' helper."""
    shutil.copytree(planned, tmp_path / "dataset")
    shutil.copy(EXAMPLES / "nvfair_tool.py", tmp_path)
    return tmp_path


def recipe_with(
    tmp_path: Path, sources: Path, program: str, protocol: str, workers: int = 0, **settings: object
) -> Path:
    (tmp_path / "tool.py").write_text(program)
    placeholder = " {jobs}" if protocol == "list" else ""
    tool = {
        "command": f"{sys.executable} {tmp_path}/tool.py{placeholder}",
        "name": "stand-in",
        "licence": "CC0",
        "protocol": protocol,
        "environment": {"PYTHONPATH": str(ROOT)},
    }
    generators = [{"name": "external", "settings": {**tool, **settings}}]
    return write_recipe(tmp_path / "recipe.yaml", sources, workers=workers, generators=generators)


# Copies the driver, and does something else with each job.
MISBEHAVING = """
import os, shutil, sys
from fractions import Fraction
import numpy as np
from nvfair_tool import serve
from nvfair_tools.media import decode, encode
def render(job):
    frames = [frame.image for frame in decode(job["clip"])]
    assert len(frames) == job["frames"] == 10
    kind = job["job"]
    if kind == 1:
        frames = [frames[0]] * 10
    elif kind == 2:
        frames[4] = np.full_like(frames[4], 128)
    elif kind == 3:
        frames = [frame[:32, :32] for frame in frames]
    elif kind == 4:
        frames = frames[:8]
    elif kind == 5:
        frames = frames[:9]
    elif kind == 6:
        frames = frames + frames[-1:]
    elif kind == 7:
        raise ValueError("no face in " + job["portrait"])
    elif kind == 8:
        print("CUDA out of memory in " + os.path.dirname(job["portrait"]), flush=True)
        os._exit(1)
    encode(job["out"], frames, Fraction(25))
serve("stand-in", render)
"""


def test_what_a_tool_writes_is_checked_and_every_video_ends_with_its_reason(sources, tmp_path):
    recipe = recipe_with(tmp_path, sources, MISBEHAVING, "server", frame_tolerance=1)
    results = [video.render for video in build(recipe, until="render").reenactments]
    details = "\n".join(sorted(result.detail for result in results))
    assert Counter((result.state, result.reason) for result in results) == {
        ("ok", ""): 2,
        ("failed", "tool_output"): 4,
        ("failed", "tool_refused"): 1,
        ("failed", "tool_failed"): 1,
    }
    for words in (
        "wrote a video that stands still, while its driver moves",
        "wrote a picture of one colour as frame 4",
        "wrote frames of 32 x 32 pixels; expected at least 64",
        "wrote 8 frames for a clip of 10: it must keep them all within 1",
        "stand-in: ValueError: no face in portrait-",
        "stand-in exited with code 1 during a job; it printed last: CUDA out of memory in",
    ):
        assert words in details
    assert "/tmp" not in details, "what is stored does not depend on this machine's folders"
    assert sorted(r.facts.get("mended_frames", 0) for r in results if r.state == "ok") == [-1, 1]
    assert [r.settled for r in results if r.reason == "tool_failed"] == [False]
    for result in results:
        if result.state == "ok":
            assert len(list(decode(tmp_path / "dataset" / result.facts["path"]))) == 10
    assert len(list((tmp_path / "dataset" / "videos").rglob("*-generated/**/*.mp4"))) == 2


LISTER = """
import json, shutil, sys
open(sys.argv[0] + ".runs", "a").write("x")
for line in open(sys.argv[1]):
    job = json.loads(line)
    shutil.copy(job["clip"], job["out"])
"""


def test_a_list_is_one_run_a_driving_clip_and_no_file_is_left_elsewhere(sources, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))  # of the worker
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))  # of this process
    (temporary / f"nvfair-files-{os.getpid()}-mine").mkdir()
    recipe = recipe_with(tmp_path, sources, LISTER, "list", workers=1)
    outcome = build(recipe, until="render")
    assert [path.name for path in temporary.glob("nvfair-*")] == [f"nvfair-files-{os.getpid()}-mine"]
    assert Counter(video.render.state for video in outcome.reenactments) == {"ok": 8}
    assert (tmp_path / "tool.py.runs").read_text() == "xxxx", "four clips drive two faces each"


def test_the_check_says_whether_the_tool_loads(sources, tmp_path):
    recipe = recipe_with(tmp_path, sources, MISBEHAVING, "server")
    assert any("it loads, and calls itself stand-in" in finding.message for finding in check(recipe).at_level("ok"))
    recipe = recipe_with(tmp_path, sources, "raise SystemExit('no weights here')", "server")
    (error,) = check(recipe).at_level("error")
    assert error.topic == "generator external"
    assert "no weights here" in error.message
