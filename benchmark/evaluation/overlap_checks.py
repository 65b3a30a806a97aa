"""Whether a method may be tested on given people and generators, and the words for what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchmark.methods.declaration import SEEN, SELECTED, UNSEEN, Declaration
from benchmark.protocols.schema import Relation
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import Problems
from nvfair_tools.quantities import count_text

MIXED = "mixed"  # the relation of two generators that do not stand alike to the training
_LISTED_PEOPLE = 5


def find_overlaps(
    declaration: Declaration, people: Iterable[str], generators: Iterable[str], required: Relation
) -> list[str]:
    """Reasons against a test, in words; empty where there are none.

    people: everybody in the test videos, in either role. generators: the test generators, which must stand to the
    training as `required`.
    """
    problems = []
    for role, shared in declaration.shared_people(people).items():
        hidden = len(shared) - _LISTED_PEOPLE
        more = f" and {hidden} more" if hidden > 0 else ""
        people_were = count_text(len(shared), "test person was", "test people were")
        problems.append(f"{people_were} in {role}: {', '.join(shared[:_LISTED_PEOPLE])}{more}")
    for generator in generators:
        relation = declaration.relation_to(generator)
        if required is Relation.UNSEEN and relation in (SEEN, SELECTED):
            roles = ", ".join(declaration.roles_that_saw(generator))
            problems.append(f"generator {generator!r} is to be unseen, but {roles} used it")
        if required is Relation.SEEN and relation in (UNSEEN, SELECTED):
            problems.append(f"generator {generator!r} is to be seen, but training did not use it")
    return problems


def leave_out_people(dataset: Dataset, people: Iterable[str], splits: Iterable[str]) -> tuple[Dataset, list[str]]:
    """The data set without the reenactments in `splits` that show or are driven by one of `people`.

    Returns it with those of the people, sorted, whom that concerns.
    """
    videos, touched = dataset.videos, frozenset(people)
    tested = videos["split"].isin(list(splits)) & videos["generator"].notna()
    left_out = tested & (videos["driver"].isin(touched) | videos["target"].isin(touched))
    people_left_out = touched & {*videos.loc[left_out, "driver"], *videos.loc[left_out, "target"]}
    return replace(dataset, videos=videos[~left_out].reset_index(drop=True)), sorted(people_left_out)


def left_out_warning(people: Sequence[str]) -> list[str]:
    """The sentence on test people who were left out; nothing where none was."""
    left_out = count_text(len(people), "test person", "test people")
    return [f"Left out, as a method has touched them: {left_out}: {', '.join(people)}."] if people else []


def raise_overlaps(method: str, problems: list[str]) -> None:
    """Raises Problems that list every overlap of a method."""
    raise Problems(
        f"method {method}",
        problems,
        remedy="test on people and generators it has not touched (--leave-out-overlap leaves such people out), or pass "
        "--allow-overlap: the report is then stamped as contaminated",
    )
