"""`nvfair cut` proposes the segments of a film; the list with names is what a recipe reads."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from nvfair_tools.cli.curate.cut import cut
from nvfair_tools.curate.build import build
from nvfair_tools.curate.footage.proposal_pictures import group_faces
from nvfair_tools.errors import NvfairError
from tests.nvfair_tools.curate.footage.films import SHOTS, write_film, write_footage_recipe


def run(*words: object):
    return CliRunner().invoke(cut, [str(word) for word in words], catch_exceptions=False)


def read_list(folder: Path) -> list[dict[str, str]]:
    with open(folder / "segments.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def proposed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("proposed")
    write_film(folder / "film.mp4")
    result = run(folder / "film.mp4", "--out", folder / "cut", "--min-seconds", 0.8, "--workers", 0)
    assert result.exit_code == 0, result.output
    (folder / "output.txt").write_text(result.output)
    return folder


def test_the_list_has_each_persons_shot(proposed):
    rows = read_list(proposed / "cut")
    assert [row["identity"] for row in rows] == ["", "", ""]
    assert {row["path"] for row in rows} == {"../film.mp4"}
    places = np.array([[float(row["start"]), float(row["end"])] for row in rows]) * 25
    assert np.abs(places - np.array([(first, last + 1) for first, last in np.array(SHOTS)[[0, 2, 3]]])).max() <= 2


def test_shots_without_a_person_are_named_and_nothing_is_verified(proposed):
    output = (proposed / "output.txt").read_text()
    assert "left out: film.mp4, 0:01.2 to 0:02.0: no_face" in output
    assert "3 segments" in output
    assert "identity was not verified" in output


def test_the_sheet_shows_three_frames_of_each_segment(proposed):
    text = (proposed / "cut" / "index.html").read_text()
    rows = read_list(proposed / "cut")
    pictures = sorted((proposed / "cut" / "pictures").glob("*.jpg"))
    assert len(pictures) == len(rows) == text.count("<figure>")
    for picture in pictures:
        assert f"pictures/{picture.name}" in text
        with Image.open(picture) as image:
            assert image.size == (480, 160)


def test_names_stay_when_it_runs_again_and_are_never_lost(proposed, tmp_path):
    shutil.copytree(proposed, tmp_path / "talk")
    names = tmp_path / "talk" / "cut" / "segments.csv"
    rows = read_list(names.parent)
    rows[1]["identity"] = "talk:grace"
    with open(names, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    words = (tmp_path / "talk" / "film.mp4", "--out", names.parent, "--workers", 0)
    assert run(*words, "--min-seconds", 0.8).exit_code == 0
    assert [row["identity"] for row in read_list(names.parent)] == ["", "talk:grace", ""]
    with pytest.raises(NvfairError, match=r"1 named segment would be lost, such as talk:grace in ../film\.mp4"):
        run(*words, "--min-seconds", 1.7)
    assert [row["identity"] for row in read_list(names.parent)] == ["", "talk:grace", ""]


def test_a_recipe_reads_the_list_when_names_are_in_it(proposed, tmp_path):
    shutil.copytree(proposed, tmp_path / "talk")
    rows = read_list(tmp_path / "talk" / "cut")
    for row, name in zip(rows, ("anna", "grace", "anna"), strict=True):
        row["identity"] = f"talk:{name}"
    lines = "".join(f"{','.join(row.values())}\n" for row in rows)
    recipe = write_footage_recipe(tmp_path / "talk" / "cut", lines, header=",".join(rows[0]), output="../dataset")
    clips = build(recipe, until="ingest").clips
    assert [(clip.row.identity, clip.usable) for clip in clips] == [
        ("talk:anna", True),
        ("talk:anna", True),
        ("talk:grace", True),
    ]
    assert [(f"{clip.row.segment.start:.3f}", f"{clip.row.segment.end:.3f}") for clip in clips] == [
        (rows[number]["start"], rows[number]["end"]) for number in (0, 2, 1)
    ]


def test_lengths_that_cannot_be_met_are_refused(proposed, tmp_path):
    with pytest.raises(NvfairError, match="at least twice"):
        run(proposed / "film.mp4", "--out", tmp_path / "x", "--min-seconds", 5, "--max-seconds", 6)


def test_alike_faces_get_one_group():
    vectors = {1: [1.0, 0.0], 2: [0.0, 1.0], 3: [0.1, 0.995], 5: [0.99, 0.14], 9: [-0.1, 0.995]}
    assert group_faces(vectors) == {1: "group 2", 2: "group 1", 3: "group 1", 5: "group 2", 9: "group 1"}
    assert group_faces({}) == {}
