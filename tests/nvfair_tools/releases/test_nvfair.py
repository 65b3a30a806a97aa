"""NVFAIR's tree is understood by its names, its official split and its spreadsheet, and doubts are refused by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.recipe.splits import official_split, read_split_file
from nvfair_tools.releases.listing import Release
from nvfair_tools.releases.nvfair import list_nvfair
from nvfair_tools.releases.settings import Columns, ReleaseSettings
from tests.nvfair_tools.releases.small_releases import HEADER, nvfair_names, sheet_row, touch, write_sheet

NAMES = nvfair_names({"1001": ["1001_DFA_ANG_XX"], "1003": ["1003_IEO_HAP_HI"]})
SHEET = "per_file_information_NVFAIR_v2.xlsx"


def listed(root: Path, rows=None, names=NAMES, settings: ReleaseSettings | None = None) -> Release:
    touch(root, names)
    write_sheet(root / SHEET, [sheet_row(name) for name in names] if rows is None else rows)
    return list_nvfair(root, settings or ReleaseSettings())


def reasons(release: Release) -> dict[str, str]:
    return {file.name: file.result.reason for file in release.files if file.result.state != "ok"}


def test_the_official_split_has_the_published_counts():
    split = official_split()
    places = Counter((identity.partition(":")[0], part) for identity, part in split.items())
    # The paper's table: people of each source in train, validation, test.
    assert places == {
        ("nvidia-vc", "train"): 32, ("nvidia-vc", "validation"): 4, ("nvidia-vc", "test"): 10,
        ("ravdess", "train"): 16, ("ravdess", "validation"): 2, ("ravdess", "test"): 6,
        ("cremad", "train"): 63, ("cremad", "validation"): 9, ("cremad", "test"): 19,
    }  # fmt: skip


def test_the_official_split_is_the_published_one_person_by_person(shared):
    assert official_split() == read_split_file(shared / "protocols" / "nvfair_split.csv")


def test_every_file_of_a_tree_without_faults_is_placed(tmp_path):
    release = listed(tmp_path)
    assert reasons(release) == {}
    assert release.absent == ()
    files = {file.name: file for file in release.files}
    assert set(files) == set(NAMES)
    cross = files["CREMA-D/facevid2vid-generated/1001/1001--1003_IEO_HAP_HI--1003.mp4"]
    assert (cross.kind, cross.target, cross.driver) == ("cross", "cremad:1001", "cremad:1003")
    assert (cross.clip, cross.generator, cross.split) == ("1003_IEO_HAP_HI", "face-vid2vid", "test")
    assert cross.licence == "research licence"
    assert cross.permitted_use == "Permitted use: research: yes; Permitted use: figures: yes"
    assert Counter((file.kind, file.generator) for file in release.files) == {
        ("real", ""): 2,
        **{(kind, label): 2 for kind in ("self", "cross") for label in ("face-vid2vid", "lia", "tps")},
    }


def test_all_three_collections_names_become_our_identities(tmp_path):
    names = [
        "RAVDESS/lia-generated/Actor_01/Actor_01--01-01-01-01-01-01-02--Actor_02.mp4",
        "NVIDIA-VC-subset/originals/id001/scripted_1.mp4",
        "NVIDIA-VC-subset/tps-generated/id001/id001--free--2--id001.mp4",
    ]
    release = listed(tmp_path, names=names)
    people = {file.name: (file.target, file.driver, file.clip) for file in release.files}
    assert people[names[0]] == ("ravdess:01", "ravdess:02", "01-01-01-01-01-01-02")
    assert people[names[1]] == ("nvidia-vc:id001", "nvidia-vc:id001", "scripted_1")
    assert people[names[2]] == ("nvidia-vc:id001", "nvidia-vc:id001", "free--2")  # a clip's own name may hold "--"


def test_the_scenario_of_a_video_call_is_assumed_from_its_name_and_the_assumption_is_stated(tmp_path):
    names = [
        "NVIDIA-VC-subset/originals/id001/a01-id001.mp4",
        "NVIDIA-VC-subset/originals/id001/q12-id001.mp4",
        "NVIDIA-VC-subset/lia-generated/id002/id002--s05-id001--id001.mp4",
        "NVIDIA-VC-subset/originals/id001/s5.mp4",
        "CREMA-D/originals/1001/s05-id001.mp4",
    ]
    release = listed(tmp_path / "a", names=names)
    scenarios = {file.name: file.scenario for file in release.files}
    assert [scenarios[name] for name in names] == ["free", "free", "scripted", "", ""]
    (note,) = [note for note in release.notes if "assumed" in note]
    assert "a = free, q = free, s = scripted" in note
    assert note.endswith("Files: 2 free, 1 not known, 1 scripted")
    other = list_nvfair(tmp_path / "a", ReleaseSettings(scenarios={"a": "scripted"}))
    assert [file.scenario for file in other.files if file.name == names[0]] == ["scripted"]
    assert not [note for note in listed(tmp_path / "b").notes if "assumed" in note], "no video calls, no assumption"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CREMA-D/lia-generated/1001/1001--clip.mp4", "unknown_name"),
        ("CREMA-D/lia-generated/1001/1001----1003.mp4", "unknown_name"),
        ("CREMA-D/lia-generated/1001/1003--clip--1001.mp4", "contradictory_name"),
        ("CREMA-D/lia-generated/1001/1001--clip--1999.mp4", "unknown_identity"),
        ("CREMA-D/lia-generated/1001/1001--clip--Actor_01.mp4", "unknown_identity"),
        ("CREMA-D/originals/9001/clip.mp4", "unknown_identity"),
        ("CREMA-D/sadtalker-generated/1001/1001--clip--1003.mp4", "unknown_generator"),
        ("MEAD/originals/M003/clip.mp4", "unknown_source"),
        ("CREMA-D/originals/clip.mp4", "unknown_place"),
        ("CREMA-D/originals/1001/clip.wav", "not_a_video"),
        ("CREMA-D/lia-generated/1001/1001--clip--1002.mp4", "people_in_different_splits"),
    ],
)
def test_a_file_that_cannot_be_placed_is_refused_with_its_reason(tmp_path, name, reason):
    release = listed(tmp_path, names=[*NAMES, name])
    assert reasons(release) == {name: reason}
    bad = next(file for file in release.files if file.name == name)
    assert bad.result.state == "rejected"
    assert bad.result.detail
    assert not bad.has_row


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Permitted use: research": "no"}, "use_not_permitted"),
        ({"Permitted use: figures": ""}, "use_not_permitted"),
        ({"Real/Synthetic": "real"}, "contradicts_spreadsheet"),
        ({"Self/Cross": "self"}, "contradicts_spreadsheet"),
        ({"Licence": ""}, "no_licence"),
    ],
)
def test_what_the_spreadsheet_does_not_clearly_permit_is_refused(tmp_path, changes, reason):
    name = "CREMA-D/lia-generated/1001/1001--1003_IEO_HAP_HI--1003.mp4"
    rows = [sheet_row(other, **(changes if other == name else {})) for other in NAMES]
    assert reasons(listed(tmp_path, rows)) == {name: reason}


def test_files_without_a_row_and_rows_without_a_file_are_both_listed(tmp_path):
    missing = NAMES[3]
    rows = [sheet_row(name) for name in NAMES if name != missing]
    rows.append(sheet_row("CREMA-D/originals/1003/gone.mp4"))
    release = listed(tmp_path, rows)
    assert reasons(release) == {missing: "no_spreadsheet_row"}
    assert [(what, reason) for what, reason, _ in release.absent] == [
        ("CREMA-D/originals/1003/gone.mp4", "in_spreadsheet_only")
    ]
    assert ("listed by the release", "absent", "in_spreadsheet_only", 1) in release.counts()


def test_rows_may_name_files_by_their_last_parts_but_must_not_be_ambiguous(tmp_path):
    rows = [sheet_row(name) | {"File Path": Path(name).name} for name in NAMES]
    assert reasons(listed(tmp_path / "alike", rows)) == {}
    # The three generators' files of one pair have one name; now one of three rows forbids it, and no one can say which.
    pair = "1001--1003_IEO_HAP_HI--1003.mp4"
    rows[next(n for n, name in enumerate(NAMES) if name.endswith(pair))]["Permitted use: research"] = "no"
    reason_by_file = reasons(listed(tmp_path / "unlike", rows))
    assert set(reason_by_file.values()) == {"ambiguous_spreadsheet_row"}
    assert len(reason_by_file) == 3


def test_another_prefix_and_backslashes_are_the_same_place(tmp_path):
    rows = [sheet_row(name) | {"File Path": "D:\\data\\NVFAIR\\" + name.replace("/", "\\")} for name in NAMES]
    assert reasons(listed(tmp_path, rows)) == {}


def test_columns_that_cannot_be_matched_are_named_and_can_be_given(tmp_path):
    header = ("Where", "kind", "Terms", "A", "B")
    rows = [dict(zip(header, (name, "", "a licence", "OK", "no"), strict=True)) for name in NAMES]
    touch(tmp_path, NAMES)
    write_sheet(tmp_path / SHEET, rows, header)
    with pytest.raises(Problems) as caught:
        list_nvfair(tmp_path, ReleaseSettings())
    for words in ("looks like file", "looks like licence", "two columns of permitted use", "Where, kind, Terms, A, B"):
        assert words in str(caught.value)
    columns = Columns(file="Where", licence="Terms", permitted_use=("A", "B"), must_permit=("A",), permitting=("ok",))
    release = list_nvfair(tmp_path, ReleaseSettings(columns=columns))
    assert reasons(release) == {}
    assert "column for reenactment: none found, so it is not checked" in release.notes
    strict = list_nvfair(tmp_path, ReleaseSettings(columns=columns.model_copy(update={"must_permit": ()})))
    assert set(reasons(strict).values()) == {"use_not_permitted"}
    with pytest.raises(Problems, match="no column 'C'"):
        list_nvfair(tmp_path, ReleaseSettings(columns=columns.model_copy(update={"file": "C"})))


@pytest.mark.parametrize(
    ("column", "words"),
    [("licence ", "names one thing 2 times: 'Licence' (column 4), 'licence' (column 7)"),
     ("License", "'Licence' and 'License' look like licence"),
     ("Self / Cross", "names one thing 2 times: 'Self/Cross' (column 3), 'Self / Cross' (column 7)")],
)  # fmt: skip
def test_two_columns_for_one_role_are_refused_whichever_would_count(tmp_path, column, words):
    rows = [sheet_row(name) | {column: "yes"} for name in NAMES]
    touch(tmp_path, NAMES)
    write_sheet(tmp_path / SHEET, rows, (*HEADER, column))
    with pytest.raises(Problems) as caught:
        list_nvfair(tmp_path, ReleaseSettings())
    assert words in str(caught.value)


def test_hidden_files_are_counted_in_the_notes(tmp_path):
    touch(tmp_path, ["CREMA-D/originals/1001/._1001_DFA_ANG_XX.mp4", ".DS_Store"])
    release = listed(tmp_path)
    assert reasons(release) == {}
    assert release.notes[-1] == (
        "2 hidden files are not listed, such as .DS_Store, CREMA-D/originals/1001/._1001_DFA_ANG_XX.mp4"
    )
    (tmp_path / ".DS_Store").unlink()
    (tmp_path / "CREMA-D/originals/1001/._1001_DFA_ANG_XX.mp4").unlink()
    assert not any("hidden" in note for note in listed(tmp_path).notes)


def test_values_that_are_not_understood_are_noted(tmp_path):
    rows = [sheet_row(name) | {"Real/Synthetic": "type 7"} for name in NAMES]
    release = listed(tmp_path, rows)
    assert reasons(release) == {}
    assert any("'Real/Synthetic'" in note and "type 7" in note for note in release.notes)


def test_a_csv_does_as_well_and_none_at_all_is_refused(tmp_path):
    touch(tmp_path / "release", NAMES)
    with pytest.raises(NvfairError, match="no spreadsheet"):
        list_nvfair(tmp_path / "release", ReleaseSettings())
    table = write_sheet(tmp_path / "files.csv", [sheet_row(name) for name in NAMES])
    assert reasons(list_nvfair(tmp_path / "release", ReleaseSettings(), table)) == {}
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"not a workbook")
    with pytest.raises(NvfairError, match="cannot be read"):
        list_nvfair(tmp_path / "release", ReleaseSettings(), broken)


def test_the_command_lists_every_problem_and_writes_nothing(tmp_path):
    root = tmp_path / "release"
    touch(root, [*NAMES, "CREMA-D/originals/clip.mp4"])
    table = write_sheet(tmp_path / "files.csv", [sheet_row(name) for name in NAMES[1:]])
    arguments = ["import", "nvfair", str(root), str(tmp_path / "out"), "--spreadsheet", str(table), "--check"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert f"{NAMES[0]}: no_spreadsheet_row: what it may be used for is not known" in result.output
    assert "CREMA-D/originals/clip.mp4: unknown_place" in result.output
    assert "column for file: 'File Path'" in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files.csv", "release"]


def test_header_matching_does_not_depend_on_case_or_marks(tmp_path):
    shouted = tuple(name.upper().replace(" ", "_") for name in HEADER)
    rows = [dict(zip(shouted, sheet_row(name).values(), strict=True)) for name in NAMES]
    touch(tmp_path, NAMES)
    write_sheet(tmp_path / SHEET, rows, shouted)
    release = list_nvfair(tmp_path, ReleaseSettings())
    assert reasons(release) == {}
