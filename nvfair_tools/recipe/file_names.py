"""File names as people list them: the same name may be stored in another Unicode form, or in another letter case."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path


class FileNames:
    """Finds listed files whose name on disk differs in its form; each folder is read once."""

    def __init__(self) -> None:
        self._names: dict[Path, list[str]] = {}
        self._folders: dict[str, str] = {}  # a folder -> where it really lies

    def resolved(self, path: Path) -> Path:
        """Where the file of `existing(path)` really lies, as `Path.resolve` says; each folder is looked up once."""
        folder, name = os.path.split(path)
        if name in ("", ".."):
            return self.existing(path).resolve()
        try:
            is_link = stat.S_ISLNK(os.lstat(path).st_mode)
        except OSError:  # it does not exist in this form
            return self.existing(path).resolve()
        if is_link:
            return path.resolve()
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return Path(self._folders[folder], name)

    def existing(self, path: Path) -> Path:
        """`path`, or the file that has this name in another Unicode form where there is exactly one such file.

        "\u00fc" may be stored as one character (most systems) or as "u" and a mark (macOS). A path that does not exist
        in any form is returned as it is.
        """
        if os.path.lexists(path) or path.parent == path:
            return path
        folder = self.existing(path.parent)
        name = unicodedata.normalize("NFC", path.name)
        matches = [entry for entry in self._listing(folder) if unicodedata.normalize("NFC", entry) == name]
        return folder / matches[0] if len(matches) == 1 else folder / path.name

    def hint(self, path: Path) -> str:
        """What a missing file may be called instead, in words; "" where nothing is like it."""
        if "\\" in path.name and self.existing(path.parent / path.name.replace("\\", "/")).exists():
            return "it exists with / in place of \\"
        name = unicodedata.normalize("NFC", path.name).casefold()
        for entry in self._listing(self.existing(path.parent)):
            if unicodedata.normalize("NFC", entry).casefold() == name:
                return f"there is {entry}"
        return ""

    def _listing(self, folder: Path) -> list[str]:
        if folder not in self._names:
            try:
                self._names[folder] = sorted(os.listdir(folder))
            except OSError:
                self._names[folder] = []
        return self._names[folder]
