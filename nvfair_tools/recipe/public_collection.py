"""Public collections that a recipe can name instead of a list: what the names of their files say, and their terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nvfair_tools.dataset.terms import NO_DISPLAY, NO_PUBLICATION
from nvfair_tools.errors import NvfairError
from nvfair_tools.folder_tree import read_folder_tree
from nvfair_tools.recipe.people_folder import VIDEO_SUFFIXES

UNKNOWN = "unknown"  # the consent of people who were never asked about reenactments
PERMITTED_USE = f"research only; {NO_DISPLAY}; {NO_PUBLICATION}"
ONE_SESSION = (
    "each person was recorded in one session: light, clothes, camera and mood of that day belong to the person too, so "
    "that a method may recognise the session where it seems to recognise the person"
)


class NotUsed(Exception):
    """A file of a collection that is no clip to be used. Its text is a reason that can be counted."""


@dataclass(frozen=True)
class PublicCollection:
    """How the files of a public collection are understood.

    name: in recipes. namespace: of its people. licence: of what is made from it. parse: from a file's stem and the name
    of its folder to columns of a list of clips (`identity` at least; others, and rights, as in a CSV); raises NotUsed.
    count: the number of published clips. name_fields: from a file's stem to all that its name says, in words.
    published: the names of all clips, where they are known; people: the identities of all people, likewise. doi: of the
    published files, "" where they have none. people_file: the table of its people, "" where it has none.
    people_columns: from the collection's folder and a list for problems to {identity: columns}. obtained_by: the
    command that fills a folder with it, "" where there is none. caution: what a user of any result must mind.
    """

    name: str
    namespace: str
    title: str
    licence: str
    parse: Callable[[str, str], dict[str, str]]
    count: int
    name_fields: Callable[[str], dict[str, str]] = lambda stem: {}
    published: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    doi: str = ""
    people_file: str = ""
    people_columns: Callable[[Path, list[str]], Mapping[str, dict[str, str]]] = lambda root, problems: {}
    obtained_by: str = ""
    caution: str = ONE_SESSION


@dataclass
class CollectionFolder:
    """The clips in a collection's folder: columns of each, paths relative to it. left_out: {reason: paths}. missing:
    what was published and is not there, in sentences. notes: hidden files, and links that are not followed."""

    rows: list[dict[str, str]] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_collection(collection: PublicCollection, root: Path, problems: list[str]) -> CollectionFolder:
    """Lists every file below `root`: each is a clip, or left out for a reason. Adds to `problems` what is wrong.

    Raises NvfairError where there is no such folder.
    """
    if not root.is_dir():
        raise NvfairError(
            "there is no such folder",
            where=root,
            remedy=f"`{collection.obtained_by} {root}` makes and fills it"
            if collection.obtained_by
            else "correct it; it is relative to the recipe",
        )
    folder = CollectionFolder()
    people = collection.people_columns(root, problems)
    first_path: dict[str, str] = {}
    tree = read_folder_tree(root)
    folder.notes += tree.notes()
    for name in sorted(tree.names, key=lambda name: name.split("/")):
        if name == collection.people_file:
            continue
        path = PurePosixPath(name)
        try:
            if path.suffix.lower() not in VIDEO_SUFFIXES:
                raise NotUsed("no videos")
            columns = collection.parse(path.stem, path.parent.name)
            if first_path.setdefault(path.stem, name) != name:
                raise NotUsed("second copies of a clip")
        except NotUsed as reason:
            folder.left_out.setdefault(str(reason), []).append(name)
            continue
        rights = {"licence": collection.licence, "consent": UNKNOWN, "permitted_use": PERMITTED_USE}
        folder.rows.append({"path": name, **rights, **columns, **people.get(columns["identity"], {})})
    missing = sorted(collection.published - set(first_path))
    if missing:
        examples = ", ".join(missing[:3])
        folder.missing.append(f"{len(missing):,} of the {collection.count:,} published clips, such as {examples}")
    elif not collection.published and len(first_path) < collection.count:
        folder.missing.append(f"{collection.count - len(first_path):,} of the {collection.count:,} published clips")
    absent = sorted(collection.people - {row["identity"] for row in folder.rows})
    if absent and folder.rows:
        folder.missing.append(
            f"{len(absent)} of the {len(collection.people)} published people, such as {', '.join(absent[:3])}"
        )
    if collection.people_file and not (root / collection.people_file).is_file():
        folder.missing.append(f"{collection.people_file}, so that age, sex and ethnicity of its people are unknown")
    return folder
