"""Submissions as zip files: packed so that equal content gives equal bytes, unpacked within bounds.

Archives come from strangers. The list of an archive's entries is checked before a file is written, and the bytes are
counted while they are written, because the list may lie. After a refusal no file is left behind.
"""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from leaderboard.submission.submission import DECLARATION_FILE, inner_files, named_files, read_submission
from leaderboard.submission.untrusted_text import invisible_character, quoted
from nvfair_tools.bounded_zip import DAMAGED_ZIP, damage_message, open_zip
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output, make_folder, storage_error
from nvfair_tools.quantities import count_text

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_BLOCK_BYTES = 1 << 20
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_UNIX = 3
_PATH_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]*")
# Names that Windows opens as devices, whatever their suffix.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_ARCHIVE = "the archive"  # by which messages call it: where it lies on a server is no business of the author's
_REMEDY = "pack it with `nvfair submit pack FOLDER OUT.zip`"
# What file managers add to an archive by themselves. None of it can be part of a submission, and none is unpacked.
_ADDED_FOLDERS = frozenset({"__macosx", ".trashes", ".fseventsd", ".spotlight-v100"})
_ADDED_FILES = frozenset({".ds_store", ".localized", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini"})
_ADDED_PREFIX = "._"  # a Mac's attributes of the file whose name follows
_MAX_NAME = 200
_MAX_LEFT_OUT = 20  # names that an answer lists
_ODD_FOLDER = "submission"  # by which the one folder of an archive is unpacked whose own name is odd


@dataclass(frozen=True)
class ArchiveLimits:
    """Bounds of an archive.

    files: that are unpacked. entries: with folders and what file managers add. total: bytes of all unpacked files.
    ratio: unpacked bytes for each packed one; it holds for archives that unpack to more than `small` bytes. directory:
    bytes of the list of entries, which is read before anything can be counted. name: characters of an entry's name.
    depth: levels of folders in it.
    """

    files: int = 200
    entries: int = 1000
    total: int = 8 * 2**30
    ratio: int = 200
    small: int = 16 * 2**20
    directory: int = 2**20
    name: int = 200
    depth: int = 8


def pack(folder: Path, out: Path) -> Path:
    """Writes the submission in `folder` to the zip file `out`: the declaration and the files that it names, no others.

    Equal content gives equal bytes (with one version of zlib). Raises NvfairError where the declaration is wrong, and
    Problems with every file of its that is absent, a link or outside the folder.
    """
    names = sorted({DECLARATION_FILE, *named_files(read_submission(folder))})
    paths = inner_files(folder, names)
    make_folder(out.parent)
    with atomic_output(out) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
        for name, path in paths.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system, member.external_attr = _UNIX, (stat.S_IFREG | 0o644) << 16
            # Parquet is compressed already.
            is_compressed = name.endswith((".parquet", ".zip"))
            member.compress_type = zipfile.ZIP_STORED if is_compressed else zipfile.ZIP_DEFLATED
            member.file_size = path.stat().st_size
            with open(path, "rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, _BLOCK_BYTES)
    return out


def check_archive(path: Path) -> None:
    """Raises NvfairError where a file that is to be sent is no zip file; a folder is packed first."""
    if path.is_file() and not zipfile.is_zipfile(path):
        raise NvfairError(
            "this is no zip file", where=path, expected="a submission's folder, or a zip file of it", remedy=_REMEDY
        )


@dataclass(frozen=True)
class Unpacked:
    """What an archive was unpacked to.

    folder: the one that holds the declaration. left_out: names of entries that file managers add and that were not
    unpacked, in the archive's order.
    """

    folder: Path
    left_out: tuple[str, ...] = ()


def unpack(zip_path: Path, into: Path, limits: ArchiveLimits = ArchiveLimits()) -> Unpacked:
    """Unpacks `zip_path` to the folder `into`, which must not be there yet.

    The folder that holds the declaration is `into`, or the one folder that the archive consists of, as file managers
    make them; what they add besides is left out. Memory is bounded whatever the archive says. Raises Problems with
    everything that is wrong with its entries, StorageError where the disk is full, or NvfairError where the archive
    cannot be read; `into` is then not there.
    """
    if into.exists():
        raise NvfairError("it is there already", where=into, expected="a folder that does not exist yet")
    try:
        with open_zip(zip_path, directory_bytes=limits.directory) as archive:
            left_out = _unpack_members(archive, zip_path.stat().st_size, into, limits)
    except NvfairError:
        _remove(into)
        raise
    except DAMAGED_ZIP as error:
        _remove(into)
        if full_disk := storage_error(error):
            raise full_disk from error
        raise NvfairError(
            f"cannot be unpacked: {damage_message(error)}",
            where=_ARCHIVE,
            expected="a whole, plain zip file",
            remedy=_REMEDY,
        ) from error
    except BaseException:
        _remove(into)
        raise
    return Unpacked(_declaration_folder(into), left_out)


def listed_names(names: Sequence[str]) -> list[str]:
    """Names that a stranger chose, as an answer lists them: what cannot be seen is written out, and not too many."""
    texts = [quoted(name) if invisible_character(name) or len(name) > _MAX_NAME else name for name in names]
    hidden = len(texts) - _MAX_LEFT_OUT
    return [*texts[:_MAX_LEFT_OUT], *([f"{hidden} more"] if hidden > 0 else [])]


@contextmanager
def submission_folder(path: Path) -> Iterator[Unpacked]:
    """The folder of a submission: `path` itself, or what the zip file `path` unpacks to until the context ends.

    Raises NvfairError where there is no such folder or file, or as `unpack` does.
    """
    if path.is_dir():
        yield Unpacked(path)
        return
    if not path.exists():
        raise NvfairError("there is no such folder or file", where=path, expected="a submission's folder or zip file")
    with tempfile.TemporaryDirectory() as scratch:
        yield unpack(path, Path(scratch) / "unpacked")


@dataclass(frozen=True)
class _Entry:
    """A member of an archive. name: with / between folders, and with none at the end of a folder's."""

    member: zipfile.ZipInfo
    name: str
    is_folder: bool


def _unpack_members(archive: zipfile.ZipFile, packed_bytes: int, into: Path, limits: ArchiveLimits) -> tuple[str, ...]:
    """Writes the files of the archive to `into`; returns the names of the entries that were left out."""
    members = archive.infolist()
    if len(members) > limits.entries:
        raise Problems(_ARCHIVE, [f"{len(members)} entries; at most {limits.entries}"], remedy=_REMEDY)
    entries = _entries(members)
    added = [entry for entry in entries if _is_added(entry.name)]
    entries = _with_plain_top_folder([entry for entry in entries if not _is_added(entry.name)])
    problems = list(_entry_problems(entries, packed_bytes, limits))
    if problems:
        raise Problems(_ARCHIVE, problems, remedy=_REMEDY)
    into.mkdir(parents=True)
    for entry in entries:
        if not entry.is_folder:
            _write_member(archive, entry.member, into / entry.name)
    return tuple(entry.name for entry in added)


def _entries(members: list[zipfile.ZipInfo]) -> list[_Entry]:
    # Old programs of Windows write \ between folders. Where an archive has both, \ is a character of a name.
    names = [member.orig_filename for member in members]
    separator = "\\" if any("\\" in name for name in names) and not any("/" in name for name in names) else "/"
    entries = []
    for member, name in zip(members, names, strict=True):
        plain_name = name.replace(separator, "/")
        is_folder = plain_name.endswith("/")
        entries.append(_Entry(member, plain_name.removesuffix("/"), is_folder))
    return entries


def _is_added(name: str) -> bool:
    """Whether a file manager adds an entry of this name by itself. Names that lead out of the archive are no such."""
    *folders, last = name.lower().split("/")
    if ".." in folders or name.startswith("/") or ":" in name or "\0" in name:
        return False
    return not _ADDED_FOLDERS.isdisjoint([*folders, last]) or last in _ADDED_FILES or last.startswith(_ADDED_PREFIX)


def _with_plain_top_folder(entries: list[_Entry]) -> list[_Entry]:
    """The entries with another name for the one folder that all lie in, where its own is odd: `my work (2)`, `Übung`.

    It is not part of the submission, and people name their folders as they like.
    """
    top_folders = {entry.name.split("/")[0] for entry in entries}
    if len(top_folders) != 1 or any("/" not in entry.name and not entry.is_folder for entry in entries):
        return entries
    (top,) = top_folders
    if top in ("", ".", "..") or ":" in top or invisible_character(top) or "\\" in top or len(top) > _MAX_NAME:
        return entries
    if not _part_problem(top):
        return entries
    return [replace(entry, name=_ODD_FOLDER + entry.name[len(top) :]) for entry in entries]


def _entry_problems(entries: list[_Entry], packed_bytes: int, limits: ArchiveLimits) -> Iterator[str]:
    total = sum(entry.member.file_size for entry in entries)
    if len(entries) > limits.files:
        yield f"{count_text(len(entries), 'file')}; at most {limits.files}"
    if total > limits.total:
        yield f"it would unpack to {total} bytes; at most {limits.total}"
    if total > limits.small and total > limits.ratio * packed_bytes:
        yield f"{packed_bytes} bytes would unpack to {total}: more than {limits.ratio} times as many"
    seen_names: dict[str, str] = {}
    files = {_folded_name(entry.name) for entry in entries if not entry.is_folder}
    for entry in entries[: limits.files]:
        name = quoted(entry.member.orig_filename)
        if problem := _name_problem(entry.name, limits):
            yield f"{name}: {problem}"
        if problem := _kind_problem(entry):
            yield f"{name}: {problem}"
        folded = _folded_name(entry.name)
        if folded in seen_names:
            yield f"{name}: the same name as {seen_names[folded]}, or the same but for upper and lower case"
        seen_names[folded] = name
        parents = folded.split("/")[:-1]
        if any("/".join(parents[:depth]) in files for depth in range(1, len(parents) + 1)):
            yield f"{name}: lies in what is a file by another entry"


def _name_problem(name: str, limits: ArchiveLimits) -> str:
    """The problem of an entry's name; "" where it has none."""
    if "\\" in name or "\0" in name:
        return "the name has a null character or a backslash"
    if len(name) > limits.name:
        return f"the name has {len(name)} characters; at most {limits.name}"
    parts = name.split("/")
    if len(parts) > limits.depth:
        return f"the name has {len(parts)} levels; at most {limits.depth}"
    if name.startswith("/") or ".." in parts or ":" in name:
        return "the name leads out of the archive"
    return next(filter(None, map(_part_problem, parts)), "")


def _part_problem(part: str) -> str:
    if not _PATH_PART.fullmatch(part) or part.endswith((".", " ")) or part.split(".")[0].lower() in _DEVICES:
        return "an odd name; expected letters, digits and _ . + -, beginning with a letter or digit"
    return ""


def _kind_problem(entry: _Entry) -> str:
    """The problem of an entry that is no plain file or folder; "" where it is one."""
    member = entry.member
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if entry.is_folder else stat.S_IFREG):
        return "a link, a device, or no plain file"
    if member.flag_bits & _ENCRYPTED_FLAGS:
        return "it is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"compression method {member.compress_type}; expected stored or deflated"
    if entry.is_folder and member.file_size:
        return "a folder with content"
    return ""


def _write_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    remaining = member.file_size
    with archive.open(member) as source, open(target, "xb") as out:
        while block := source.read(_BLOCK_BYTES):
            remaining -= len(block)
            if remaining < 0:
                raise NvfairError("it holds more than the archive says", where=quoted(member.filename), remedy=_REMEDY)
            out.write(block)
    if remaining:
        raise NvfairError(
            f"it holds {remaining} bytes less than the archive says", where=quoted(member.filename), remedy=_REMEDY
        )


def _folded_name(name: str) -> str:
    """The name as a file system sees it that makes no difference between upper and lower case."""
    return unicodedata.normalize("NFC", name).casefold().removesuffix("/")


def _declaration_folder(folder: Path) -> Path:
    children = list(folder.iterdir())
    if not (folder / DECLARATION_FILE).exists() and len(children) == 1 and children[0].is_dir():
        return children[0]
    return folder


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
