"""All files below a folder by name, and what was not entered: a folder that somebody else filled has surprises.

Hundreds of thousands of names are read without a look at any file: the listing of a folder says what its entries are.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_EXAMPLES = 3


@dataclass
class FolderTree:
    """What lies below a folder; all paths are relative to it, with "/".

    names: files (and links to files), folder by folder. folders: those that were entered. hidden, hidden_folders:
    hidden ones; nothing in a hidden folder is listed. links: symbolic links to folders that are not followed.
    """

    names: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    hidden_folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def notes(self) -> tuple[str, ...]:
        """Sentences on what is not among the names, with counts and examples; nothing where there is nothing."""
        groups = (
            (self.hidden, "hidden file is not listed", "hidden files are not listed"),
            (self.hidden_folders, "hidden folder is not entered", "hidden folders are not entered"),
            (self.links, "link to a folder is not followed", "links to folders are not followed"),
        )
        return tuple(
            f"{count_text(len(names), single, several)}, such as {', '.join(sorted(names)[:_EXAMPLES])}"
            for names, single, several in groups
            if names
        )


def is_dotted(name: str) -> bool:
    """Whether a file or folder is hidden by its name."""
    return name.startswith(".")


def read_folder_tree(root: Path, is_hidden: Callable[[str], bool] = is_dotted) -> FolderTree:
    """Lists everything below `root`. is_hidden: which names of files and folders count as hidden.

    Links to folders are followed where they lie in `root` itself (so one puts together what lies on several disks), and
    nowhere else, since they might lead in a circle.

    Raises NvfairError where a folder cannot be read: its files would be left out without a word.
    """
    tree = FolderTree()
    start = len(os.path.join(root, ""))
    for place, subfolders, names in os.walk(root, onerror=_raise, followlinks=True):
        below = place[start:].replace(os.sep, "/")
        prefix = f"{below}/" if below else ""
        subfolders[:] = [name for name in sorted(subfolders) if _is_entered(place, prefix, name, is_hidden, tree)]
        for name in sorted(names):
            (tree.hidden if is_hidden(name) else tree.names).append(prefix + name)
    return tree


def _is_entered(place: str, prefix: str, name: str, is_hidden: Callable[[str], bool], tree: FolderTree) -> bool:
    if is_hidden(name):
        tree.hidden_folders.append(prefix + name)
    elif prefix and os.path.islink(os.path.join(place, name)):
        tree.links.append(prefix + name)
    else:
        tree.folders.append(prefix + name)
        return True
    return False


def _raise(error: OSError) -> None:
    raise NvfairError(
        f"the folder cannot be read: {error.strerror}",
        where=error.filename or "",
        remedy="give yourself the right to read it, or move it away",
    ) from error
