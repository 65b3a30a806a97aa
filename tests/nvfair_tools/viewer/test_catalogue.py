"""Filters, counts, words and orders, compared with plain pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.viewer.catalogue import FACETS, NONE, ORDERS, Catalogue, Query

FLAGS = ("hard_cut", "portrait", "several_faces")


@pytest.fixture(scope="module")
def table(cohort: Path) -> pd.DataFrame:
    """The rows of a cohort, with flags, reasons and missing values put in."""
    videos = Dataset.open(cohort).videos.copy()
    rng = np.random.default_rng(3)
    videos["flags"] = [[flag for flag in FLAGS if rng.random() < 0.3] for _ in range(len(videos))]
    failed = rng.random(len(videos)) < 0.2
    videos.loc[failed, "state"], videos.loc[failed, "reason"] = "failed", "time_limit"
    videos.loc[failed, "detail"] = "took 3,601 seconds"
    videos.loc[rng.random(len(videos)) < 0.3, "scenario"] = None
    videos["frames"] = rng.integers(10, 99, len(videos))
    return videos


@pytest.fixture(scope="module")
def catalogue(table: pd.DataFrame) -> Catalogue:
    return Catalogue(table)


def passes(table: pd.DataFrame, name: str, values: tuple[str, ...]) -> np.ndarray:
    """Bool (N,): whether a row has one of the values, by plain Python."""
    if name == "flags":
        return np.array([any(value in values for value in (list(flags) or [NONE])) for flags in table["flags"]])
    texts = [
        NONE if value is None or value is pd.NA or value != value or value == "" else value for value in table[name]
    ]
    return np.array([text in values for text in texts])


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"split": ("train",)},
        {"generator": (NONE,), "split": ("test", "train")},
        {"flags": ("portrait", NONE), "kind": ("cross",)},
        {"state": ("failed",), "flags": ("hard_cut",), "scenario": (NONE,)},
        {"target": ("nobody",)},
    ],
)
def test_counts_of_every_choice_follow_the_other_filters(catalogue, table, choices):
    matches = catalogue.find(Query(choices))
    every = np.ones(len(table), bool)
    masks = {name: passes(table, name, values) for name, values in choices.items()}
    expected = np.flatnonzero(np.logical_and.reduce([every, *masks.values()]))
    assert sorted(matches.rows) == expected.tolist()
    for name in FACETS:
        others = np.logical_and.reduce([every, *(mask for other, mask in masks.items() if other != name)])
        listed = {choice.value: choice.count for choice in catalogue.choices(Query(choices), matches, name)}
        for value, number in listed.items():
            assert number == (others & passes(table, name, (value,))).sum(), (name, value)
        if name != "flags":
            assert sum(listed.values()) == others.sum(), name


def test_words_must_all_occur_in_names_ids_people_or_details_in_any_letter_case(catalogue, table):
    person, clip = table["driver"].iloc[0], table["clip_name"].iloc[-1]
    rows = catalogue.find(Query(words=f"  {person.upper()} FAILED?")).rows
    assert not len(rows)
    rows = catalogue.find(Query(words=f"{person.upper()} seconds")).rows
    expected = ((table["driver"] == person) | (table["target"] == person)) & (table["state"] == "failed")
    assert sorted(rows) == np.flatnonzero(expected).tolist()
    assert len(rows)
    assert set(np.flatnonzero(table["clip_name"] == clip)) <= set(catalogue.find(Query(words=clip)).rows)
    assert catalogue.find(Query(words=table["video"].iloc[7])).rows.tolist() == [7]


def test_words_narrow_the_counts_too(catalogue, table):
    query = Query({"split": ("train",)}, words="seconds")
    listed = catalogue.choices(query, catalogue.find(query), "split")
    expected = table[table["state"] == "failed"]["split"].value_counts().to_dict()
    assert {choice.value: choice.count for choice in listed} == expected


def test_a_choice_without_videos_is_listed_only_where_it_is_chosen(catalogue):
    query = Query({"state": ("ok",), "reason": ("time_limit",)})
    listed = catalogue.choices(query, catalogue.find(query), "reason")
    assert [(choice.value, choice.count, choice.chosen) for choice in listed if choice.chosen] == [
        ("time_limit", 0, True)
    ]


def test_rows_of_a_scene_lie_together_and_the_longest_come_first(catalogue, table):
    rows = catalogue.find(Query()).rows
    assert sorted(rows) == list(range(len(table)))
    scenes = table.iloc[rows][["target", "clip"]].apply(tuple, axis=1).tolist()
    assert len({scene for n, scene in enumerate(scenes) if n == 0 or scenes[n - 1] != scene}) == len(set(scenes))
    assert [scene != scenes[n - 1] for n, scene in enumerate(scenes)][1:].count(True) == len(set(scenes)) - 1
    frames = table["frames"].iloc[catalogue.find(Query(order="longest")).rows]
    assert frames.tolist() == sorted(table["frames"], reverse=True)
    drivers = table["driver"].iloc[catalogue.find(Query(order="driver")).rows]
    assert drivers.tolist() == sorted(table["driver"])


def test_an_unknown_order_is_the_first_one(catalogue):
    default = catalogue.find(Query()).rows.tolist()
    assert catalogue.find(Query(order="by magic")).rows.tolist() == default
    assert next(iter(ORDERS)) == "target"


def test_what_was_measured_sorts_the_worst_first_and_the_unmeasured_last(table: pd.DataFrame) -> None:
    rng = np.random.default_rng(5)
    measured = table["video"].sample(frac=0.5, random_state=1)
    measures = pd.DataFrame({"correlation": rng.random(len(measured)), "flicker_excess": rng.random(len(measured))})
    measures.index = pd.Index(measured)
    catalogue = Catalogue(table, lambda: measures)
    for order, column, sign in (("motion", "correlation", 1), ("flicker", "flicker_excess", -1)):
        rows = catalogue.find(Query(order=order)).rows
        values = measures[column].reindex(table["video"].iloc[rows]).to_numpy()
        assert (np.diff(sign * values[: len(measured)]) >= 0).all()
        assert np.isnan(values[len(measured) :]).all()
    assert set(catalogue.orders) - set(Catalogue(table).orders) == {"motion", "flicker"}
    by_default = Catalogue(table).find(Query()).rows
    np.testing.assert_array_equal(Catalogue(table).find(Query(order="motion")).rows, by_default)
