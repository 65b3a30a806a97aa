"""Ids of many items are those that `item_id` gives to each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvfair_tools.pipeline.id_template import IdTemplate, id_text, pack_ids, slot
from nvfair_tools.pipeline.items import item_id

# No half of a surrogate pair: UTF-8, in which texts are stored, has none.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def determinants(name: str, file: str, other: str) -> dict:
    return {
        "metadata": {"target": name, "z": 1, "share%": 0.2, "licence": other},
        "path": f"videos/{file}/{file}--100%--{other}.mp4",
        "version": "1",
    }


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5), TEXT)
def test_a_template_gives_the_ids_of_its_items(items, other):
    template = IdTemplate("video", **determinants(slot(0), slot(1), other))
    ids = template.ids([template.arguments(*strings) for strings in items])
    assert id_text(ids) == [item_id("video", **determinants(*strings, other)) for strings in items]


def test_an_id_that_ends_in_zeros_keeps_them():
    ids = ["00" * 10, "ab" * 9 + "00", "0123456789abcdef0123"]
    packed = pack_ids(ids)
    assert id_text(packed) == ids
    assert [id_text(packed[place : place + 1])[0] for place in range(3)] == ids


@pytest.mark.parametrize("text", ["abc", "zz" * 10, "ab" * 9])
def test_text_that_is_no_id_is_refused(text):
    with pytest.raises(ValueError):
        pack_ids([text])
