"""The preflight's check of listed portraits: each is read, and its face is looked for, as the build will do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from nvfair_tools.curate.finding import Finding
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.recipe import Recipe

_MAX_READ = 500  # pictures; one takes about 0.1 s
_LISTED = 10


def check_portraits(recipe: Recipe, rows: Sequence[ClipRow]) -> Iterator[Finding]:
    """Finds portraits that the build would refuse: unreadable ones, ones without a face, one of two people."""
    people: dict[Path, set[str]] = defaultdict(set)
    for row in rows:
        if row.portrait is not None:
            people[row.portrait].add(row.identity)
    if not people:
        return
    step = -(-len(people) // _MAX_READ)
    read = sorted(people)[::step]
    problems = [
        f"{path.name} is listed for {', '.join(sorted(identities))}"
        for path, identities in sorted(people.items())
        if len(identities) > 1
    ]
    warnings: list[str] = []
    for path, level, problem in _problems(recipe, read):
        text = f"{', '.join(sorted(people[path]))}: {path.name}: {problem}"
        (problems if level == "error" else warnings).append(text)
    if problems:
        remedy = "replace these pictures, or leave their column `portrait` empty: a frame of a clip is taken then"
        yield Finding("error", "portraits", _listed(problems), remedy)
    if warnings:
        yield Finding("warning", "portraits", _listed(warnings))
    if not problems and not warnings:
        yield Finding("ok", "portraits", f"read and with a face: {len(read)} of {count_text(len(people), 'picture')}")


def _problems(recipe: Recipe, paths: Sequence[Path]) -> Iterator[tuple[Path, str, str]]:
    """(path, level, problem) of every picture that is not simply usable."""
    from nvfair_tools.curate.portraits import find_face
    from nvfair_tools.media.pictures import read_picture

    try:
        landmarker = LandmarkerSpec.from_recipe(recipe).create()
    except NvfairError:
        landmarker = None  # it has a finding of its own
    for path in paths:
        try:
            image = read_picture(path)
        except NvfairError as error:
            yield path, "error", error.what
            continue
        except OSError as error:
            yield path, "error", f"cannot be read: {error.strerror}"
            continue
        if landmarker is None:
            continue
        mesh, several_faces = find_face(image, landmarker)
        if mesh is None:
            yield path, "error", "no_face: no face was found in it"
        elif several_faces:
            yield path, "warning", "more than one face; the largest is taken"
    if landmarker is not None:
        landmarker.close()


def _listed(problems: Sequence[str]) -> str:
    more = f"; and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
    return f"{len(problems)} picture{'s' * (len(problems) != 1)}: {'; '.join(problems[:_LISTED])}{more}"
