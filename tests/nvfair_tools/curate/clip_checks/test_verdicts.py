"""Clips are measured in the pass that tracks them, judged by the recipe, and their faces compared with their names."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nvfair_tools.curate import ingest as ingest_module
from nvfair_tools.curate.build import build
from nvfair_tools.curate.preflight import check
from nvfair_tools.pipeline.progress import Silent
from nvfair_tools.quality.clip_table import read_clip_table
from tests.nvfair_tools.moving_portraits import write_clip
from tests.nvfair_tools.small_build import file_hashes, write_recipe

ANN, TWIN, BOB = "museum:astronaut", "museum:astronaut2", "museum:hopper"
# File -> identity, face, phase. The astronaut has two names, and a clip of hers is listed for the sailor.
CLIPS = {
    "a0.mp4": (ANN, "astronaut", 0),
    "a1.mp4": (ANN, "astronaut", 1),
    "t0.mp4": (TWIN, "astronaut", 5),
    "b0.mp4": (BOB, "hopper", 0),
    "b1.mp4": (BOB, "hopper", 1),
    "b2.mp4": (BOB, "hopper", 2),
    "b3.mp4": (BOB, "astronaut", 3),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for name, (_, face, phase) in CLIPS.items():
        write_clip(folder / name, face, phase)
    with open(folder / "clips.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity", "split", "permitted_use"])
        writer.writerows([name, identity, "train", "research"] for name, (identity, _, _) in CLIPS.items())
    return folder


def recipe_of(folder: Path, sources: Path, **changes: object) -> Path:
    return write_recipe(folder / "recipe.yaml", sources / "clips.csv", workers=0, **changes)


def items_of(dataset: Path) -> dict[str, int]:
    """{stage: items} of a build's journal."""
    with closing(sqlite3.connect(dataset / ".build" / "journal.sqlite")) as journal:
        return dict(journal.execute("SELECT stage, count(*) FROM items GROUP BY stage"))


def states(outcome) -> dict[str, tuple[str, str]]:
    return {clip.row.path.name: (clip.result.state, clip.result.reason) for clip in outcome.clips}


def test_clips_are_measured_while_they_are_tracked_and_judged_by_any_limits(tmp_path, sources, monkeypatch):
    outcome = build(recipe_of(tmp_path, sources, clip_checks={"luminance": 1}), until="ingest", reporter=Silent())
    assert items_of(tmp_path / "dataset") == {"read": 7, "track": 7}  # no stage of its own decodes them again
    table = outcome.checks.table.set_index("clip")
    ids = {clip.row.path.name: clip.id for clip in outcome.clips}
    assert len(table) == 7
    assert table["face_size"].between(60, 140).all()
    assert table["frame_cosine"].isna().all()
    assert outcome.checks.sentences() == [
        "Identity was not verified: no recognition network (an InsightFace pack on disk)."
    ]
    size = float(table.loc[ids["b0.mp4"], "face_size"])
    # Other limits judge again; nothing is read again.
    monkeypatch.setattr(ingest_module.TrackWorker, "run", None)
    limits = {"face_size": {"limit": size + 0.1, "action": "reject"}, "luminance": False}
    again = build(recipe_of(tmp_path, sources, clip_checks=limits), until="ingest", reporter=Silent())
    rejected = {name for name, state in states(again).items() if state == ("rejected", "small_face")}
    assert rejected == {name for name, id in ids.items() if table.loc[id, "face_size"] < size + 0.1}
    assert "b0.mp4" in rejected
    summary = again.checks.summary().set_index("check")
    assert summary.loc["face_size", ["measured", "rejected"]].tolist() == [7, len(rejected)]
    assert summary.loc["face_size", "median"] == pytest.approx(table["face_size"].median())
    result = next(clip.result for clip in again.clips if clip.row.path.name == "b0.mp4")
    assert result.detail == f"the face's longer side in pixels is {size:.3g}; at least {size + 0.1:g}"


def test_a_block_that_is_added_later_measures_without_tracking_again(tmp_path, sources):
    build(recipe_of(tmp_path, sources), until="ingest", reporter=Silent())
    tracks = file_hashes(tmp_path / "dataset" / ".build" / "tracks")
    outcome = build(recipe_of(tmp_path, sources, clip_checks={}), until="ingest", reporter=Silent())
    assert items_of(tmp_path / "dataset") == {"read": 7, "track": 7, "clip checks": 7}
    assert file_hashes(tmp_path / "dataset" / ".build" / "tracks") == tracks
    (tmp_path / "fresh").mkdir()
    at_once = build(recipe_of(tmp_path / "fresh", sources, clip_checks={}), until="ingest", reporter=Silent())
    first, second = (result.checks.table.set_index("clip").sort_index() for result in (outcome, at_once))
    measures = [name for name in first.columns if first[name].dtype.kind == "f"]
    np.testing.assert_allclose(first[measures], second.loc[first.index, measures], atol=1e-5)


def test_names_and_faces_are_compared(tmp_path, sources, recognition_model):
    checks = {"pack": str(recognition_model), "identity": {"confirm": 0.9, "two_names": 0.9}}
    outcome = build(recipe_of(tmp_path, sources, clip_checks=checks), until="ingest", reporter=Silent())
    text = "\n".join(outcome.checks.sentences())
    assert (
        "verified by faces in 7 of 7 clips. Confirmed by other clips of the person: 5, not confirmed: 1, the " in text
    )
    assert "Two people under one name, museum:hopper: b0.mp4, b1.mp4, b2.mp4 | b3.mp4." in text
    assert "Two names for one person: museum:astronaut and museum:astronaut2 (cosine " in text
    flags = {clip.row.path.name: set(clip.facts["flags"]) for clip in outcome.clips}
    assert {name for name, of_clip in flags.items() if "two_names" in of_clip} == {"a0.mp4", "a1.mp4", "t0.mp4"}
    assert {name for name, of_clip in flags.items() if "label_not_confirmed" in of_clip} == {"b3.mp4"}
    table = outcome.checks.table.set_index("clip")
    wrong = next(clip for clip in outcome.clips if clip.row.path.name == "b3.mp4")
    assert table.loc[wrong.id, "nearest_person"] in (ANN, TWIN)
    assert (table["frame_cosine"] > 0.9).all()
    assert wrong.usable
    checks["identity"]["action"] = "reject"
    strict = build(recipe_of(tmp_path, sources, clip_checks=checks), until="ingest", reporter=Silent())
    assert states(strict)["b3.mp4"] == ("rejected", "label_not_confirmed")
    assert states(strict)["t0.mp4"] == ("rejected", "two_names")
    assert states(strict)["b0.mp4"] == ("ok", "")


def test_the_preflight_says_what_is_checked_and_that_identity_is_not(tmp_path, sources, recognition_model):
    def findings(**clip_checks: object) -> list[str]:
        report = check(recipe_of(tmp_path, sources, clip_checks=clip_checks))
        return [f"{finding.level} {finding.message}" for finding in report.findings if finding.topic == "clip checks"]

    assert findings(yaw="reject") == [
        "ok 16 of 16 checks, of which yaw reject",
        "warning identity will not be verified: no recognition network",
    ]
    assert findings(identity=False, pack=str(recognition_model)) == ["ok 15 of 16 checks, of which none reject"]
    assert findings(pack="no-such-pack")[0].startswith("error InsightFace's model pack 'no-such-pack' is not on this")
    report = check(recipe_of(tmp_path, sources))
    assert not [finding for finding in report.findings if finding.topic == "clip checks"]


@pytest.mark.slow
def test_the_card_shows_the_checks_and_a_person_who_leaves_is_in_none_of_them(
    tmp_path, sources, recognition_model, monkeypatch
):
    from click.testing import CliRunner

    from nvfair_tools.cli.revoke import revoke
    from tests.folder_texts import all_texts

    checks = {"pack": str(recognition_model), "identity": {"confirm": 0.9, "two_names": 0.9}, "yaw": 3}
    build(recipe_of(tmp_path, sources, clip_checks=checks), reporter=Silent())
    dataset = tmp_path / "dataset"
    card = (dataset / "README.md").read_text()
    assert "## Checks of the clips" in card
    assert "| face_size | ≥ 96 | flag | 7 |" in card
    assert "Two names for one person: museum:astronaut and museum:astronaut2" in card
    videos = pd.read_parquet(dataset / "videos.parquet")
    assert videos.loc[videos["clip_name"].str.startswith("t0"), "detail"].str.contains("museum:astronaut ").any()

    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "revocation.key"))
    result = CliRunner().invoke(revoke, [TWIN, str(dataset), "--yes"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "left: 0 places" in result.output
    left = read_clip_table(dataset / "quality" / "clip_checks.parquet")
    assert set(left["identity"]) == {ANN, BOB}
    assert len(left) == 6
    assert "astronaut2" not in all_texts(dataset)
    card = (dataset / "README.md").read_text()
    assert "## Checks of the clips" in card
    assert "Two names for one person" not in card
    assert "Two people under one name, museum:hopper" in card
    assert items_of(dataset)["track"] == 6


def test_a_cut_and_two_people_in_a_picture_are_rejected(tmp_path, shared):
    cases = shared / "cases" / "media"
    if not cases.is_dir():
        pytest.skip("there is no folder shared/cases/media beside the repository")
    with open(tmp_path / "clips.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity", "split", "permitted_use"])
        writer.writerows([cases / f"{name}.mp4", f"case:{name}", "train", "research"] for name in ("cut", "two"))
    recipe = write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv", workers=0, clip_checks={"action": "reject"})
    outcome = build(recipe, until="ingest", reporter=Silent())
    assert states(outcome) == {"cut.mp4": ("rejected", "hard_cut"), "two.mp4": ("rejected", "several_faces")}


def test_a_pack_with_a_detector_counts_faces_and_its_recogniser_compares_them(tmp_path, shared, recognition_model):
    detector, case = shared / "models" / "scrfd_500m_kps.onnx", shared / "cases" / "media" / "two.mp4"
    if not detector.is_file() or not case.is_file():
        pytest.skip("there is no SCRFD model or no clip of two people in the folder shared")
    (tmp_path / "pack").mkdir()
    for model in (detector, recognition_model):
        (tmp_path / "pack" / model.name).symlink_to(model)
    write_clip(tmp_path / "hopper.mp4", "hopper", 0)
    with open(tmp_path / "clips.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity", "split", "permitted_use"])
        writer.writerow([case, "case:two", "train", "research"])
        writer.writerow([tmp_path / "hopper.mp4", "case:hopper", "train", "research"])
    recipe = write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv", workers=0, clip_checks={"pack": "pack"})
    outcome = build(recipe, until="ingest", reporter=Silent())
    table = outcome.checks.table.set_index("identity")
    assert table.loc["case:two", "detected_several_share"] == 1
    assert table.loc["case:hopper", "detected_several_share"] == 0
    assert table.loc["case:hopper", "detected_smaller_share"] == 0
    assert table["label"].tolist() == ["only_clip", "only_clip"]
