"""Footage with several shots and people becomes segments of one person each, where the film was joined."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.curate.footage.cutting import segment_digest, segment_name
from nvfair_tools.errors import Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.media import decode
from nvfair_tools.pipeline.items import item_id
from tests.nvfair_tools.curate.footage.films import SHOTS, write_film, write_footage_recipe

# The curator has seen who is where: rows may be longer than shots.
TWO_PEOPLE = "film.mp4,talk:anna,0,1.5\nfilm.mp4,talk:grace,2,3.6\nfilm.mp4,talk:anna,3.6,0:00:05.2\n"


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="module")
def cut(film, tmp_path_factory):
    """The build's folder, and its outcome."""
    folder = tmp_path_factory.mktemp("cut")
    shutil.copy(film, folder / "film.mp4")
    return folder, build(write_footage_recipe(folder, TWO_PEOPLE), until="ingest")


def places(outcome) -> list[tuple]:
    return [
        (clip.row.identity, clip.row.segment.shot, clip.row.segment.first, clip.row.segment.last, clip.result.reason)
        for clip in outcome.clips
    ]


def test_each_segment_is_at_its_place_with_its_person(cut):
    _, outcome = cut
    first, landscape, officer, last = SHOTS
    expected = [
        ("talk:anna", 1, *first, ""),
        ("talk:anna", 2, *landscape, "no_face"),
        ("talk:anna", 4, *last, ""),
        ("talk:grace", 3, *officer, ""),
    ]
    for found_place, true_place in zip(sorted(places(outcome)), expected, strict=True):
        assert (found_place[0], found_place[1], found_place[4]) == (true_place[0], true_place[1], true_place[4])
        assert np.abs(np.array(found_place[2:4]) - np.array(true_place[2:4])).max() <= 2  # frames


def test_a_segment_shows_the_very_frames_of_its_footage(cut):
    folder, outcome = cut
    officer = next(clip for clip in outcome.clips if clip.row.identity == "talk:grace")
    place = officer.row.segment
    frames = list(decode(folder / "film.mp4"))[place.first : place.last + 1]
    stored = list(decode(officer.row.path))
    assert len(stored) == len(frames) == officer.facts["frames"]
    for frame, expected in zip(stored, frames, strict=True):
        assert np.array_equal(frame.image, expected.image)
    assert place.start == pytest.approx(place.first / 25)
    assert place.end == pytest.approx((place.last + 1) / 25)
    assert officer.row.name == segment_name("film.mp4", place.first, place.last)


def test_ids_follow_from_the_footage_and_the_place_alone(cut):
    folder, outcome = cut
    content = sha256_of(folder / "film.mp4")
    for clip in outcome.clips:
        if clip.usable:
            place = clip.row.segment
            assert clip.sha256 == segment_digest(content, place.first, place.last, "longest")
            assert clip.id == item_id("clip", content=clip.sha256)
    assert segment_digest("a" * 64, 0, 29, "longest") == (
        "c2e1b83968c6a9d9e2fcc11ee3f8b4898c30f53ff6935dee2e19bab1575496a8"
    )


def test_a_second_build_does_nothing_again(cut):
    folder, outcome = cut
    before = {path: path.stat().st_mtime_ns for path in (folder / "dataset" / ".build").rglob("*.*4")}
    assert len(before) == 3  # stored segments
    again = build(folder / "recipe.yaml", until="ingest")
    assert places(again) == places(outcome)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_file_of_one_person_needs_no_seconds_and_short_segments_say_why(film, tmp_path):
    shutil.copy(film, tmp_path / "film.mp4")
    source = {"csv": "footage.csv", "footage": {"min_seconds": 1.4, "max_seconds": None}}
    source["defaults"] = dict.fromkeys(("licence", "consent"), "x") | {"permitted_use": "research", "split": "train"}
    recipe = write_footage_recipe(tmp_path, "film.mp4,talk:anna\n", header="path,identity", sources=[source])
    outcome = build(recipe, until="ingest")
    assert [place[4] for place in sorted(places(outcome), key=lambda place: place[1])] == [
        "too_short",
        "no_face",
        "",
        "",
    ]
    too_short = next(clip for clip in outcome.clips if clip.result.reason == "too_short")
    assert "1.4 s" in too_short.result.detail


def test_rows_of_one_file_must_have_seconds_of_their_own(tmp_path):
    (tmp_path / "film.mp4").touch()
    rows = "film.mp4,talk:anna,0,1.5\nfilm.mp4,talk:grace,1.4,3\nfilm.mp4,talk:eve,,\nfilm.mp4,talk:eve,5,4\n"
    rows += "film.mp4,talk:eve,x,9\n"
    with pytest.raises(Problems) as error:
        build(write_footage_recipe(tmp_path, rows), until="ingest")
    text = str(error.value)
    assert "row 3: its seconds of film.mp4 overlap those of footage.csv row 2" in text
    assert "row 4: film.mp4 is listed already, in footage.csv row 2; give each row its own `start` and `end`" in text
    assert "row 5: start '5' is not before end '4'" in text
    assert "row 6: start 'x' and end '9'; expected seconds or hours:minutes:seconds in both" in text


def test_a_list_without_footage_keeps_its_own_columns_called_start_and_end(tmp_path):
    (tmp_path / "film.mp4").touch()
    source = {"csv": "footage.csv", "defaults": {"licence": "x", "consent": "x", "permitted_use": "research"}}
    rows = "film.mp4,talk:anna,late,early\n"
    recipe = write_footage_recipe(
        tmp_path, rows, sources=[source], splits={"by": "shares", "shares": {"train": 1.0, "validation": 0, "test": 0}}
    )
    (clip,) = build(recipe, until="ingest").clips
    assert clip.row.segment is None
    assert clip.row.span is None


def test_damaged_and_missing_footage_ends_with_its_reason(film, tmp_path):
    (tmp_path / "film.mp4").write_bytes(film.read_bytes()[:-2000])
    rows = "film.mp4,talk:anna,0,1\ngone.mp4,talk:grace,0,1\n"
    outcome = build(write_footage_recipe(tmp_path, rows), until="ingest")
    reasons = {clip.row.identity: clip.result.reason for clip in outcome.clips}
    assert reasons["talk:grace"] == "missing_file"
    assert reasons["talk:anna"] in ("unreadable", "truncated")


def test_names_of_segments_keep_their_folder():
    assert segment_name("day 1/talk.show.mov", 5, 120) == "day 1/talk.show_000005-000120.mov"
    assert segment_name("talk", 5, 120) == "talk_000005-000120"
