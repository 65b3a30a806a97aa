"""Rendering: work that pairs share is done once, and every kind of generator passes through the same stage."""

import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from generators.registry import FACTORIES
from generators.warp import Warp
from generators.warp.spread import dense_spread
from nvfair_tools.curate.build import BuildOutcome, build
from nvfair_tools.errors import NvfairError
from nvfair_tools.media import decode
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.recipe.recipe import load_recipe
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import plan_small_set, write_recipe, write_sources

skip_without_landmarker()

CALLS: Counter[str] = Counter()


class CountingWarp(Warp):
    """The warp generator, its calls counted."""

    def encode_source(self, portrait):
        CALLS["source"] += 1
        return super().encode_source(portrait)

    def encode_motion(self, driving):
        CALLS["motion"] += 1
        return super().encode_motion(driving)

    def render(self, source, motion, mode):
        CALLS["render"] += 1
        return super().render(source, motion, mode)


def counting(size: int = 64) -> CountingWarp:
    return CountingWarp("warp-dense", dense_spread, size)


def here(function: str) -> str:
    return f"{__name__}:{function}"


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def planned(sources, tmp_path_factory) -> Path:
    return plan_small_set(tmp_path_factory.mktemp("planned"), sources)


@pytest.fixture
def tmp_path(tmp_path, planned) -> Path:
    """A folder that holds such a copy as `dataset`."""
    shutil.copytree(planned, tmp_path / "dataset")
    return tmp_path


def ended(outcome: BuildOutcome) -> Counter[tuple[str, str]]:
    return Counter((video.render.state, video.render.reason) for video in outcome.reenactments)


@pytest.mark.parametrize(("tile", "motions"), [(64, 4), (1, 8)])
def test_sources_are_encoded_once_a_target_and_motions_once_a_clip_and_tile(
    sources, tmp_path, monkeypatch, tile, motions
):
    monkeypatch.setitem(FACTORIES, "warp-dense", here("counting"))
    CALLS.clear()
    recipe = write_recipe(tmp_path / "recipe.yaml", sources, workers=0, sources_in_memory=tile)
    outcome = build(recipe, until="render")
    assert ended(outcome) == {("ok", ""): 8}
    assert dict(CALLS) == {"source": 2, "motion": motions, "render": 8}


def test_tiles_change_the_schedule_and_no_byte(sources, tmp_path):
    hashes = []
    for tile in (64, 1):
        shutil.copytree(tmp_path / "dataset", tmp_path / str(tile) / "dataset")
        recipe = write_recipe(tmp_path / str(tile) / "recipe.yaml", sources, workers=0, sources_in_memory=tile)
        hashes.append({video.id: video.render.facts["sha256"] for video in build(recipe, until="render").reenactments})
    assert hashes[0] == hashes[1]


def test_a_generator_that_needs_pixels_is_given_the_framed_clip(sources, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(FACTORIES, "lia", "tests.nvfair_tools.narrow_lia:create")
    recipe = write_recipe(
        tmp_path / "recipe.yaml", sources, workers=0, generators=[{"name": "lia"}], device="cpu", pairs={"self": False}
    )
    outcome = build(recipe, until="render")
    assert ended(outcome) == {("ok", ""): 4}
    facts = outcome.reenactments[0].render.facts
    assert (facts["frames"], facts["width"], facts["height"]) == (10, 64, 64)
    assert "NC" in outcome.generators[0]["licence"]


class OverflowingWarp(CountingWarp):
    """A generator whose numbers overflow in one pixel of one frame."""

    def render(self, source, motion, mode):
        for number, frame in enumerate(super().render(source, motion, mode)):
            broken = np.array(frame)
            broken[3, 4, 1] = np.nan if number == 7 else broken[3, 4, 1]
            yield broken


def overflowing(size: int = 64) -> OverflowingWarp:
    return OverflowingWarp("warp-dense", dense_spread, size)


def test_a_frame_that_is_not_finite_fails_the_video_and_leaves_no_file(sources, tmp_path, monkeypatch):
    monkeypatch.setitem(FACTORIES, "warp-dense", here("overflowing"))
    outcome = build(write_recipe(tmp_path / "recipe.yaml", sources, workers=0, pairs={"self": False}), until="render")
    assert ended(outcome) == {("failed", "unusable_input"): 4}
    assert "NaN or infinity" in outcome.reenactments[0].render.detail
    assert not list((tmp_path / "dataset" / "videos").rglob("*-generated/**/*.mp4"))


COPIER = "import shutil, sys; shutil.copy(sys.argv[2], sys.argv[3])"
SHORTENER = """
import sys
from fractions import Fraction
from nvfair_tools.media import decode, encode
encode(sys.argv[3], [frame.image for frame in decode(sys.argv[2])][:-1], Fraction(25))
"""


def external(tmp_path: Path, code: str) -> list[dict[str, object]]:
    script = tmp_path / "generator.py"
    script.write_text(code)
    root = str(Path(__file__).resolve().parents[3])
    return [
        {
            "name": "external",
            "variant": "copy",
            "settings": {
                "command": f"{sys.executable} {script} {{portrait}} {{clip}} {{out}}",
                "name": "copy",
                "licence": "CC0",
                "environment": {"PYTHONPATH": root},
            },
        }
    ]


def test_an_external_program_renders_files_that_pass_through_the_same_encoder(sources, tmp_path):
    recipe = write_recipe(
        tmp_path / "recipe.yaml", sources, workers=1, generators=external(tmp_path, COPIER), pairs={"self": False}
    )
    outcome = build(recipe, until="landmarks")
    assert ended(outcome) == {("ok", ""): 4}
    video = outcome.reenactments[0]
    assert "external-copy-generated" in video.path
    assert video.landmarks is not None
    assert video.landmarks.facts["valid_share"] == 1.0, "the framed driver's face is in it"
    frames = list(decode(tmp_path / "dataset" / video.path))
    assert frames[0].image.shape == (256, 256, 3)


def test_an_external_program_that_drops_frames_fails_with_the_reason(sources, tmp_path):
    recipe = write_recipe(
        tmp_path / "recipe.yaml", sources, workers=0, generators=external(tmp_path, SHORTENER), pairs={"self": False}
    )
    outcome = build(recipe, until="render")
    assert ended(outcome) == {("failed", "tool_output"): 4}
    assert "wrote 9 frames for a clip of 10" in outcome.reenactments[0].render.detail
    assert not list((tmp_path / "dataset" / "videos").rglob("*-generated/**/*.mp4"))


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        ({"name": "wrap-dense"}, "did you mean `warp-dense`"),
        ({"name": "warp-dense", "settings": {"sise": 3}}, "sise"),
        ({"name": "warp-dense", "dtype": "bfloat16"}, "no dtype"),
        ({"name": "lia"}, "needs weights"),
    ],
)
def test_a_generator_that_cannot_be_made_ends_the_build_before_it_renders(sources, tmp_path, generator, message):
    recipe = write_recipe(tmp_path / "recipe.yaml", sources, workers=0, generators=[generator])
    with pytest.raises(NvfairError, match=message) as caught:
        build(recipe, until="render")
    assert "generators.0" in str(caught.value)


def test_a_reference_frame_beyond_the_clip_is_a_reason_not_a_crash(sources, tmp_path):
    recipe = write_recipe(
        tmp_path / "recipe.yaml", sources, workers=0, generators=[{"name": "warp-dense", "reference": 99}]
    )
    outcome = build(recipe)
    assert ended(outcome) == {("failed", "unusable_input"): 8}
    failed = outcome.videos[outcome.videos["kind"] != "real"]
    assert failed["path"].isna().all()
    assert failed["detail"].str.contains("outside the driving clip").all()


def fragile(size: int = 64, marker: str = "") -> Warp:
    return Fragile("warp-dense", dense_spread, size, Path(marker))


class Fragile(Warp):
    """The warp generator; its first render kills its own process, as the system does when memory runs out."""

    def __init__(self, name, spread, size, marker):
        super().__init__(name, spread, size)
        self._marker = marker

    def render(self, source, motion, mode):
        if not self._marker.exists():
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().render(source, motion, mode)


class WithFragileWarp:
    """A worker's factory under which the name "warp-dense" stands for the fragile one, in its own process too."""

    def __init__(self, factory):
        self._factory = factory

    def __call__(self):
        FACTORIES["warp-dense"] = "tests.nvfair_tools.curate.test_reenactments:fragile"
        return self._factory()


class FragileEngine:
    """Real processes."""

    def run(self, factory, batches, *, time_limit):
        yield from LocalEngine(1).run(WithFragileWarp(factory), batches, time_limit=time_limit)


def test_a_worker_that_is_killed_costs_one_video_which_the_next_run_makes(sources, tmp_path, monkeypatch):
    monkeypatch.setitem(FACTORIES, "warp-dense", "tests.nvfair_tools.curate.test_reenactments:fragile")
    generators = [{"name": "warp-dense", "settings": {"marker": str(tmp_path / "died")}}]
    recipe = load_recipe(write_recipe(tmp_path / "recipe.yaml", sources, generators=generators))
    ends = []
    for _ in range(2):
        ends.append(ended(build(recipe, until="render", engine=FragileEngine())))
    assert ends == [{("ok", ""): 7, ("failed", "worker_crashed"): 1}, {("ok", ""): 8}]


def test_batches_share_a_clip_and_hold_each_video_once(sources, tmp_path):
    batches_run: list[Batch] = []

    class Watching:
        def run(self, factory, batches, *, time_limit):
            batches = list(batches)
            batches_run.extend(batch for batch in batches if batch.shared is not None)
            yield from LocalEngine(0).run(factory, batches, time_limit=time_limit)

    build(write_recipe(tmp_path / "r.yaml", sources, workers=0), until="render", engine=Watching())
    ids = [id for batch in batches_run for id, _ in batch.items]
    assert len(ids) == len(set(ids)) == 8
    assert len({batch.shared.track for batch in batches_run}) == len(batches_run) == 4
    assert np.all([len(batch.items) == 2 for batch in batches_run])
