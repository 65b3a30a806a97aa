"""`nvfair dataset audit` on whole data sets: what it finds, what it says that it did not check, and its exit status."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nvfair_tools.cli import cli
from nvfair_tools.curate.build import build
from nvfair_tools.dataset import Dataset
from nvfair_tools.leakage.audit import audit_dataset
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.clips import run_ffmpeg
from tests.nvfair_tools.leakage.planted import with_copy, with_tables
from tests.nvfair_tools.small_build import file_hashes, write_recipe


def audit(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["dataset", "audit", *map(str, arguments)])


def verdicts(result: Result) -> dict[str, str]:
    return {check["question"]: check["verdict"] for check in json.loads(result.stdout)["checks"]}


def test_a_clean_set_passes_and_says_what_was_not_checked(clean):
    before = file_hashes(clean)
    result = audit(clean)
    assert result.exit_code == 0
    assert "DEFECT" not in result.output
    assert "not checked       0  recordings of two people with the same pictures" in result.output
    assert "the set has no videos of its recordings" in result.output
    assert file_hashes(clean) == before, "an audit writes nothing into the data set"
    assert audit(clean, "--strict").exit_code == 1, "what was not checked is no strict pass"


def test_a_copy_under_another_name_ends_in_an_error_with_the_case_named(clean, tmp_path):
    driver = Dataset.open(clean).identities["identity"].iloc[-1]
    folder, original, copy = with_copy(clean, tmp_path / "planted", driver)
    result = audit(folder, "--cases", tmp_path / "cases.csv")
    assert result.exit_code == 1
    assert original in result.output
    with open(tmp_path / "cases.csv", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["verdict"] == "DEFECT"]
    assert row["question"] == "recordings of two people with the same motion"
    assert {original, copy} <= set(f"{row['key']} {row['detail']}".replace(":", " ").replace(",", " ").split())


def test_many_cases_are_capped_on_screen_and_complete_in_the_file(clean, tmp_path):
    def move(identities, videos):
        half = videos["driver"].isin(sorted(set(videos["driver"]))[:4])
        return identities, videos.assign(split=videos["split"].mask(half & (videos["kind"] == "cross"), "train"))

    folder = with_tables(clean, tmp_path / "planted", move)
    result = audit(folder, "--cases", tmp_path / "cases.csv")
    assert result.exit_code == 1
    assert "and 6 more (--cases FILE.csv names all)" in result.output
    with open(tmp_path / "cases.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(row["question"] == "driving clips in more than one split" for row in rows) == 16
    assert sum(row["question"] == "people in more than one split" for row in rows) == 8


def test_a_set_without_its_frames_is_not_passed(clean, tmp_path):
    folder = with_tables(clean, tmp_path / "bare", lambda identities, videos: (identities, videos))
    for part in folder.glob("frames/**/*.parquet"):
        part.unlink()
    result = audit(folder, "--json")
    assert verdicts(result)["recordings of two people with the same motion"] == "not checked"
    assert result.exit_code == 0


GRID = ("bbaf2n", "swiz3n")


@pytest.fixture(scope="module")
def built(shared, tmp_path_factory) -> Path:
    """A real build of two GRID recordings, and one of them again under a third name: mirrored and encoded anew."""
    skip_without_landmarker()
    folder = tmp_path_factory.mktemp("built")
    for name in GRID:
        run_ffmpeg(
            "-i", shared / f"clips/grid/{name}.mpg", "-an", "-t", "2.6", "-vf", "scale=256:-2", folder / f"{name}.mp4"
        )
    run_ffmpeg("-i", folder / f"{GRID[0]}.mp4", "-vf", "hflip", "-crf", "28", folder / "copy.mp4")
    with open(folder / "clips.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity", "split", "permitted_use"])
        for name in (*GRID, "copy"):
            writer.writerow([f"{name}.mp4", f"grid:{name}", "test" if name == "copy" else "train", "research"])
    recipe = write_recipe(folder / "recipe.yaml", folder / "clips.csv", workers=0, pairs={"cross_per_clip": 0})
    return build(recipe).folder


def test_a_mirrored_copy_in_another_split_is_found_by_its_pictures_and_its_motion(built):
    result = audit(built, "--json")
    assert result.exit_code == 1
    defects = [check for check in json.loads(result.stdout)["checks"] if check["verdict"] == "DEFECT"]
    assert [check["question"] for check in defects] == [
        "recordings of two people with the same motion",
        "recordings of two people with the same pictures",
    ]
    for check in defects:
        (case,) = check["named"]
        for text in ("grid:bbaf2n (train)", "grid:copy (test)", ", mirrored"):
            assert text in case["detail"]


def test_the_card_of_a_build_has_the_audit(built):
    text = (built / "README.md").read_text()
    assert "| recordings of two people with the same motion | 1 | DEFECT |" in text
    assert "| recordings of two people with the same pictures | 0 | not checked | `nvfair dataset audit` reads" in text


def test_without_the_videos_pictures_and_codecs_are_not_passed(built, tmp_path):
    dataset = Dataset.open(built)
    folder = with_tables(built, tmp_path / "bare", lambda identities, videos: (identities, videos))
    for video in [*folder.glob("videos/**/*.mp4"), *folder.glob("portraits/*")]:
        video.unlink()
    result = audit_dataset(Dataset.open(folder))
    unchecked = {check.question: check.unchecked for check in result.checks if check.unchecked}
    assert unchecked == {
        "pictures that are the portraits of two people": "no portraits in the folder",
        "recordings of two people with the same pictures": "no videos in the folder",
        "recordings of a person that are there twice, by their pictures": "no videos in the folder",
    }
    assert {figure.unchecked for figure in columns(result.shortcuts, ("codec", "bytes"))} == {"no videos in the folder"}
    assert len(dataset.identities) == 3


def columns(figures: Iterable, names: tuple[str, ...]) -> list:
    return [figure for figure in figures if figure.column in names]


def test_one_picture_as_the_portrait_of_two_people_is_found(built, tmp_path):
    def share(identities, videos):
        portraits = identities["portrait"].tolist()
        return identities.assign(portrait=[portraits[0], portraits[0], portraits[2]]), videos

    folder = with_tables(built, tmp_path / "planted", share)
    checks = {check.question: check for check in audit_dataset(Dataset.open(folder)).checks}
    check = checks["pictures that are the portraits of two people"]
    assert (check.verdict, check.cases) == ("DEFECT", 1)
