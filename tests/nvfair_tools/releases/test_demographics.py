"""CREMA-D's table of its actors says who the people of a release are; rows and people that do not fit are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.curate.tables import videos_table
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.releases.demographics import join_demographics
from nvfair_tools.releases.listing import Release
from nvfair_tools.releases.nvfair import list_nvfair
from nvfair_tools.releases.rows import TrackedFile, identities_table, video_rows
from nvfair_tools.releases.settings import ReleaseSettings
from tests.nvfair_tools.releases.small_releases import nvfair_names, sheet_row, touch, write_sheet

SHEET = "per_file_information_NVFAIR_v2.xlsx"
# As CREMA-D publishes it, but for the values.
HEADER = "ActorID,Age,Sex,Race,Ethnicity"
ROWS = ["1001,51,Male,Caucasian,Not Hispanic", "1003,21,Female,African American,Not Hispanic"]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nvfair")
    names = nvfair_names({"1001": ["1001_DFA_ANG_XX"], "1003": ["1003_IEO_HAP_HI"]})
    touch(folder, names)
    write_sheet(folder / SHEET, [sheet_row(name) for name in names])
    return folder


@pytest.fixture(scope="module")
def release(root) -> Release:
    return list_nvfair(root, ReleaseSettings())


def write_people(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    path = folder / "VideoDemographics.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def columns_of(release: Release) -> dict[str, tuple[str | None, ...]]:
    """What the table of people says of each."""
    videos = videos_table(video_rows(release, map(TrackedFile, release.files), linked=False))
    table = identities_table(release, videos)
    known = (
        table[["gender", "age", "ethnicity"]].astype(object).where(table[["gender", "age", "ethnicity"]].notna(), None)
    )
    return dict(zip(table["identity"], known.itertuples(index=False, name=None), strict=True))


def test_the_actors_columns_are_those_of_the_releases_people(release, tmp_path):
    assert columns_of(release) == {"cremad:1001": (None, None, None), "cremad:1003": (None, None, None)}
    joined = join_demographics(release, write_people(tmp_path, ROWS))
    assert columns_of(joined) == {
        "cremad:1001": ("male", "51", "Caucasian, Not Hispanic"),
        "cremad:1003": ("female", "21", "African American, Not Hispanic"),
    }
    assert joined.notes[len(release.notes) :] == ("CREMA-D: gender, age and ethnicity are known of 2 of 2 people.",)
    assert replace(joined, people={}, notes=release.notes) == release


def test_people_without_a_row_and_rows_of_nobody_are_counted_by_name(release, tmp_path):
    others = [f"{actor},30,Male,Asian,Not Hispanic" for actor in range(1010, 1017)]
    joined = join_demographics(release, write_people(tmp_path, [ROWS[0], *others]))
    assert columns_of(joined)["cremad:1003"] == (None, None, None)
    assert joined.notes[-3:] == (
        "CREMA-D: gender, age and ethnicity are known of 1 of 2 people.",
        "CREMA-D: no row in VideoDemographics.csv: 1 person (cremad:1003).",
        "CREMA-D: rows in VideoDemographics.csv of 7 people (cremad:1010, cremad:1011, cremad:1012, cremad:1013, "
        "cremad:1014 and 2 more) are not used: nobody of the release.",
    )


def test_every_wrong_row_is_named_at_once(release, tmp_path):
    rows = [*ROWS, "1092,30,Male,A,B", "1004,old,Male,A,B", "1005,30,Unsaid,A,B", "1001,51,Male,A,B"]
    with pytest.raises(Problems) as caught:
        join_demographics(release, write_people(tmp_path, rows))
    assert [problem.partition(": ")[0] for problem in caught.value.problems] == [
        f"VideoDemographics.csv row {row}" for row in (4, 5, 6, 7)
    ]
    with pytest.raises(Problems, match="has no column Sex"):
        join_demographics(release, write_people(tmp_path, ROWS, "ActorID,Age,Gender,Race,Ethnicity"))
    with pytest.raises(NvfairError, match="`nvfair get crema-d` brings it"):
        join_demographics(release, tmp_path / "nowhere.csv")
    with pytest.raises(NvfairError, match="nobody of CREMA-D here"):
        join_demographics(replace(release, files=()), write_people(tmp_path, ROWS))


def test_the_command_says_of_whom_it_knows(root, tmp_path):
    table = write_people(tmp_path, ROWS)
    arguments = ["import", "nvfair", str(root), str(tmp_path / "out"), "--demographics", str(table), "--check"]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "gender, age and ethnicity are known of 2 of 2 people" in result.output
