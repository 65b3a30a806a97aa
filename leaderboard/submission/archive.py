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
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from leaderboard.submission.submission import DECLARATION_FILE, inner_file, named_files, read_submission
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output, make_folder

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_BLOCK_BYTES = 1 << 20
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_UNIX = 3
_PATH_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]*")
# Names that Windows opens as devices, whatever their suffix.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_ARCHIVE = "the archive"  # by which messages call it: where it lies on a server is no business of the author's
_REMEDY = "pack it with `nvfair submit pack FOLDER OUT.zip`"
_MAX_MESSAGE = 200
# What zipfile and zlib raise for damaged archives; zipfile reads some fields without looking at them.
_DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError,
    ValueError, OverflowError, KeyError, IndexError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True)
class ArchiveLimits:
    """Bounds of an archive.

    files: the number of entries. total: bytes of all unpacked files. ratio: unpacked bytes for each packed one; it
    holds for archives that unpack to more than `small` bytes. directory: bytes of the list of entries, which is read
    before anything can be counted. name: characters of an entry's name. depth: levels of folders in it.
    """

    files: int = 200
    total: int = 8 * 2**30
    ratio: int = 200
    small: int = 16 * 2**20
    directory: int = 2**20
    name: int = 200
    depth: int = 8


def pack(folder: Path, out: Path) -> Path:
    """Writes the submission in `folder` to the zip file `out`: the declaration and the files that it names, no others.

    Equal content gives equal bytes (with one version of zlib). Raises NvfairError where the declaration is wrong, or
    one of its files is absent, a link or outside the folder.
    """
    names = sorted({DECLARATION_FILE, *named_files(read_submission(folder))})
    paths = {name: inner_file(folder, name) for name in names}
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


def unpack(zip_path: Path, into: Path, limits: ArchiveLimits = ArchiveLimits()) -> Path:
    """Unpacks `zip_path` to the folder `into`, which must not be there yet.

    Returns the folder that holds the declaration: `into`, or the one folder that the archive consists of, as file
    managers make them. Memory is bounded whatever the archive says. Raises Problems with everything that is wrong with
    its entries, or NvfairError where it cannot be read; `into` is then not there.
    """
    if into.exists():
        raise NvfairError("it is there already", where=into, expected="a folder that does not exist yet")
    try:
        with open(zip_path, "rb") as raw:
            reader = cast("IO[bytes]", _BoundedReader(raw, limits.directory))
            with zipfile.ZipFile(reader) as archive:
                _unpack_members(archive, zip_path.stat().st_size, into, limits)
    except NvfairError:
        _remove(into)
        raise
    except _DAMAGED as error:
        _remove(into)
        message = (str(error) or type(error).__name__).splitlines()[0][:_MAX_MESSAGE]
        raise NvfairError(
            f"cannot be unpacked: {message}", where=_ARCHIVE, expected="a whole, plain zip file", remedy=_REMEDY
        ) from error
    except BaseException:
        _remove(into)
        raise
    return _declaration_folder(into)


@contextmanager
def submission_folder(path: Path) -> Iterator[Path]:
    """The folder of a submission: `path` itself, or what the zip file `path` unpacks to until the context ends.

    Raises NvfairError where there is no such folder or file, or as `unpack` does.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise NvfairError("there is no such folder or file", where=path, expected="a submission's folder or zip file")
    with tempfile.TemporaryDirectory() as scratch:
        yield unpack(path, Path(scratch) / "unpacked")


def _unpack_members(archive: zipfile.ZipFile, packed_bytes: int, into: Path, limits: ArchiveLimits) -> None:
    members = archive.infolist()
    problems = list(_member_problems(members, packed_bytes, limits))
    if problems:
        raise Problems(_ARCHIVE, problems, remedy=_REMEDY)
    into.mkdir(parents=True)
    for member in members:
        if not _is_folder(member) and not _is_system_entry(member):
            _write_member(archive, member, into)


def _member_problems(members: list[zipfile.ZipInfo], packed_bytes: int, limits: ArchiveLimits) -> Iterator[str]:
    total = sum(member.file_size for member in members)
    if len(members) > limits.files:
        yield f"{len(members)} files; at most {limits.files}"
    if total > limits.total:
        yield f"it would unpack to {total} bytes; at most {limits.total}"
    if total > limits.small and total > limits.ratio * packed_bytes:
        yield f"{packed_bytes} bytes would unpack to {total}: more than {limits.ratio} times as many"
    seen_names: dict[str, str] = {}
    entries = [member for member in members if not _is_system_entry(member)]
    files = {_folded_name(_entry_name(member)) for member in entries if not _is_folder(member)}
    for member in entries[: limits.files]:
        name = quoted(member.orig_filename)
        if problem := _name_problem(member, limits):
            yield f"{name}: {problem}"
        if problem := _kind_problem(member):
            yield f"{name}: {problem}"
        folded = _folded_name(_entry_name(member))
        if folded in seen_names:
            yield f"{name}: the same name as {seen_names[folded]}, or the same but for upper and lower case"
        seen_names[folded] = name
        parents = folded.split("/")[:-1]
        if any("/".join(parents[:depth]) in files for depth in range(1, len(parents) + 1)):
            yield f"{name}: lies in what is a file by another entry"


def _entry_name(member: zipfile.ZipInfo) -> str:
    """The name of an entry with "/" between its parts, where programs on Windows write a backslash."""
    return member.filename.replace("\\", "/")


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return _entry_name(member).endswith("/")


def _has_other_name(member: zipfile.ZipInfo) -> bool:
    """Whether the archive gives the entry another name than the one that zipfile reads."""
    return member.orig_filename.replace("\\", "/") != _entry_name(member) or "\0" in member.orig_filename


def _is_system_entry(member: zipfile.ZipInfo) -> bool:
    """Whether the entry is one that a file manager adds: it is counted, and never unpacked."""
    parts = _entry_name(member).removesuffix("/").split("/")
    return not _has_other_name(member) and (
        parts[0] == "__MACOSX" or parts[-1].startswith("._") or parts[-1] in _SYSTEM_FILES
    )


def _name_problem(member: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    """The problem of a member's name; "" where it has none."""
    name = _entry_name(member).removesuffix("/")
    # zipfile cuts a name at its first null character.
    if _has_other_name(member):
        return "the name has a null character"
    if len(name) > limits.name:
        return f"the name has {len(name)} characters; at most {limits.name}"
    parts = name.split("/")
    if len(parts) > limits.depth:
        return f"the name has {len(parts)} levels; at most {limits.depth}"
    if name.startswith("/") or ".." in parts or ":" in name:
        return "the name leads out of the archive"
    for part in parts:
        if not _PATH_PART.fullmatch(part) or part.endswith((".", " ")) or part.split(".")[0].lower() in _DEVICES:
            return "an odd name; expected letters, digits and _ . + -, beginning with a letter or digit"
    return ""


def _kind_problem(member: zipfile.ZipInfo) -> str:
    """The problem of a member that is no plain file or folder; "" where it is one."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if _is_folder(member) else stat.S_IFREG):
        return "a link, a device, or no plain file"
    if member.flag_bits & _ENCRYPTED_FLAGS:
        return "it is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"compression method {member.compress_type}; expected stored or deflated"
    if _is_folder(member) and member.file_size:
        return "a folder with content"
    return ""


def _write_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    target = into / _entry_name(member)
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


class _BoundedReader:
    """A file of which no single piece may be read that is larger than the list of entries may be.

    zipfile reads that list whole, however long it says it is, and makes an object of each entry.
    """

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file, self._max_bytes = file, max(max_bytes, 2 * _BLOCK_BYTES)

    def read(self, size: int = -1) -> bytes:
        """Reads `size` bytes, or all that are left. Raises NvfairError where they are too many."""
        if 0 <= size <= self._max_bytes:
            return self._file.read(size)
        data = self._file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise NvfairError(
                f"the list of its entries has {size} bytes" if size > 0 else "it has no list of entries",
                where=_ARCHIVE,
                expected=f"at most {self._max_bytes} bytes",
                remedy=_REMEDY,
            )
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
