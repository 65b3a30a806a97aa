"""Unpacking a verified zip file: every member is judged before the first byte is written, and checked when it is."""

from __future__ import annotations

import shutil
import stat
import threading
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nvfair_tools.bounded_zip import DAMAGED_ZIP, damage_message, open_zip
from nvfair_tools.downloads.errors import DownloadError, Stopped
from nvfair_tools.downloads.remote import check_file_name
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output

_DIRECTORY_BYTES = 64 << 20
_LARGEST_RATIO = 200  # of a member's size to its packed size; recordings hardly shrink at all
_FREE_RATIO = 1 << 20  # bytes for which no ratio is asked
_BLOCK_BYTES = 1 << 20
_SYSTEM_PARTS = frozenset(("__macosx", ".ds_store", "thumbs.db", "desktop.ini"))
SYSTEM_FILES = "files of an operating system"


@dataclass(frozen=True)
class Unpacked:
    """A zip file's content in the folder. members: {path: bytes}. left_out: {reason: number of members}."""

    members: dict[str, int]
    left_out: dict[str, int]


class MemberNames:
    """The paths that all archives of a folder unpack to: no two may be the same file on any file system."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: dict[str, tuple[str, str]] = {}

    def claim(self, archive: str, members: Mapping[str, int]) -> list[str]:
        """Notes that `archive` unpacks to `members`; returns what speaks against it, in words."""
        problems = []
        with self._lock:
            for name in members:
                key = unicodedata.normalize("NFC", name).casefold()
                owner, other = self._owners.setdefault(key, (archive, name))
                if (owner, other) != (archive, name):
                    problems.append(f"{name} is the same file as {other} of {owner}")
        return problems


def unpack(
    path: Path,
    folder: Path,
    below: str,
    names: MemberNames,
    left_out: Mapping[str, Callable[[str], bool]],
    stop: threading.Event,
) -> Unpacked:
    """Unpacks a zip file into `folder`/`below`; members that are there already, with their checksum, are kept.

    left_out: {reason: test of a member's path}. Raises Problems with every member that is refused, and writes none
    then; DownloadError where the file is damaged or the disk is full.
    """
    try:
        with open_zip(path, directory_bytes=_DIRECTORY_BYTES) as archive:
            chosen, reasons = _judged(archive, path, below, names, left_out)
            missing = {name: info for name, info in chosen.items() if not _is_there(folder / name, info, stop)}
            needed = sum(info.file_size for info in missing.values())
            free = shutil.disk_usage(folder).free
            if needed > free:
                text = f"unpacking {path.name} needs {needed:,} bytes; {free:,} are free"
                raise DownloadError("disk_full", text, where=folder, remedy="free some space and run it again")
            for name, info in missing.items():
                _extract(archive, info, folder / name, stop)
    except NvfairError:
        raise
    except DAMAGED_ZIP as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DownloadError(
            "damaged_archive", f"the zip file is damaged: {damage_message(error)}", where=path
        ) from error
    return Unpacked({name: info.file_size for name, info in chosen.items()}, dict(reasons))


def _judged(
    archive: zipfile.ZipFile,
    path: Path,
    below: str,
    names: MemberNames,
    left_out: Mapping[str, Callable[[str], bool]],
) -> tuple[dict[str, zipfile.ZipInfo], Counter[str]]:
    """({path in the folder: member}, {reason: members left out}). Raises Problems where a member is refused."""
    chosen: dict[str, zipfile.ZipInfo] = {}
    reasons: Counter[str] = Counter()
    problems: list[str] = []
    seen: set[str] = set()
    for info in archive.infolist():
        if info.is_dir():
            continue
        if _SYSTEM_PARTS & {part.casefold() for part in PurePosixPath(info.filename).parts}:
            reasons[SYSTEM_FILES] += 1
            continue
        try:
            name = check_file_name(info.filename, path)
        except NvfairError as error:
            problems.append(error.what)
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            problems.append(f"{name} is no plain file")
        elif info.flag_bits & 1:
            problems.append(f"{name} is encrypted")
        elif info.file_size > max(_FREE_RATIO, _LARGEST_RATIO * info.compress_size):
            problems.append(f"{name} would grow from {info.compress_size:,} to {info.file_size:,} bytes")
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            problems.append(f"{name} is in it twice, or differs only in letter case from another")
        seen.add(key)
        if reason := next((reason for reason, test in left_out.items() if test(name)), ""):
            reasons[reason] += 1
        else:
            chosen[f"{below}/{name}" if below else name] = info
    if not problems:
        problems += names.claim(path.name, {name: info.file_size for name, info in chosen.items()})
    if problems:
        raise Problems(path, problems, remedy="nothing of it was unpacked; ask the publisher")
    return chosen, reasons


def _is_there(path: Path, info: zipfile.ZipInfo, stop: threading.Event) -> bool:
    """Whether the member is unpacked already. Raises DownloadError where another file is in its place."""
    if not path.exists():
        return False
    crc = 0
    if path.is_file() and path.stat().st_size == info.file_size:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(_BLOCK_BYTES), b""):
                crc = zlib.crc32(block, crc)
                if stop.is_set():
                    raise Stopped
        if crc == info.CRC:
            return True
    remedy = "move it away and run the same command again"
    raise DownloadError("different_file", "another file is in the place of a member", where=path, remedy=remedy)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, stop: threading.Event) -> None:
    """Writes one member, which appears whole or not at all; zipfile compares its checksum at the end."""
    with atomic_output(path) as aside, archive.open(info) as member, open(aside, "wb") as file:
        written = 0
        for block in iter(lambda: member.read(_BLOCK_BYTES), b""):
            written += len(block)
            if stop.is_set():
                raise Stopped
            if written > info.file_size:
                raise zipfile.BadZipFile(f"{info.filename} is longer than it says")
            file.write(block)
        if written != info.file_size:
            raise zipfile.BadZipFile(f"{info.filename} is shorter than it says")
