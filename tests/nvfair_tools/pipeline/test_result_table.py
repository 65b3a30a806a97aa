"""Results as columns are the journal's results, whatever the order of the plan."""

import numpy as np
import pytest

from nvfair_tools.pipeline import result_table
from nvfair_tools.pipeline.id_template import pack_ids
from nvfair_tools.pipeline.items import failed, item_id, ok, rejected
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.result_table import read_results

IDS = [item_id("test", number=number) for number in range(9)]
RESULTS = {
    IDS[0]: ok(path="a", bytes=3),
    IDS[1]: rejected("no_face", "none in 3 frames"),
    IDS[2]: failed("time_limit", "took long", retryable=True),
    IDS[3]: failed("truncated", "after 5 frames", retryable=False),
    IDS[4]: ok(path="b", bytes=4, flags=["combed"]),
    IDS[7]: ok(path="not planned", bytes=1),
}
PLANNED = [IDS[number] for number in (4, 8, 2, 0, 1, 5, 3)]


@pytest.fixture(params=[2, 20_000])
def table(request, tmp_path, monkeypatch):
    monkeypatch.setattr(result_table, "_CHUNK", request.param)
    with Journal(tmp_path / "journal.sqlite") as journal:
        for id, result in RESULTS.items():
            journal.record("render", id, result)
        journal.record("landmarks", IDS[8], ok())
        yield read_results(journal, "render", pack_ids(PLANNED))


def test_results_stand_in_the_order_of_the_plan(table):
    expected = [RESULTS.get(id) for id in PLANNED]
    assert list(table) == expected
    assert table[2:5] == expected[2:5]
    assert [table[place] for place in range(len(table))] == expected


def test_columns_say_which_items_are_ok_and_which_are_settled(table):
    assert table.exists.tolist() == [True, False, True, True, True, False, True]
    assert table.is_ok.tolist() == [True, False, False, True, False, False, False]
    assert table.is_settled.tolist() == [True, False, False, True, True, False, True]
    counts = {("ok", ""): 2, ("failed", "time_limit"): 1, ("failed", "truncated"): 1, ("rejected", "no_face"): 1}
    assert table.counts() == counts
    assert table.counts(np.array([0, 1, 2])) == {("ok", ""): 1, ("failed", "time_limit"): 1}


def test_the_facts_of_all_results_are_read_in_pieces(table):
    facts = {place: fact for places, facts in table.known_facts() for place, fact in zip(places, facts, strict=True)}
    assert facts == {place: RESULTS[id].facts for place, id in enumerate(PLANNED) if id in RESULTS}


def test_a_part_of_the_items_can_be_taken_with_gaps(table):
    assert list(table.of(np.array([3, -1, 0]))) == [RESULTS[IDS[0]], None, RESULTS[IDS[4]]]


def test_an_empty_plan_has_no_results(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.record("render", IDS[0], ok())
        table = read_results(journal, "render", pack_ids([]))
    assert list(table) == []
    assert table.is_settled.tolist() == []
    assert list(table.of(np.array([-1], np.int32))) == [None]
