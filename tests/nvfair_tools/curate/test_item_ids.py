"""The ids of a build's items are those written here, so that a data set is continued and not made again by accident.

They change where a stage's own `VERSION` does. Ingest is at version 2, because clips are read otherwise; originals are
at version 3 and reenactments at version 2, because their files say IPTC's digital source type.
"""

from fractions import Fraction
from pathlib import Path

import pandas as pd

from nvfair_tools.curate.ingest import ingest
from nvfair_tools.curate.landmark_tracks import frame_rows_ids
from nvfair_tools.curate.originals import encode_originals
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.curate.plans.renderings import plan_renderings
from nvfair_tools.curate.portraits import make_portraits
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.shards import StoredFrames, write_shards
from nvfair_tools.curate.video_paths import clip_names
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.recipe import Recipe
from tests.nvfair_tools.curate.plain_generator import dense_warp

TRACK_FACTS = {"frames": 20, "fps_num": 25, "fps_den": 1, "valid": 20, "valid_share": 1.0, "longest_gap": 0.0}
FACTS = {"track": TRACK_FACTS | {"flags": [], "pose_cost": 1.0}}
# Kind of item -> ids in order, for the build below.
IDS = {
    "track": ["a35d208963bf1cdda2b8", "ec76e1e4b5b4cedcf879", "a9711e94da7fe346f250"],
    "portrait": ["86a3ccaf28419abebed7", "100ffa4977220f8263a8"],
    "original": ["3a7ea3f410ad0c957d68", "df4f89fb1bf5e9db56cf", "f281130f3add13486e4d"],
    "shard": ["d23da27539f981418f24"],
    "clip": ["f52a4151556a43af3584", "f4fe1088305694b6621c", "8ed42419a0571dfdede0"],
    "video": ["54b231af47c6bc29afae", "f2b1d37500a7892caa3d"],
    "landmarks": ["38cce40146ecb1e4f717", "1e989ee04676b98af770"],
}


class RecordingRunner:
    """Lets every item succeed without running it, and records the ids by stage."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {}

    def link_people(self, rows) -> None:
        """Whose an item is changes no id."""

    def run_items(self, stage, factory, payloads, *, outputs=None, engine=None) -> dict[str, ItemResult]:
        self.ids[stage] = list(payloads)
        if stage == "read":
            return {id: ok(sha256=f"content of {path.name}") for id, path in payloads.items()}
        return {id: ok(**FACTS.get(stage, {})) for id in payloads}


def row(person: str, name: str, portrait: Path | None = None) -> ClipRow:
    return ClipRow(
        Path(name), name, f"x:{person}", "x", "CC0", "yes", "research", name, split="train", portrait=portrait
    )


def test_every_stage_gives_its_items_the_ids_of_earlier_builds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
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
    for name in ("a1.mp4", "a2.mp4", "b1.mp4"):
        (tmp_path / name).write_bytes(b"a video without marks")
    rows = [row("ann", "a1.mp4"), row("ann", "a2.mp4"), row("bob", "b1.mp4", picture)]

    clips = ingest(session, rows, {"x:ann": "train", "x:bob": "train"})
    names = clip_names(clips)
    portraits = make_portraits(session, clips)
    encode_originals(session, clips, names)
    generator = dense_warp()
    pairs = [Pair(clips[2].id, "x:bob", target, "x", "train") for target in ("x:ann", "x:bob")]
    renderings = plan_renderings(session, pairs, [generator], {clip.id: clip for clip in clips}, names, portraits)
    videos = [rendering.id for rendering in renderings]
    rows_ids = frame_rows_ids(session, videos)
    table = pd.DataFrame({"video": videos, "state": "ok", "split": "train", "generator": "warp-dense", "frames": 20})
    table = table.assign(driver="x:bob", target=["x:ann", "x:bob"])
    write_shards(session, table, {video: StoredFrames(id, Path(id), False) for video, id in rows_ids.items()})

    assert clips[0].fps == Fraction(25)
    ids = {stage: ids for stage, ids in runner.ids.items() if stage != "read"}  # depend on the files' times
    ids |= {"clip": [clip.id for clip in clips], "video": videos, "landmarks": list(rows_ids.values())}
    assert ids == IDS
