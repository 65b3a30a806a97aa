"""The list of clips: a CSV or a folder of people; every wrong row is named."""

import unicodedata
from pathlib import Path

import pytest

from nvfair_tools.errors import Problems
from nvfair_tools.recipe.clip_list import ClipRow, list_clips, read_clip_list
from nvfair_tools.recipe.recipe import Recipe

DEFAULTS = {"licence": "CC0", "consent": "yes", "permitted_use": "research"}


def recipe(place: Path, /, **source) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "t",
            "output": "out",
            "sources": [{"defaults": DEFAULTS} | source],
            "rights": {"render_if": ["research"]},
            "generators": [{"name": "warp-dense"}],
            "folder": place,
        }
    )


def rows(folder: Path, text: str, **source) -> list[ClipRow]:
    (folder / "clips.csv").write_text(text)
    return read_clip_list(recipe(folder, csv="clips.csv", **source))


def problems(folder: Path, text: str, **source) -> str:
    with pytest.raises(Problems) as caught:
        rows(folder, text, **source)
    return "\n".join(caught.value.problems)


def test_a_row_has_its_columns_and_the_defaults_fill_what_it_leaves_empty(tmp_path):
    text = "path,identity,emotion,licence,aliases\nb.mp4,x:2,happy,,two; zwei\na.mp4,x:1,,CC-BY,\n"
    first, second = rows(tmp_path, text)
    assert (first.identity, first.licence, first.source, first.path) == ("x:1", "CC-BY", "x", tmp_path / "a.mp4")
    assert (second.emotion, second.licence, second.aliases) == ("happy", "CC0", ("two", "zwei"))


def test_bare_ids_belong_to_the_source_that_the_row_or_the_recipe_names(tmp_path):
    assert rows(tmp_path, "path,identity,source\na.mp4,1001,cremad\n")[0].identity == "cremad:1001"
    assert rows(tmp_path, "path,identity\na.mp4,1001\n", source="cremad")[0].identity == "cremad:1001"
    assert "not of the form" in problems(tmp_path, "path,identity\na.mp4,1001\n")


def test_columns_of_other_lists_can_be_named(tmp_path):
    text = "file,person,collection,terms\na.mp4,1,mead,research only\n"
    row = rows(
        tmp_path, text, columns={"path": "file", "identity": "person", "source": "collection", "licence": "terms"}
    )[0]
    assert (row.identity, row.licence) == ("mead:1", "research only")


def test_every_wrong_row_and_column_is_named_at_once(tmp_path):
    text = (
        "path,identity,split,emotoin\n"
        "a.mp4,x:1,trian,\n"
        ",x:2,train,\n"
        "c.mp4,no colon,train,\n"
        "d.mp4,x:4,train\n"
        "e.mp4,x:5,train,,extra\n"
        "f.mp4,x:6,train,\n"
        "f.mp4,x:6,train,\n"
        "g.mp4,x:6,test,\n"
    )
    message = problems(tmp_path, text)
    assert "column 'emotoin' is unknown; did you mean 'emotion'?" in message
    assert "clips.csv row 2: split 'trian' is unknown; did you mean 'train'?" in message
    assert "clips.csv row 3: path is empty" in message
    assert "clips.csv row 4: identity 'no colon'" in message
    assert "clips.csv row 5: has another number of values" in message
    assert "clips.csv row 6: has another number of values" in message
    assert "clips.csv row 8: f.mp4 is listed already, in clips.csv row 7" in message
    assert "clips.csv row 9: split of x:6 is 'test', but 'train' in clips.csv row 7" in message


def test_rights_have_to_come_from_somewhere(tmp_path):
    message = problems(tmp_path, "path,identity\na.mp4,x:1\n", defaults={"licence": "CC0"})
    assert "no column 'consent'" in message
    assert "no column 'permitted_use'" in message


def test_wrong_names_in_the_recipe_find_the_right_ones(tmp_path):
    message = problems(
        tmp_path, "file,identity\na.mp4,x:1\n", columns={"path": "flie"}, defaults=DEFAULTS | {"license": "CC0"}
    )
    assert "no column 'flie'; did you mean 'file'?" in message
    assert "defaults.license: no such column; did you mean 'licence'?" in message


def test_a_folder_of_people_is_a_list_too(tmp_path):
    for path in ("people/ann/one.mp4", "people/ann/deep/two.MOV", "people/bob/one.mp4", "people/bob/portrait.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    people_rows = read_clip_list(recipe(tmp_path, folder="people", source="friends"))
    assert [(row.identity, row.name) for row in people_rows] == [
        ("friends:ann", "ann/deep/two.MOV"),
        ("friends:ann", "ann/one.mp4"),
        ("friends:bob", "bob/one.mp4"),
    ]
    assert people_rows[2].portrait == tmp_path / "people/bob/portrait.png"
    (tmp_path / "people/empty").mkdir()
    with pytest.raises(Problems, match="people/empty: holds no video"):
        read_clip_list(recipe(tmp_path, folder="people", source="friends"))


@pytest.mark.parametrize("source", [{"csv": "none.csv"}, {"folder": "none", "source": "x"}])
def test_a_missing_source_is_named(tmp_path, source):
    with pytest.raises(Problems, match=r"sources\.0: .*none"):
        read_clip_list(recipe(tmp_path, **source))


def test_an_empty_list_is_a_problem(tmp_path):
    assert "no clip" in problems(tmp_path, "path,identity\n")


@pytest.mark.parametrize(
    "header",
    [
        "path,identity,permitted_use,permitted_use",
        "path,identity,permitted_use,Permitted Use",
        "path,identity,permitted_use, permitted_use ",
        "path,identity,PERMITTED-USE,permitted_use",
    ],
)
def test_a_column_that_is_there_twice_is_refused_whichever_would_count(tmp_path, header):
    message = problems(tmp_path, f"{header}\na.mp4,x:1,viewing only,research\n")
    assert "the header names one thing 2 times" in message
    assert "column 3" in message
    assert "column 4" in message


def test_a_column_of_rights_in_other_letters_is_not_passed_over_for_the_default(tmp_path):
    for name in ("PERMITTED_USE", "permitted use", "PermittedUse"):
        message = problems(tmp_path, f"path,identity,{name}\na.mp4,x:1,viewing only\n")
        assert f"column {name!r} is unknown; did you mean 'permitted_use'?" in message


def test_a_second_column_of_rights_under_a_similar_name_is_refused(tmp_path):
    message = problems(tmp_path, "path,identity,licence,license\na.mp4,x:1,CC0,all rights reserved\n")
    assert "column 'license' looks like 'licence', which column 'licence' gives" in message


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfpath,identity,emotion,,\r\na.mp4,x:1,happy,,\r\n,,,,\r\n,,,,\r\n",
        b"path, identity, emotion\na.mp4, x:1, happy\n",
        b'path, identity, emotion\n"a.mp4", "x:1", "happy"\n',
        b"path,identity,emotion\ra.mp4,x:1,happy\r",
        b"sep=,\npath,identity,emotion\na.mp4,x:1,happy\n",
        b"\n\npath,identity,emotion\n\n  ,,\na.mp4,x:1,happy,,,\n",
        "path,identity,emotion\na.mp4,\u00a0x:1 ,happy\n".encode(),
    ],
    ids=["excel", "blanks", "quoted", "old mac", "sep", "empty rows", "hard blanks"],
)
def test_what_spreadsheets_write_is_the_same_list(tmp_path, content):
    (tmp_path / "clips.csv").write_bytes(content)
    (row,) = read_clip_list(recipe(tmp_path, csv="clips.csv"))
    assert (row.name, row.identity, row.emotion) == ("a.mp4", "x:1", "happy")


PLAIN = "path,identity,emotion\na.mp4,x:1,früh\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PLAIN.encode("cp1252"), "not UTF-8 text (line 2, byte 0xfc"),
        (PLAIN.encode("utf-16"), "UTF-16, not UTF-8"),
        ("path,identity\na.mp4,x:1\n".encode("utf-16-be"), "null characters"),
        (b"PK\x03\x04...", "a spreadsheet, not a CSV"),
        (b"sep=;\npath;identity\n", "separated by ';'"),
        (b'path,identity,emotion\na.mp4,x:1,"happy\nb.mp4,x:2,sad\n', "quotation mark"),
        (b'path,identity,emotion\n"a.mp4,x:1,happy\nb.mp4",x:2,sad\n', "path holds a line break"),
        (b"path,identity,emotion\n#a.mp4,x:1,sad\n# all below are new\nb.mp4,x:2,sad\n", "row 2, 3 begins with '#'"),
        (b"path,identity,,emotion\na.mp4,x:1,why,sad\n", "column 3 has no name, but a value in row 2"),
    ],
    ids=["cp1252", "utf-16", "no mark", "xlsx", "sep", "open quote", "quoted rows", "comments", "nameless"],
)
def test_what_could_be_read_wrongly_is_one_problem(tmp_path, content, expected):
    (tmp_path / "clips.csv").write_bytes(content)
    with pytest.raises(Problems) as caught:
        read_clip_list(recipe(tmp_path, csv="clips.csv"))
    (problem,) = caught.value.problems
    assert expected in problem


def test_people_and_sources_that_differ_only_in_case_are_asked_about_once_each(tmp_path):
    text = "path,identity,split\na.mp4,m:Ann,test\nb.mp4,m:ann,train\nc.mp4,m:ann,train\n"
    assert problems(tmp_path, text).count("differs only in letter case from 'm:Ann'") == 1
    text = "path,identity,source\na.mp4,m:a,MEAD\nb.mp4,m:b,mead\n"
    assert "source 'mead' differs only in letter case from 'MEAD'" in problems(tmp_path, text)


def test_an_alias_of_two_people_is_refused(tmp_path):
    text = "path,identity,aliases\na.mp4,m:a,C1;C2\nb.mp4,m:b,C2\n"
    assert "alias 'C2' of m:b is also one of m:a, in clips.csv row 2" in problems(tmp_path, text)


def test_names_that_cannot_be_folders_are_refused(tmp_path):
    text = f"path,identity,source\na.mp4,m:{'x' * 80},\nb.mp4,m:b,../../elsewhere\n"
    text += "c.mp4,m:c,con/aux\nd.mp4,con:d,\ne.mp4,m:e.,\n"
    message = problems(tmp_path, text)
    assert "identity has 82 characters" in message
    assert "source '../../elsewhere' cannot name a folder" in message
    assert "source 'con/aux' cannot name a folder" in message
    assert "identity 'm:e.' ends with a full stop" in message
    assert "source 'con' cannot name a folder" in message


@pytest.mark.parametrize(("listed", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_file_is_found_whatever_the_unicode_form_of_its_name(tmp_path, listed, stored):
    folder, name = "J\u00fcrgen", "\u00fcbung.mp4"
    place = tmp_path / unicodedata.normalize(stored, folder)
    place.mkdir()
    for file in (name, "portr\u00e4t.png"):
        (place / unicodedata.normalize(stored, file)).touch()
    text = f"path,identity,portrait\n{folder}/{name},x:1,{folder}/portr\u00e4t.png\n"
    (row,) = rows(tmp_path, unicodedata.normalize(listed, text))
    assert row.path.is_file()
    assert row.portrait.is_file()
    assert row.name == f"{folder}/{name}", "the same in both forms"


def test_a_file_of_two_forms_is_taken_as_it_is_listed(tmp_path):
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "\u00fc.mp4")).write_text(form)
    for form in ("NFC", "NFD"):
        (row,) = rows(tmp_path, unicodedata.normalize(form, "path,identity\n\u00fc.mp4,x:1\n"))
        assert row.path.read_text() == form


def test_columns_that_are_not_used_are_named(tmp_path):
    (tmp_path / "clips.csv").write_text("path,identity,camera,room\na.mp4,x:1,phone,3\n")
    notes = list_clips(recipe(tmp_path, csv="clips.csv")).notes
    assert notes == ("clips.csv: columns that are not used: 'camera', 'room'",)
