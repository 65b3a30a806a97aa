"""The list of clips: a CSV or a folder of people; every wrong row is named."""

from pathlib import Path

import pytest

from nvfair_tools.errors import Problems
from nvfair_tools.recipe.clip_list import ClipRow, read_clip_list
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
