"""A text that is no YAML is named with its line and in plain words."""

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping


def refusal(tmp_path, text: str, name: str = "recipe.yaml") -> str:
    """The message about a file with this text."""
    (tmp_path / name).write_text(text)
    with pytest.raises(NvfairError) as caught:
        read_yaml_mapping(tmp_path / name, "recipe", example="start from examples/clips.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "line 1, column 4: a list in [ ] lacks a comma, or its end"),
        ("a: {b: 1", "line 1, column 4: keys in { } lack a comma, or their end"),
        ("a: 1\nb: c: d", "line 2, column 5: a second colon on one line, or a line indented unlike those before it"),
        ("a:\n\tb: 1", "line 2, column 1: a tab; indent with blanks"),
        ("a: @x", "line 1, column 4: a text begins with @; put it in quotation marks"),
        ('a: 1\nb: "x', "line 2, column 4: a quotation mark is opened and not closed"),
        ("a: *x", "line 1, column 4: a text begins with *; put it in quotation marks"),
        ("a: !x 1", "line 1, column 4: a text begins with !; put it in quotation marks"),
        ('a: "\\d"', "a \\ in double quotation marks; use single ones"),
        ("a: 1\na: 2", "line 2, column 1: the key 'a' is given twice"),
        ("a: 2024-13-45", "a date or a number that there is not"),
        ("[" * 900, "too many [ or { within each other"),
        ("- a\n- b", "the recipe holds no keys"),
        ("", "the recipe holds no keys"),
    ],
)
def test_the_line_and_the_mistake_are_named(tmp_path, text, words):
    assert words in refusal(tmp_path, text)


def test_a_list_of_clips_in_place_of_a_recipe_is_called_a_table(tmp_path):
    for text, name in (("path,identity,licence\na.mp4,x:1,CC0\n", "clips.yaml"), ("path: 1", "clips.csv")):
        message = refusal(tmp_path, text, name)
        assert "this is a table, not a recipe" in message
        assert "start from examples/clips.yaml" in message


def test_a_file_that_is_absent_or_no_text_is_named(tmp_path):
    with pytest.raises(NvfairError, match="the recipe cannot be read: No such file"):
        read_yaml_mapping(tmp_path / "none.yaml", "recipe", example="")
    (tmp_path / "film.yaml").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(NvfairError, match="it is not UTF-8 text"):
        read_yaml_mapping(tmp_path / "film.yaml", "recipe", example="")


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "film.yaml"
    with open(path, "wb") as file:
        file.truncate(3_000_000_000)
    with pytest.raises(NvfairError, match=r"this is no recipe: it has 3\.0 GB") as refused:
        read_yaml_mapping(path, "recipe", example="start from examples/clips.yaml")
    assert refused.value.remedy == "start from examples/clips.yaml"
