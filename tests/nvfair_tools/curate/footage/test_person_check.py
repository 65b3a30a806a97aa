"""With a recogniser, segments that do not show their person are rejected; without one nothing is verified."""

import shutil

import numpy as np
import pandas as pd
import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.curate.footage import person_check
from nvfair_tools.curate.footage.cautions import footage_cautions
from nvfair_tools.curate.footage.person_check import likeness_to_person
from nvfair_tools.curate.preflight import check
from tests.nvfair_tools.curate.footage.films import write_film, write_footage_recipe


def test_the_person_is_whom_most_segments_resemble():
    # Three segments of one person, and one of somebody else, in a plane: angles of 0, 10, 20 and 90 degrees.
    angles = np.radians([0, 10, 20, 90])
    cosines = likeness_to_person(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert cosines == pytest.approx(np.cos(np.radians([10, 0, 10, 80])))
    assert np.isnan(likeness_to_person(np.eye(2))).all()


def test_a_segment_of_somebody_else_is_rejected(tmp_path, recognition_model, monkeypatch):
    # The network of the tests has random weights: it tells faces apart, but by other cosines than a trained one.
    write_film(tmp_path / "film.mp4")
    shutil.copy(recognition_model, tmp_path / "network.onnx")
    # The officer's shot is listed as the astronaut's; her own is cut in two.
    source_changes = {"landmarks": {"recogniser": "network.onnx"}}
    recipe = write_footage_recipe(tmp_path, "film.mp4,talk:anna,0,5.2\n", **source_changes)
    recipe.write_text(recipe.read_text().replace("min_seconds: 0.8", "min_seconds: 0.4\n    max_seconds: 0.9"))
    outcome = build(recipe, until="ingest")
    segments = [clip for clip in outcome.clips if clip.facts is not None]
    own = [clip for clip in segments if clip.row.segment.shot != 3]
    foreign = [clip for clip in segments if clip.row.segment.shot == 3]
    assert len(own) == 4
    assert len(foreign) == 2
    highest = max(clip.facts[person_check.LIKENESS] for clip in foreign)
    assert highest < min(clip.facts[person_check.LIKENESS] for clip in own)
    monkeypatch.setattr(person_check, "THRESHOLD", highest + 1e-3)
    again = build(recipe, until="ingest")
    reasons = {clip.row.segment.shot: clip.result.reason for clip in again.clips if clip.facts is not None}
    assert reasons == {1: "", 3: "other_person", 4: ""}


def test_the_card_counts_what_was_verified():
    segments = pd.DataFrame(
        {
            "video": ["a", "b", "c", "d"],
            "footage_sha256": ["1", "1", "2", "2"],
            "person": ["confirmed", "confirmed", "another person", "not verified"],
            "others": [0, 2, 0, 0],
        }
    )
    videos = pd.DataFrame({"video": ["a", "b", "c", "d"], "state": ["ok", "ok", "rejected", "ok"]})
    videos["reason"] = ["", "", "other_person", ""]
    assert [text.partition(";")[0].partition(":")[0] for text in footage_cautions(segments, videos)] == [
        "3 clips were cut out of 2 files of footage",
        "Identity was not verified",
        "2 clips show the person of the label, by a face recogniser",
        "1 clip shows other people's faces as well, who may not have agreed to anything.",
    ]
    assert footage_cautions(segments.iloc[:2], videos)[1].startswith("2 clips show the person")
    assert footage_cautions(None, videos) == []


def test_check_says_what_footage_means(tmp_path):
    write_film(tmp_path / "film.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    rows = "film.mp4,talk:anna,0,2\nfilm.mp4,talk:grace,2,3.6\nbroken.mp4,talk:anna,,\n"
    report = check(write_footage_recipe(tmp_path, rows))
    texts = {
        level: [str(finding) for finding in report.at_level(level) if finding.topic == "footage"]
        for level in ("ok", "warning")
    }
    assert "2 files, 0.00 hours" in texts["ok"][0]
    warnings = "\n".join(texts["warning"])
    assert "broken.mp4: unreadable" in warnings
    assert "1 file shows several listed people (2), such as film.mp4" in warnings
    assert "identity will not be verified" in warnings
