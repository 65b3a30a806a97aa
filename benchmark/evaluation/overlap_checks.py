"""Whether a method may be tested on these people and generators.

Overlap is decided on `namespace:id` alone. What a declaration does not say is unknown, never disjoint.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.methods.method import Declaration
from benchmark.protocols.schema import Relation
from nvfair_tools.errors import Problems

SEEN, SELECTED, UNSEEN, UNKNOWN = "seen", "selected", "unseen", "unknown"
MIXED = "mixed"  # of two generators: they do not stand alike to the training
_SHOWN = 5


def relation(made: Declaration, generator: str) -> str:
    """ "seen": trained on; "selected": only selection, thresholds or cohorts touched it; "unseen": none did;
    "unknown": it is not said."""
    roles = made.roles()
    if generator in (roles["training"].generators or ()):
        return SEEN
    if any(generator in (touched.generators or ()) for touched in roles.values()):
        return SELECTED
    return UNKNOWN if any(touched.generators is None for touched in roles.values()) else UNSEEN


def overlaps(made: Declaration, people: Iterable[str], generators: Iterable[str], wanted: Relation) -> list[str]:
    """What speaks against testing, in words; empty where nothing does.

    people: everybody in the test videos, in either role. generators: those tested on under the relation `wanted`.
    """
    people = frozenset(people)
    found = []
    for role, touched in made.roles().items():
        common = sorted((touched.people or frozenset()) & people)
        if common:
            more = f" and {len(common) - _SHOWN} more" if len(common) > _SHOWN else ""
            found.append(f"{len(common)} test person(s) were in {role}: {', '.join(common[:_SHOWN])}{more}")
    for generator in generators:
        how = relation(made, generator)
        if wanted is Relation.UNSEEN and how in (SEEN, SELECTED):
            by = [role for role, touched in made.roles().items() if generator in (touched.generators or ())]
            found.append(f"generator {generator!r} is to be unseen, but {', '.join(by)} used it")
        if wanted is Relation.SEEN and how in (UNSEEN, SELECTED):
            found.append(f"generator {generator!r} is to be seen, but training did not use it")
    return found


def own_overlaps(made: Declaration) -> list[str]:
    """Where a declaration contradicts itself: the same person in training and in what is to be independent of it."""
    training = made.training.people or frozenset()
    found = []
    pairs = [("training", training, "selection", made.selection.people or frozenset())]
    pairs += [(role, touched.people or frozenset(), "test", made.held_out) for role, touched in made.roles().items()]
    for first, some, second, others in pairs:
        common = sorted(some & others)
        if common:
            found.append(f"{len(common)} person(s) are in {first} and in {second}: {', '.join(common[:_SHOWN])}")
    return found


def refuse(name: str, problems: list[str]) -> None:
    """Raises Problems that list every overlap."""
    raise Problems(
        f"method {name}",
        problems,
        remedy="test on people and generators it has not touched, or pass --allow-overlap: the report is then stamped "
        "as contaminated",
    )
