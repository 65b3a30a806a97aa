"""A folder with one folder a person: which of its files are clips, which is the portrait, and what is left out.

A clip is a video or a track (landmarks with times, see `nvfair_tools.landmarks.track_files`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.landmarks.track_files import is_track_file

# Whether a file with such a name really holds video shows when it is read.
VIDEO_SUFFIXES = (
    (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".flv", ".wmv")
    + (".mts", ".m2ts", ".ts", ".3gp", ".3g2", ".ogv", ".asf", ".vob", ".mxf", ".dv", ".m2v", ".divx", ".f4v")
)  # fmt: skip
# Those that cannot be read are listed too: a portrait that is left out without a word would be another face.
PICTURE_SUFFIXES = (
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".jp2")
    + (".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".psd", ".svg")
)  # fmt: skip
PORTRAIT_STEM = "portrait"
_SYSTEM_FILES = ("thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r")
_SYSTEM_FOLDERS = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")

HIDDEN = "hidden files or files of the operating system"
LINK = "symbolic links to folders, which are not followed"
NO_CLIP = "files without the name of a video or track"
PICTURE = f"pictures that are not called {PORTRAIT_STEM}"
OUTSIDE = "files that lie in no person's folder"


@dataclass(frozen=True)
class PersonFolder:
    """The files of one person. name: of the folder. clips, portraits: their paths relative to the parent folder."""

    name: str
    clips: tuple[str, ...]
    portraits: tuple[str, ...]


@dataclass(frozen=True)
class PeopleFolder:
    """All files below a folder. clips_outside: those in no person's folder. left_out: {why: paths of files that are
    not used}. All paths are relative to the folder, with "/"."""

    people: tuple[PersonFolder, ...]
    clips_outside: tuple[str, ...]
    left_out: dict[str, list[str]]


def read_people_folder(root: Path) -> PeopleFolder:
    """Lists all files below `root`: every one is a clip, a portrait, or left out for a reason."""
    left_out: dict[str, list[str]] = {}
    people, clips_outside = [], []
    for entry in sorted(root.iterdir()):
        if entry.is_dir():
            if _is_system_name(entry.name):
                left_out.setdefault(HIDDEN, []).append(entry.name)
            else:
                people.append(_person(root, entry, left_out))
        elif _is_clip(entry) and not _is_system_name(entry.name):
            clips_outside.append(entry.name)
        else:
            left_out.setdefault(HIDDEN if _is_system_name(entry.name) else OUTSIDE, []).append(entry.name)
    return PeopleFolder(tuple(people), tuple(clips_outside), left_out)


def _person(root: Path, folder: Path, left_out: dict[str, list[str]]) -> PersonFolder:
    clips, portraits = [], []
    for path in _files(folder, root, left_out):
        name, suffix = path.relative_to(root).as_posix(), path.suffix.lower()
        if _is_system_name(path.name):
            left_out.setdefault(HIDDEN, []).append(name)
        elif _is_clip(path):
            clips.append(name)
        elif suffix in PICTURE_SUFFIXES and path.stem.casefold() == PORTRAIT_STEM and path.parent == folder:
            portraits.append(name)
        else:
            left_out.setdefault(PICTURE if suffix in PICTURE_SUFFIXES else NO_CLIP, []).append(name)
    return PersonFolder(folder.name, tuple(sorted(clips)), tuple(sorted(portraits)))


def _files(folder: Path, root: Path, left_out: dict[str, list[str]]) -> Iterator[Path]:
    """Every file below `folder`; hidden folders and links to folders go to `left_out`."""
    for place, subfolders, names in os.walk(folder, onerror=_raise):
        entered = []
        for subfolder in sorted(subfolders):
            path = Path(place, subfolder)
            if path.is_symlink() or _is_system_name(subfolder):
                why = LINK if path.is_symlink() else HIDDEN
                left_out.setdefault(why, []).append(path.relative_to(root).as_posix())
            else:
                entered.append(subfolder)
        subfolders[:] = entered
        yield from (Path(place, name) for name in sorted(names))


def _is_clip(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES or is_track_file(path)


def _is_system_name(name: str) -> bool:
    """Whether a file or folder is hidden (.DS_Store, ._clip.mov) or one that an operating system makes."""
    return name.startswith(".") or name.lower() in (*_SYSTEM_FILES, *_SYSTEM_FOLDERS)


def _raise(error: OSError) -> None:
    """Raises the error: `os.walk` would leave out a folder that cannot be read."""
    raise error
