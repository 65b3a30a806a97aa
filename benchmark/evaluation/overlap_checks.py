"""Whether a method may be tested on these people and generators.

Overlap is decided on `namespace:id` alone. What a declaration does not say is unknown, never disjoint.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.methods.declaration import SEEN, SELECTED, UNSEEN, Declaration
from benchmark.protocols.schema import Relation
from nvfair_tools.errors import Problems

MIXED = "mixed"  # of two generators: they do not stand alike to the training
_LISTED_PEOPLE = 5


def overlaps(declaration: Declaration, people: Iterable[str], generators: Iterable[str], wanted: Relation) -> list[str]:
    """Reasons against testing, in words; empty where there are none.

    people: everybody in the test videos, in either role. generators: those tested on under the relation `wanted`.
    """
    problems = []
    for role, shared in declaration.shared_people(people).items():
        more = f" and {len(shared) - _LISTED_PEOPLE} more" if len(shared) > _LISTED_PEOPLE else ""
        listed = ", ".join(shared[:_LISTED_PEOPLE])
        problems.append(f"{len(shared)} test person(s) were in {role}: {listed}{more}")
    for generator in generators:
        relation = declaration.relation_to(generator)
        if wanted is Relation.UNSEEN and relation in (SEEN, SELECTED):
            roles = ", ".join(declaration.roles_that_saw(generator))
            problems.append(f"generator {generator!r} is to be unseen, but {roles} used it")
        if wanted is Relation.SEEN and relation in (UNSEEN, SELECTED):
            problems.append(f"generator {generator!r} is to be seen, but training did not use it")
    return problems


def refuse(name: str, problems: list[str]) -> None:
    """Raises Problems that list every overlap."""
    raise Problems(
        f"method {name}",
        problems,
        remedy="test on people and generators it has not touched, or pass --allow-overlap: the report is then stamped "
        "as contaminated",
    )
