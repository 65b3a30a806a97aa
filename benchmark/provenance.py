"""Whether a checkpoint may be tested on these people and generators.

Overlap is decided on `namespace:id` alone. What a checkpoint does not say is unknown, never disjoint.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.checkpoint import Checkpoint
from nvfair_tools.errors import Problems
from nvfair_tools.protocol import Relation


def relation(checkpoint: Checkpoint, generator: str) -> str:
    """ "seen": trained on; "selected": only selection touched it; "unseen": neither did."""
    made = checkpoint.provenance
    if generator in made.train_generators:
        return "seen"
    return "selected" if generator in made.selection_generators else "unseen"


def overlaps(checkpoint: Checkpoint, people: Iterable[str], generators: Iterable[str], wanted: Relation) -> list[str]:
    """What speaks against testing, in words; empty where nothing does.

    people: everybody in the test videos, in either role. generators: those tested on under the relation `wanted`.
    """
    made, people = checkpoint.provenance, frozenset(people)
    found = []
    for role, touched in (("training", made.train.all), ("selection", made.validation.all)):
        common = sorted(touched & people)
        if common:
            more = f" and {len(common) - 5} more" if len(common) > 5 else ""
            found.append(f"{len(common)} test person(s) were in {role}: {', '.join(common[:5])}{more}")
    for generator in generators:
        how = relation(checkpoint, generator)
        if wanted is Relation.UNSEEN and how != "unseen":
            touched_by = "training" if how == "seen" else "selection"
            found.append(f"generator {generator!r} is to be unseen, but {touched_by} used it")
        if wanted is Relation.SEEN and how != "seen":
            found.append(f"generator {generator!r} is to be seen, but training did not use it")
    return found


def refuse(checkpoint: Checkpoint, problems: list[str]) -> None:
    """Raises Problems that list every overlap."""
    raise Problems(
        f"checkpoint {checkpoint.name}",
        problems,
        remedy="test on people and generators it has not touched, or pass --allow-overlap: the report is then stamped "
        "as contaminated",
    )
