"""Whether a method may be tested on given people and generators.

Overlap is decided on `namespace:id` alone. What a declaration does not say is unknown, never disjoint.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.methods.method import Declaration
from benchmark.protocols.schema import Relation
from nvfair_tools.errors import Problems

SEEN, SELECTED, UNSEEN, UNKNOWN = "seen", "selected", "unseen", "unknown"
MIXED = "mixed"  # of two generators: one was trained on, the other was not
_LISTED_PEOPLE = 5


def training_relation(declaration: Declaration, generator: str) -> str:
    """How a generator stands to a method's training.

    "seen": trained on. "selected": only selection, thresholds or cohorts touched it. "unseen": no role touched it.
    "unknown": the declaration does not say.
    """
    roles = declaration.roles()
    if generator in (roles["training"].generators or ()):
        return SEEN
    if any(generator in (touched.generators or ()) for touched in roles.values()):
        return SELECTED
    return UNKNOWN if any(touched.generators is None for touched in roles.values()) else UNSEEN


def find_overlaps(
    declaration: Declaration, people: Iterable[str], generators: Iterable[str], required: Relation
) -> list[str]:
    """Reasons against a test, in words; empty where there are none.

    people: everybody in the test videos, in either role. generators: the test generators, which must stand to the
    training as `required`.
    """
    people = frozenset(people)
    problems = []
    for role, touched in declaration.roles().items():
        common = sorted((touched.people or frozenset()) & people)
        if common:
            hidden = len(common) - _LISTED_PEOPLE
            more = f" and {hidden} more" if hidden > 0 else ""
            problems.append(f"{len(common)} test person(s) were in {role}: {', '.join(common[:_LISTED_PEOPLE])}{more}")
    for generator in generators:
        relation = training_relation(declaration, generator)
        if required is Relation.UNSEEN and relation in (SEEN, SELECTED):
            roles = [role for role, touched in declaration.roles().items() if generator in (touched.generators or ())]
            problems.append(f"generator {generator!r} is to be unseen, but {', '.join(roles)} used it")
        if required is Relation.SEEN and relation in (UNSEEN, SELECTED):
            problems.append(f"generator {generator!r} is to be seen, but training did not use it")
    return problems


def find_contradictions(declaration: Declaration) -> list[str]:
    """Where a declaration contradicts itself: one person in training and in what must be independent of training."""
    training = declaration.training.people or frozenset()
    problems = []
    pairs = [("training", training, "selection", declaration.selection.people or frozenset())]
    pairs += [
        (role, touched.people or frozenset(), "test", declaration.held_out)
        for role, touched in declaration.roles().items()
    ]
    for first_role, first_people, second_role, second_people in pairs:
        common = sorted(first_people & second_people)
        if common:
            names = ", ".join(common[:_LISTED_PEOPLE])
            problems.append(f"{len(common)} person(s) are in {first_role} and in {second_role}: {names}")
    return problems


def raise_overlaps(method: str, problems: list[str]) -> None:
    """Raises Problems that list every overlap of a method."""
    raise Problems(
        f"method {method}",
        problems,
        remedy="test on people and generators it has not touched, or pass --allow-overlap: the report is then stamped "
        "as contaminated",
    )
