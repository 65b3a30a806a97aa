"""Rows over parts of the unstressed trials: by spoken content, and by groups of people.

Legend: N videos, K pairs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from benchmark.metrics.subgroups import demographic_values
from benchmark.stress.rate_plan import RatePlan
from benchmark.stress.rates import GROUPS, SPEECH, StressRate
from benchmark.stress.stressed_cell import StressedCell
from benchmark.trials.trials import TargetTrials
from nvfair_tools.quantities import count_text

FEWEST_PEOPLE = 10
PairMask = Callable[[np.ndarray], np.ndarray]  # (K, 2) positions -> (K,) of bool


def speech_rows(cell: StressedCell, plan: RatePlan) -> Iterator[StressRate]:
    """Rates of the trials whose two videos have the same, different and contrary content.

    Trials with a video of unknown content are in no row; the first row's note counts them.
    """
    content = cell.videos.get("content")
    if cell.protocol.trials.template is not None:
        yield _skipped(cell, SPEECH, "a template of several clips has no one content")
        return
    if content is None or not content.notna().any():
        yield _skipped(cell, SPEECH, "the data set does not say what is spoken (column content of its videos)")
        return
    text = content.to_numpy(dtype=object)
    known = content.notna().to_numpy()

    def same(pairs: np.ndarray) -> np.ndarray:
        return known[pairs].all(axis=1) & (text[pairs[:, 0]] == text[pairs[:, 1]])

    def different(pairs: np.ndarray) -> np.ndarray:
        return known[pairs].all(axis=1) & (text[pairs[:, 0]] != text[pairs[:, 1]])

    pairs = np.concatenate([part for t in cell.trials for part in (t.genuine, t.impostor)])
    unknown = int(np.count_nonzero(~known[pairs].all(axis=1)))
    note = f"left out: {count_text(unknown, 'trial')} with unknown content" if unknown else ""
    cases: tuple[tuple[str, PairMask, PairMask], ...] = (
        ("same content", same, same),
        ("different content", different, different),
        ("genuine different, impostor same", different, same),
        ("genuine same, impostor different", same, different),
    )
    for case, genuine, impostor in cases:
        yield cell.row(SPEECH, case, _masked(cell, genuine, impostor), note=note)
        note = ""


def group_rows(cell: StressedCell, plan: RatePlan) -> Iterator[StressRate]:
    """Rates by group of enrolled people: against all impostors, and against impostors of the same group.

    A group's rates are blank below ten people, whose number is shown.
    """
    for column, value_of_person in group_values(cell).items():
        for value in sorted({value for value in value_of_person.values() if value}):
            members = {person for person, group in value_of_person.items() if group == value}
            is_member = cell.videos["driver"].isin(members).to_numpy()
            of_group = [target_trials for target_trials in cell.trials if target_trials.target in members]
            within = [replace(t, impostor=t.impostor[is_member[t.impostor[:, 1]]]) for t in of_group]
            for case, trials in ((value, of_group), (f"{value}, impostors of the same group", within)):
                yield _blank_below(cell.row(GROUPS, f"{column}: {case}", trials), trials)


def group_values(cell: StressedCell) -> dict[str, dict[str, str | None]]:
    """Column -> person -> group: what people stated, ages in decades, and the collection."""
    identities = cell.dataset.identities
    values = demographic_values(identities)
    if "age" in values:
        values["age"] = {person: age_group(age) for person, age in values["age"].items()}
    values["collection"] = dict(zip(map(str, identities["identity"]), map(str, identities["source"]), strict=True))
    return values


def age_group(age: str | None) -> str | None:
    """The decade of an age in years, such as "20–29" for "24" or "24.0"; any other text as it is, None for none."""
    if not age:
        return None
    years = re.fullmatch(r"(\d{1,3})(\.0*)?", age.strip())
    if years is None:
        return age.strip()
    decade = int(years[1]) // 10 * 10
    return f"{decade}–{decade + 9}"


def _blank_below(row: StressRate, trials: list[TargetTrials]) -> StressRate:
    """The row without the rates that stand on fewer than ten enrolled people."""
    genuine, impostor = sum(len(t.genuine) > 0 for t in trials), sum(len(t.impostor) > 0 for t in trials)
    few = {name: n for name, n in (("FNMR", genuine), ("FMR", impostor)) if n < FEWEST_PEOPLE}
    if not few:
        return row
    counts = ", ".join(f"{name} of {count_text(n, 'person')}" for name, n in few.items())
    return replace(
        row,
        fnmr=None if "FNMR" in few else row.fnmr,
        fmr=None if "FMR" in few else row.fmr,
        auc=None,
        note=f"blank: {counts}; at least {FEWEST_PEOPLE} are needed",
    )


def _masked(cell: StressedCell, genuine: PairMask, impostor: PairMask) -> list[TargetTrials]:
    return [
        replace(t, genuine=t.genuine[genuine(t.genuine)], impostor=t.impostor[impostor(t.impostor)])
        for t in cell.trials
    ]


def _skipped(cell: StressedCell, test: str, reason: str) -> StressRate:
    return StressRate(cell.method.name, test, cell.cell, skipped=reason)
