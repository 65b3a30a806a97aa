"""No figure about fewer than ten people is shown, and none can be computed from those that are."""

import numpy as np
import pandas as pd
import pytest

from nvfair_tools.metadata.demographics import computable, demographic_table, left_out, recorded_statement


def people(**groups: dict[str, int]) -> pd.DataFrame:
    """A table of people: {split: {gender: count}}; "" is not recorded."""
    rows = [
        {"split": split, "gender": gender or None, "age": None, "ethnicity": None}
        for split, counts in groups.items()
        for gender, count in counts.items()
        for _ in range(count)
    ]
    return pd.DataFrame(rows)


def test_large_groups_are_counted():
    table = demographic_table(people(train={"female": 20, "male": 30}, test={"female": 10, "male": 11}), "gender")
    assert table.to_numpy().tolist() == [
        ["female", "20", "10", "30"],
        ["male", "30", "11", "41"],
        ["sum", "50", "21", "71"],
    ]
    assert table.columns.tolist() == ["gender", "train", "test", "all"]


def test_a_small_group_takes_others_along():
    # 4 women in test: not shown. 24 - 20 would tell it, so that the sum or the other split goes, and 15 - 11 would too.
    table = demographic_table(people(train={"female": 20, "male": 30}, test={"female": 4, "male": 11}), "gender")
    assert table["test"].tolist() == ["–", "–", "15"]
    cells = table[table["gender"] != "sum"].to_numpy()[:, 1:]
    assert not computable(cells == "–").any()
    assert "4" not in cells


def test_nothing_is_shown_where_no_table_would_keep_it():
    few = people(train={"female": 3})
    assert demographic_table(few, "gender") is None
    assert recorded_statement(few, "gender") == "Gender is recorded of some of 3 people."


def test_that_nothing_is_recorded_tells_nothing():
    nobody = people(train={"": 3}, test={"": 12})
    assert demographic_table(nobody, "gender").to_numpy().tolist() == [
        ["not recorded", "3", "12", "15"],
        ["sum", "3", "12", "15"],
    ]
    assert recorded_statement(nobody, "gender") == "Gender is not recorded of 15 of 15 people."


def test_few_whose_gender_is_known_are_not_counted_by_the_others():
    table = demographic_table(people(train={"female": 3, "": 37}), "gender")
    assert table["all"].tolist() == ["–", "–", "40"]
    assert (
        recorded_statement(people(train={"female": 3, "": 37}), "gender") == "Gender is recorded of some of 40 people."
    )


def test_ages_are_counted_by_tens_in_their_order():
    ages = [*["31"] * 10, *["9"] * 10, *["102"] * 10, *["30.5"] * 5, *["middle"] * 12]
    table = pd.DataFrame({"split": "test", "age": ages})
    assert demographic_table(table, "age")["age"].tolist() == ["0 to 9", "30 to 39", "100 to 109", "middle", "sum"]
    assert demographic_table(table, "age")["all"].tolist() == ["10", "15", "10", "12", "47"]


def test_rare_values_share_a_row():
    values = [f"group {number:03}" for number in range(300)]
    table = pd.DataFrame({"split": "test", "ethnicity": [*values, *["large"] * 40, *[None] * 11]})
    rows = demographic_table(table, "ethnicity")
    # The largest and 19 of the 300 have rows of their own, besides the others, the unknown and the sum.
    assert len(rows) == 20 + 3
    assert rows["ethnicity"].tolist()[-4:] == ["large", "other values", "not recorded", "sum"]
    assert rows["all"].tolist()[-4:] == ["40", "281", "11", "351"]
    assert set(rows["all"][:19]) == {"–"}


@pytest.mark.parametrize("seed", range(60))
def test_no_hidden_figure_follows_from_the_others(seed):
    """By trying: another table with the same sums and the same shown cells exists for every gap."""
    rng = np.random.default_rng(seed)
    values, splits = rng.integers(2, 6), rng.integers(1, 4)
    counts = rng.integers(0, 25, (values, splits))
    counts = np.column_stack([counts, counts.sum(axis=1)])
    gaps = left_out(counts, is_public=np.zeros(values, bool))
    if gaps is None:
        return
    assert gaps[(counts > 0) & (counts < 10)].all()
    # Unknowns: the cells of the splits. Sums of columns and shown cells are equations; a shown sum of a row is one too.
    equations = []
    for split in range(splits):
        equations.append([float(column == split) for _ in range(values) for column in range(splits)])
    for value in range(values):
        for split in range(splits):
            if not gaps[value, split]:
                cells = np.zeros((values, splits))
                cells[value, split] = 1
                equations.append(cells.ravel().tolist())
        if not gaps[value, splits]:
            cells = np.zeros((values, splits))
            cells[value] = 1
            equations.append(cells.ravel().tolist())
    rank = np.linalg.matrix_rank(np.array(equations))
    for value, column in np.argwhere(gaps):
        gap = np.zeros((values, splits))
        gap[value, slice(None) if column == splits else column] = 1
        assert np.linalg.matrix_rank(np.array([*equations, gap.ravel().tolist()])) == rank + 1
