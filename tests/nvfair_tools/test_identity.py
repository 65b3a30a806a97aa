"""Identities are namespace:id, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvfair_tools.errors import NvfairError
from nvfair_tools.identity import identity_file_name, parse_identity


@pytest.mark.parametrize("text", ["cremad:1001", "nvidia-vc:id001", "ravdess:01", "x:A_b.c-d", "0:0"])
def test_a_valid_identity_is_returned_as_it_is(text):
    assert parse_identity(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1001",
        ":1",
        "cremad:",
        "Cremad:1",
        "a:b:c",
        "a b:1",
        "a:1 ",
        " a:1",
        "a:1\n",
        "a:../b",
        "a:b/c",
        "a:é",
        "-a:1",
    ],
)
def test_anything_else_is_refused_with_the_form_expected(text):
    with pytest.raises(NvfairError, match=r"(?s)not of the form namespace:id.*cremad:1001.*to fix it") as caught:
        parse_identity(text, where="clips.csv row 3")
    assert caught.value.where == "clips.csv row 3"
    assert repr(text) in caught.value.what


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,5}:[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True))
def test_file_names_hold_no_character_that_a_file_system_forbids(text):
    name = identity_file_name(parse_identity(text))
    assert not set(name) & set(':/\\<>"|?*')
    assert name not in (".", "..")
    assert name == text.replace(":", "_")
