"""People listed by their tracks drive warps as their videos would, and are no targets."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.curate.build import BuildOutcome, build
from nvfair_tools.curate.preflight import check
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.recipe import load_recipe
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.moving_portraits import write_clip
from tests.nvfair_tools.small_build import PEOPLE, write_recipe

skip_without_landmarker()
pytest.importorskip("cv2")


def write_list(folder: Path, rows: list[dict[str, str]]) -> Path:
    with open(folder / "clips.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "identity", "split", "permitted_use", "portrait"])
        writer.writeheader()
        writer.writerows({"split": "train", "permitted_use": "research"} | row for row in rows)
    return folder / "clips.csv"


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """Two videos of each of two people, and their list."""
    folder = tmp_path_factory.mktemp("videos")
    rows = []
    for person, identity in PEOPLE.items():
        for number in range(2):
            name = f"{person}-{number}.mp4"
            write_clip(folder / name, person, number)
            rows.append({"path": name, "identity": identity})
    write_list(folder, rows)
    return folder


@pytest.fixture(scope="module")
def by_videos(videos, tmp_path_factory) -> BuildOutcome:
    return build(write_recipe(tmp_path_factory.mktemp("by_videos") / "recipe.yaml", videos / "clips.csv", workers=0))


@pytest.fixture(scope="module")
def mixed(videos, by_videos, tmp_path_factory) -> Path:
    """The list of one person's videos and the other's tracks, made of the same videos; two of the tracks are broken."""
    folder = tmp_path_factory.mktemp("mixed")
    rows = []
    for clip in by_videos.clips:
        if clip.row.identity == PEOPLE["astronaut"]:
            rows.append({"path": str(clip.row.path), "identity": clip.row.identity})
            continue
        with np.load(by_videos.folder / clip.facts["path"]) as stored:
            arrays = {name: stored[name] for name in ("mesh", "time", "valid")} | {"size": np.array([160, 160])}
        name = f"{clip.row.path.stem}.npz"
        np.savez(folder / name, **arrays)
        rows.append({"path": name, "identity": clip.row.identity})
    np.savez(folder / "back.npz", **arrays | {"time": arrays["time"][::-1]})
    np.savez(folder / "short.npz", **{name: array[:4] if name != "size" else array for name, array in arrays.items()})
    np.savez(folder / "secret.npz", **arrays | {"time": arrays["time"] * 1.01})
    hopper = {"identity": PEOPLE["hopper"]}
    rows += [{"path": "back.npz"} | hopper, {"path": "short.npz"} | hopper]
    rows.append({"path": "secret.npz", "permitted_use": "viewing only"} | hopper)
    return write_list(folder, rows)


@pytest.fixture(scope="module")
def by_tracks(mixed, tmp_path_factory) -> tuple[Path, BuildOutcome]:
    recipe = write_recipe(tmp_path_factory.mktemp("by_tracks") / "recipe.yaml", mixed, workers=0)
    return recipe, build(recipe)


def test_a_track_drives_a_face_as_its_video_does(by_videos, by_tracks):
    tables = [by_videos.videos, by_tracks[1].videos]
    compared = 0
    from_video, from_track = (
        table[(table["kind"] == "cross") & (table["driver"] == PEOPLE["hopper"])].set_index("clip_name")
        for table in tables
    )
    for name in from_video.index:
        meshes = [
            data.tracks([table.loc[name, "video"]]).landmarks
            for data, table in zip(
                (Dataset.open(by_videos.folder), Dataset.open(by_tracks[1].folder)),
                (from_video, from_track),
                strict=True,
            )
        ]
        np.testing.assert_array_equal(*meshes)
        compared += len(meshes[0])
    assert compared == 10
    # Of the person's videos one gave the portrait and never drives; of the tracks all do.
    assert sorted(from_track.index) == ["hopper-0", "hopper-1"]


def test_people_of_tracks_are_no_targets_and_their_rows_have_landmarks_and_no_video(by_tracks):
    _, outcome = by_tracks
    data = Dataset.open(outcome.folder)
    person = data.identities.set_index("identity").loc[PEOPLE["hopper"]]
    assert sorted(person["flags"]) == ["landmarks_only", "no_portrait"]
    assert set(data.videos[data.videos["kind"] != "real"]["target"]) == {PEOPLE["astronaut"]}
    real = data.videos[(data.videos["kind"] == "real") & (data.videos["driver"] == PEOPLE["hopper"])]
    ends = {row["clip_name"]: (row["state"], row["reason"]) for _, row in real.iterrows()}
    assert ends == {
        "hopper-0": ("ok", ""),
        "hopper-1": ("ok", ""),
        "back": ("failed", "unusable_times"),
        "short": ("rejected", "too_short"),
        "secret": ("rejected", "use_not_permitted"),
    }
    assert "time goes back at frame 1" in real.set_index("clip_name").loc["back", "detail"]
    usable = real[real["state"] == "ok"]
    assert usable["path"].isna().all()
    assert all("landmarks_only" in flags for flags in usable["flags"])
    tracks = data.tracks(usable["video"])
    assert np.isfinite(tracks.landmarks).all()
    assert "There are landmark tracks alone of 1 of the people" in (outcome.folder / "README.md").read_text()
    assert "listed track 1" in json.loads((outcome.folder / "dataset.json").read_text())["landmarks"]["landmarkers"]


def test_a_second_build_does_nothing(by_tracks):
    recipe, outcome = by_tracks
    written = (outcome.folder / "dataset.json").stat().st_mtime_ns
    again = build(recipe)
    assert [video.id for video in again.reenactments] == [video.id for video in outcome.reenactments]
    assert all(
        (again.folder / video.path).stat().st_mtime_ns < written
        for video in again.reenactments
        if video.render.state == "ok"
    )


def test_check_reads_the_tracks_and_refuses_a_generator_that_reads_pixels(mixed, tmp_path):
    settings = {"command": "cp {clip} {out} {portrait}", "name": "copy", "licence": "CC0"}
    program = {"name": "external", "splits": ["train"], "settings": settings}
    recipe = write_recipe(tmp_path / "recipe.yaml", mixed, generators=[{"name": "warp-dense"}, program])
    report = check(recipe)
    (error,) = report.at_level("error")
    assert error.topic == "generator external"
    assert "reads the driver's pixels, and tracks such as back.npz have none" in error.message
    assert "leave their splits out" in error.remedy
    warnings = {finding.topic: finding.message for finding in report.at_level("warning")}
    assert "unusable_times (1 of the clips looked at), back.npz: time goes back" in warnings["clip"]
    (clips,) = [finding for finding in report.at_level("ok") if finding.topic == "clips"]
    assert "7 clips, 5 of them tracks" in clips.message
    with pytest.raises(NvfairError, match=r"reads the driver's pixels, and tracks such as hopper-.* have none"):
        build(recipe)
    # The generator may still render people of other splits.
    elsewhere = load_recipe(write_recipe(recipe, mixed, generators=[program | {"splits": ["test"]}]))
    assert "generator external" not in {finding.topic for finding in check(elsewhere).at_level("error")}


def test_a_folder_of_people_may_hold_tracks(mixed, tmp_path):
    person = tmp_path / "people" / "hopper"
    person.mkdir(parents=True)
    (person / "a.npz").write_bytes((mixed.parent / "hopper-0.npz").read_bytes())
    source = {"folder": "people", "source": "friends"}
    source["defaults"] = {"licence": "CC0", "consent": "yes", "permitted_use": "research"}
    path = write_recipe(tmp_path / "recipe.yaml", mixed, workers=0, splits={"by": "shares", "shares": {"train": 1}})
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"sources": [source]}))
    outcome = build(path, until="plan")
    assert [(clip.row.name, clip.result.state) for clip in outcome.clips] == [("hopper/a.npz", "ok")]
    assert not outcome.pairs


def test_probe_says_what_a_track_holds(mixed):
    good, back = mixed.parent / "hopper-0.npz", mixed.parent / "back.npz"
    result = CliRunner().invoke(cli, ["probe", "--json", str(good), str(back)])
    assert result.exit_code == 1
    first, second = json.loads(result.output)
    assert (first["frames"], first["valid"], first["fps"], first["width"]) == (10, 10, "25/1", 160)
    assert second["problem"] == "unusable_times"
    table = CliRunner().invoke(cli, ["probe", str(good)])
    assert table.exit_code == 0
    assert "track of 478 points" in table.output
    assert "landmarks only" in table.output
