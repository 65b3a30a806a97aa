"""A folder with one folder a person: which of its files are clips, which is the portrait, and what is left out.

A clip is a video or a track (landmarks with times, see `nvfair_tools.landmarks.track_files`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.folder_tree import read_folder_tree
from nvfair_tools.landmarks.track_files import TRACK_SUFFIXES

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
_CLIP_SUFFIXES = frozenset((*VIDEO_SUFFIXES, *TRACK_SUFFIXES))
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
    """Lists all files below `root`: every one is a clip, a portrait, or left out for a reason.

    Raises NvfairError where a folder cannot be read.
    """
    tree = read_folder_tree(root, _is_system_name)
    left_out: dict[str, list[str]] = {}
    if tree.hidden or tree.hidden_folders:
        left_out[HIDDEN] = sorted(tree.hidden + tree.hidden_folders)
    if tree.links:
        left_out[LINK] = tree.links
    clips: dict[str, list[str]] = {name: [] for name in tree.folders if "/" not in name}
    portraits: dict[str, list[str]] = {name: [] for name in clips}
    clips_outside: list[str] = []
    for name in tree.names:
        person, _, below = name.partition("/")
        stem, suffix = os.path.splitext(name.rpartition("/")[2])
        suffix = suffix.lower()
        if suffix in _CLIP_SUFFIXES:
            (clips[person] if below else clips_outside).append(name)
        elif not below:
            left_out.setdefault(OUTSIDE, []).append(name)
        elif suffix not in PICTURE_SUFFIXES:
            left_out.setdefault(NO_CLIP, []).append(name)
        elif stem.casefold() == PORTRAIT_STEM and "/" not in below:
            portraits[person].append(name)
        else:
            left_out.setdefault(PICTURE, []).append(name)
    people = (PersonFolder(name, tuple(sorted(clips[name])), tuple(sorted(portraits[name]))) for name in sorted(clips))
    return PeopleFolder(tuple(people), tuple(clips_outside), left_out)


def _is_system_name(name: str) -> bool:
    """Whether a file or folder is hidden (.DS_Store, ._clip.mov) or one that an operating system makes."""
    return name.startswith(".") or name.lower() in (*_SYSTEM_FILES, *_SYSTEM_FOLDERS)
