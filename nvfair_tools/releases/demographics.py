"""What a collection's own table of people says, joined to the people of a release that was made from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.cremad import CREMAD, read_people_table
from nvfair_tools.releases.listing import Release


def join_demographics(release: Release, table: Path) -> Release:
    """The release with gender, age and ethnicity of its CREMA-D people, from CREMA-D's VideoDemographics.csv.

    People of the release without a row, and rows of people who are not in it, are counted in its notes. Raises
    NvfairError where there is no such file or the release has nobody of CREMA-D, and Problems with every row that
    cannot be understood.
    """
    if not table.is_file():
        raise NvfairError(
            "there is no such file", where=table, remedy=f"`{CREMAD.obtained_by}` brings it, or name another place"
        )
    problems: list[str] = []
    people = read_people_table(table, problems)
    if problems:
        raise Problems(table, problems, remedy="take the file as CREMA-D's authors publish it, or mend these rows")
    in_release = {person for file in release.files for person in (file.target, file.driver)} - {""}
    own = sorted(person for person in in_release if person.partition(":")[0] == CREMAD.namespace)
    if not own:
        raise NvfairError(f"{release.name} has nobody of {CREMAD.title} here", where=release.root)
    without, others = [person for person in own if person not in people], sorted(people.keys() - set(own))
    notes = [
        f"{CREMAD.title}: gender, age and ethnicity are known of {len(own) - len(without)} of "
        f"{count_text(len(own), 'person')}."
    ]
    if without:
        notes.append(f"{CREMAD.title}: no row in {table.name}: {_listed(without)}.")
    if others:
        notes.append(f"{CREMAD.title}: rows in {table.name} of {_listed(others)} are not used: nobody of the release.")
    joined = {person: people[person] for person in own if person in people}
    return replace(release, people={**release.people, **joined}, notes=(*release.notes, *notes))


def _listed(people: list[str], most: int = 5) -> str:
    more = f" and {len(people) - most} more" if len(people) > most else ""
    return f"{count_text(len(people), 'person')} ({', '.join(people[:most])}{more})"
