"""What people stated about themselves, counted by split, with no figure about fewer than ten people.

A figure that is left out could be found again from the sums, which are known. So others of its row or column are left
out with it, until none follows from the rest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.quantities import count_text

FEWEST_PEOPLE = 10
NOT_RECORDED, OTHERS = "not recorded", "other values"
_MOST_VALUES = 20
LEFT_OUT = "–"
COLUMNS = ("gender", "age", "ethnicity")


def demographic_table(identities: pd.DataFrame, column: str) -> pd.DataFrame | None:
    """Counts people by one of COLUMNS and split: columns `column`, the used splits, all; the last row holds the sums.

    Ages that are numbers are counted by tens, values beyond the commonest together as OTHERS. Cells of one to nine
    people, and those by which these could be computed, hold LEFT_OUT. None where no table could keep that: a few people
    of one group, and nobody else.
    """
    values = identities[column].map(_value_of)
    if column == "age":
        values = values.map(_tens)
    values = values.where(values.isin(_commonest(values)), OTHERS)
    splits = [split for split in SPLITS if (identities["split"] == split).any()]
    names = sorted(set(values), key=lambda name: (name == NOT_RECORDED, name == OTHERS, _first_number(name), name))
    by_split = [[int(((values == name) & (identities["split"] == split)).sum()) for split in splits] for name in names]
    counts = np.array(by_split, dtype=np.int64).reshape(len(names), len(splits))
    counts = np.column_stack([counts, counts.sum(axis=1)])
    gaps = left_out(counts, is_public=np.array([name == NOT_RECORDED for name in names]))
    if gaps is None:
        return None
    cells = [
        [LEFT_OUT if is_gap else f"{count:,}" for count, is_gap in zip(*row, strict=True)]
        for row in zip(counts.tolist(), gaps.tolist(), strict=True)
    ]
    rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
    rows.append(["sum", *(f"{total:,}" for total in counts.sum(axis=0).tolist())])
    return pd.DataFrame(rows, columns=[column, *splits, "all"])


def recorded_statement(identities: pd.DataFrame, column: str) -> str:
    """Of how many people a column is recorded, as far as the table above says it too."""
    table, people = demographic_table(identities, column), count_text(len(identities), "person")
    name = column.capitalize()
    if table is None:
        return f"{name} is recorded of some of {people}."
    unknown = table.loc[table[column] == NOT_RECORDED, "all"].tolist()
    if not unknown:
        return f"{name} is recorded of all {people}."
    if unknown == [LEFT_OUT]:
        return f"{name} is recorded of some of {people}."
    return f"{name} is not recorded of {unknown[0]} of {people}."


def left_out(counts: np.ndarray, *, is_public: np.ndarray) -> np.ndarray | None:
    """Bool (values, splits + 1): which cells of a table of counts are not shown; None where no choice would do.

    counts: int (values, splits + 1), whose last column is the sum of the others. The sums over all values are known to
    the reader. is_public: bool (values,), the values that say nothing about anybody: a column that has no other value
    is shown.
    """
    tells = counts[~is_public].sum(axis=0) > 0
    gaps = (counts > 0) & (counts < FEWEST_PEOPLE)
    gaps |= (counts.sum(axis=0) < FEWEST_PEOPLE)[None, :]
    gaps &= tells[None, :]
    while (known := gaps & computable(gaps)).any():
        in_their_lines = known.any(axis=1)[:, None] | known.any(axis=0)[None, :]
        others = [(int(row), int(column)) for row, column in np.argwhere(in_their_lines & ~gaps)]
        if not others:
            return None
        gaps[min(others, key=lambda cell: (counts[cell] == 0, counts[cell], cell))] = True
    return gaps


def computable(gaps: np.ndarray) -> np.ndarray:
    """Bool (values, splits + 1): which gaps of a table follow from its other cells and the known sums.

    A gap does where it is the same in every solution of the sums: in the null space of their equations it is zero.
    """
    cells = np.argwhere(gaps)
    values, columns = gaps.shape
    equations = np.zeros((values + columns, len(cells)))
    for number, (row, column) in enumerate(cells):
        equations[row, number] = -1.0 if column == columns - 1 else 1.0
        equations[values + column, number] = 1.0
    follows = np.zeros_like(gaps)
    if len(cells):
        _, sizes, directions = np.linalg.svd(equations, full_matrices=True)
        free = directions[int((sizes > 1e-9).sum()) :]
        follows[cells[:, 0], cells[:, 1]] = (np.abs(free) < 1e-9).all(axis=0)
    return follows


def _commonest(values: pd.Series) -> set[str]:
    """The values that have a row of their own: the commonest, and that nothing is recorded."""
    counts = values[values != NOT_RECORDED].value_counts()
    ranked = sorted(counts.index, key=lambda name: (-counts[name], name))
    return {*ranked[:_MOST_VALUES], NOT_RECORDED}


def _value_of(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text or NOT_RECORDED


def _tens(text: str) -> str:
    """The ten years that an age lies in, such as "20 to 29"; another text as it is."""
    try:
        years = float(text)
    except ValueError:
        return text
    if not 0 <= years < 150:
        return text
    first = int(years) // 10 * 10
    return f"{first} to {first + 9}"


def _first_number(text: str) -> float:
    """The number that a text begins with, by which ages are in order; infinite where there is none."""
    first = text.split(" ")[0]
    return float(first) if first.isdigit() else float("inf")
