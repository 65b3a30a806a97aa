"""Tables of the study in Markdown: AUCs with intervals over people, paired differences to the unchanged method.

A person's AUC is averaged over seeds and over generators before an interval over people is taken of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from examples.studies.better_methods.plan import CENTRED, NEAREST, NORMALISED, OURS, PLAIN, VARIANTS, trial_rules
from examples.studies.better_methods.runs import TEST, VALIDATION, Cell
from examples.studies.convergence.tables import People, figure_text, paired

BEGIN, END = "<!-- better methods: begin -->", "<!-- better methods: end -->"
SCORINGS = (PLAIN, NORMALISED, NEAREST)


def page_tables(cells: Sequence[Cell]) -> str:
    """All tables, two for each world."""
    parts = []
    for world in sorted({cell.world for cell in cells}):
        here = [cell for cell in cells if cell.world == world]
        parts += [f"#### {world}", variant_table(here), enrolment_table(here)]
    return "\n\n".join(parts) + "\n"


def variant_table(cells: Sequence[Cell]) -> str:
    """Every variant scored in every way, by pairs of videos, and its difference to the unchanged method."""
    lines = [
        "| method | scores | seeds | validation | seen | unseen | less unchanged, seen | less unchanged, unseen |",
        "|" + "---|" * 8,
    ]
    for variant in VARIANTS:
        for scoring in SCORINGS:
            chosen = select(cells, variant.title, scoring, "pairs")
            if not chosen:
                continue
            base = select(cells, variant.method, PLAIN, "pairs")
            seeds = {cell.seed for cell in chosen}
            validation = people_of(chosen, VALIDATION, True)
            row = [variant.title, scoring, str(len(seeds)), _mean(validation)]
            row += [figure_text(people_of(chosen, TEST, seen)) for seen in (True, False)]
            is_base = (variant.title, scoring) == (variant.method, PLAIN)
            shared = [cell for cell in base if cell.seed in seeds]
            row += ["" if is_base else difference(chosen, shared, seen) for seen in (True, False)]
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def enrolment_table(cells: Sequence[Cell]) -> str:
    """The unseen generators' AUCs by the number of enrolled clips, with the gain of the most over one."""
    names = [name for name in trial_rules() if name != "pairs"]
    first, last = names[0], names[-1]
    lines = [
        f"| method | scores | {' | '.join(names)} | people | {last} less {first} | validation: {' / '.join(names)} |",
        "|" + "---|" * (len(names) + 5),
    ]
    for variant in VARIANTS:
        for scoring in (PLAIN, NORMALISED):
            ways = {name: select(cells, variant.title, scoring, name) for name in names}
            people = {name: people_of(ways[name], TEST, False) for name in names}
            if not people[first]:
                continue
            common = set.intersection(*(set(of) for of in people.values()))
            people = {name: {person: of[person] for person in common} for name, of in people.items()}
            gain = difference(ways[last], ways[first], False) if common else "no person has enough clips"
            validation = " / ".join(_mean(people_of(ways[name], VALIDATION, True)) for name in names)
            row = [variant.title, scoring, *(figure_text(people[name]) for name in names), str(len(common))]
            lines.append(f"| {' | '.join([*row, gain, validation])} |")
    return "\n".join(lines)


def select(cells: Sequence[Cell], title: str, scoring: str, enrolment: str) -> list[Cell]:
    """The cells of a variant that was scored and enrolled in one way."""
    return [c for c in cells if (c.title, c.scoring, c.enrolment) == (title, scoring, enrolment)]


def people_of(cells: Sequence[Cell], split: str, seen: bool) -> People:
    """Each person's two AUCs, averaged over seeds and over the generators that training has seen, or has not."""
    chosen = [cell.people for cell in cells if (cell.split, cell.seen) == (split, seen)]
    people = sorted(set.intersection(*(set(cell) for cell in chosen))) if chosen else []
    return {person: np.mean([cell[person] for cell in chosen], axis=0) for person in people}


def difference(first: Sequence[Cell], second: Sequence[Cell], seen: bool) -> str:
    """The paired difference of two sets of cells over test people, with its interval."""
    result = paired(people_of(first, TEST, seen), people_of(second, TEST, seen))
    if result.reason:
        return f"{result.value:+.3f} ({result.reason})"
    return f"{result.value:+.3f} ({result.low:+.3f}, {result.high:+.3f})"


def _mean(people: People) -> str:
    return f"{np.mean([pair[0] for pair in people.values()]):.3f}" if people else "–"


METHODS = (OURS, CENTRED)
