"""The ids of a build's items are those of version 0.1.0, so that its data sets are continued, not made again."""

from fractions import Fraction
from pathlib import Path

import pandas as pd

from generators.face import Framing
from generators.generator import MotionMode
from nvfair_tools.curate.ingest import ingest
from nvfair_tools.curate.landmark_tracks import frame_rows_ids
from nvfair_tools.curate.originals import encode_originals
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.curate.portraits import make_portraits
from nvfair_tools.curate.reenactments import plan_renderings
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.shards import StoredFrames, write_shards
from nvfair_tools.curate.video_paths import clip_names
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.render.choice import ChosenGenerator

TRACK_FACTS = {"frames": 20, "fps_num": 25, "fps_den": 1, "valid": 20, "valid_share": 1.0, "longest_gap": 0.0}
FACTS = {"track": TRACK_FACTS | {"flags": [], "pose_cost": 1.0}}
# Kind of item -> ids in order, as version 0.1.0 computes them for the build below.
IDS = {
    "track": ["e059e409e58d390cc42c", "7ea06a75c55d7c680277", "459ef703db3f63ba7c51"],
    "portrait": ["02bf64efff85e1836eb4", "100ffa4977220f8263a8"],
    "original": ["c69fa955a9722e7f2d3f", "45ca3744992407998ce1", "ec410cd5d297f308d5af"],
    "shard": ["77ed8277593e297e572d"],
    "clip": ["f52a4151556a43af3584", "f4fe1088305694b6621c", "8ed42419a0571dfdede0"],
    "video": ["885a47ede1bbd592bfe7", "28697392acad6004c6a3"],
    "landmarks": ["e7d055a9c9fd41422e4c", "cf7097a2bc0ba510da02"],
}


class RecordingRunner:
    """Lets every item succeed without running it, and records the ids by stage."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {}

    def run_items(self, stage, factory, payloads, *, outputs=None, engine=None) -> dict[str, ItemResult]:
        self.ids[stage] = list(payloads)
        if stage == "read":
            return {id: ok(sha256=f"content of {path.name}") for id, path in payloads.items()}
        return {id: ok(**FACTS.get(stage, {})) for id in payloads}


def row(person: str, name: str, portrait: Path | None = None) -> ClipRow:
    return ClipRow(
        Path(name), name, f"x:{person}", "x", "CC0", "yes", "research", name, split="train", portrait=portrait
    )


def test_every_stage_gives_its_items_the_ids_of_version_0_1_0(tmp_path):
    picture = tmp_path / "given.png"
    picture.write_bytes(b"a picture")
    recipe = Recipe.model_validate(
        {
            "name": "Ids",
            "output": str(tmp_path / "dataset"),
            "sources": [{"csv": "clips.csv"}],
            "rights": {"render_if": ["research"]},
            "generators": [{"name": "warp-dense"}],
            "landmarks": {"landmarker": "facemesh", "detector": "buffalo_l"},
        }
    )
    runner = RecordingRunner()
    session = Session(recipe, Workspace(tmp_path / "dataset"), runner)
    rows = [row("ann", "a1.mp4"), row("ann", "a2.mp4"), row("bob", "b1.mp4", picture)]

    clips = ingest(session, rows, {"x:ann": "train", "x:bob": "train"})
    names = clip_names(clips)
    portraits = make_portraits(session, clips)
    encode_originals(session, clips, names)
    generator = ChosenGenerator(
        label="warp-dense",
        name="warp-dense",
        family="warp",
        version="1",
        licence="Apache-2.0",
        fingerprint="fingerprint",
        framing=Framing(256),
        size=256,
        needs_image=False,
        mode=MotionMode("relative", "best", {}),
        motion_mode="relative(reference=best)",
        options={},
        splits=("train",),
    )
    pairs = [Pair(clips[2].id, "x:bob", target, "x", "train") for target in ("x:ann", "x:bob")]
    renderings = plan_renderings(session, pairs, [generator], {clip.id: clip for clip in clips}, names, portraits)
    videos = [rendering.id for rendering in renderings]
    rows_ids = frame_rows_ids(session, videos)
    table = pd.DataFrame({"video": videos, "state": "ok", "split": "train", "generator": "warp-dense", "frames": 20})
    write_shards(session, table, {video: StoredFrames(id, Path(id), False) for video, id in rows_ids.items()})

    assert clips[0].fps == Fraction(25)
    ids = {stage: ids for stage, ids in runner.ids.items() if stage != "read"}  # depend on the files' times
    ids |= {"clip": [clip.id for clip in clips], "video": videos, "landmarks": list(rows_ids.values())}
    assert ids == IDS
