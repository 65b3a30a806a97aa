"""Submissions as zip files: packed so that equal content gives equal bytes, unpacked within bounds.

What is unpacked comes from strangers. Everything that the archive says of itself is checked before a file is written,
and what it really holds is counted while it is; after a refusal nothing is left behind.
"""

from __future__ import annotations

import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from leaderboard.submission.submission import DECLARATION_FILE, inner_file, named_files, read_submission
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output, make_folder

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_BLOCK = 1 << 20
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UNIX = 3
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]*")
# Names that Windows opens as devices, whatever their suffix.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_WHOLE = "pack it with `nvfair submit pack FOLDER OUT.zip`"


@dataclass(frozen=True)
class ArchiveLimits:
    """Bounds of an archive. ratio: unpacked bytes for each packed one, asked of archives that unpack to more than
    `small` bytes; directory: bytes of the list of its entries, which is read before anything can be counted."""

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
    with atomic_output(out) as aside, zipfile.ZipFile(aside, "w") as archive:
        for name, path in paths.items():
            about = zipfile.ZipInfo(name, _EPOCH)
            about.create_system, about.external_attr = _UNIX, (stat.S_IFREG | 0o644) << 16
            # Parquet is compressed already.
            about.compress_type = zipfile.ZIP_STORED if name.endswith((".parquet", ".zip")) else zipfile.ZIP_DEFLATED
            about.file_size = path.stat().st_size
            with open(path, "rb") as source, archive.open(about, "w") as target:
                shutil.copyfileobj(source, target, _BLOCK)
    return out


def unpack(zip_path: Path, into: Path, limits: ArchiveLimits = ArchiveLimits()) -> Path:
    """Unpacks `zip_path` to the folder `into`, which must not be there yet; returns the folder that holds the
    declaration: `into`, or the one folder that the archive consists of, as file managers make them.

    Memory is bounded whatever the archive says. Raises Problems with everything that is wrong with its entries, or
    NvfairError where it cannot be read; `into` is then not there.
    """
    if into.exists():
        raise NvfairError("it is there already", where=into, expected="a folder that does not exist yet")
    try:
        with open(zip_path, "rb") as raw, zipfile.ZipFile(cast("IO[bytes]", _Reader(raw, limits.directory))) as archive:
            members = archive.infolist()
            found = list(_problems(members, zip_path.stat().st_size, limits))
            if found:
                raise Problems("the archive", found, remedy=_WHOLE)
            into.mkdir(parents=True)
            for member in members:
                if not member.is_dir():
                    _write(archive, member, into)
    except NvfairError:
        _remove(into)
        raise
    except _DAMAGED as error:
        _remove(into)
        told = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise NvfairError(
            f"cannot be unpacked: {told}", where="the archive", expected="a whole, plain zip file", remedy=_WHOLE
        ) from error
    except BaseException:
        _remove(into)
        raise
    return _root(into)


# What zipfile and zlib raise for damaged archives; zipfile reads some fields without looking at them.
_DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError,
    ValueError, OverflowError, KeyError, IndexError, MemoryError,
)  # fmt: skip


def _problems(members: list[zipfile.ZipInfo], packed: int, limits: ArchiveLimits) -> Iterator[str]:
    total = sum(one.file_size for one in members)
    if len(members) > limits.files:
        yield f"{len(members)} files; at most {limits.files}"
    if total > limits.total:
        yield f"it would unpack to {total} bytes; at most {limits.total}"
    if total > limits.small and total > limits.ratio * packed:
        yield f"{packed} bytes would unpack to {total}: more than {limits.ratio} times as many"
    seen: dict[str, str] = {}
    files = {_folded(one.filename) for one in members if not one.is_dir()}
    for one in members[: limits.files]:
        name = quoted(one.orig_filename)
        if wrong := _name_problem(one, limits):
            yield f"{name}: {wrong}"
        if wrong := _kind_problem(one):
            yield f"{name}: {wrong}"
        folded = _folded(one.filename)
        if folded in seen:
            yield f"{name}: the same name as {seen[folded]}, or the same but for upper and lower case"
        seen[folded] = name
        parents = folded.split("/")[:-1]
        if any("/".join(parents[:n]) in files for n in range(1, len(parents) + 1)):
            yield f"{name}: lies in what is a file by another entry"


def _name_problem(one: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    name = one.filename.removesuffix("/") if one.is_dir() else one.filename
    # zipfile cuts a name at its first null character, and turns the separators of other systems round.
    if one.orig_filename != one.filename or "\\" in one.orig_filename or "\0" in one.orig_filename:
        return "the name has a null character or a backslash"
    if len(name) > limits.name:
        return f"the name has {len(name)} characters; at most {limits.name}"
    parts = name.split("/")
    if len(parts) > limits.depth:
        return f"the name has {len(parts)} levels; at most {limits.depth}"
    if name.startswith("/") or ".." in parts or ":" in name:
        return "the name leads out of the archive"
    for part in parts:
        if not _PART.fullmatch(part) or part.endswith((".", " ")) or part.split(".")[0].lower() in _DEVICES:
            return "an odd name; expected letters, digits and _ . + -, beginning with a letter or digit"
    return ""


def _kind_problem(one: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(one.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if one.is_dir() else stat.S_IFREG):
        return "a link, a device, or no plain file"
    if one.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"compression method {one.compress_type}; expected stored or deflated"
    if one.is_dir() and one.file_size:
        return "a folder with content"
    return ""


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    target = into / member.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    left = member.file_size
    with archive.open(member) as source, open(target, "xb") as out:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise NvfairError("it holds more than the archive says", where=quoted(member.filename), remedy=_WHOLE)
            out.write(block)
    if left:
        raise NvfairError(
            f"it holds {left} bytes less than the archive says", where=quoted(member.filename), remedy=_WHOLE
        )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().removesuffix("/")


def _root(folder: Path) -> Path:
    inside = list(folder.iterdir())
    if not (folder / DECLARATION_FILE).exists() and len(inside) == 1 and inside[0].is_dir():
        return inside[0]
    return folder


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


class _Reader:
    """A file of which no single piece may be read that is larger than the list of entries may be: zipfile reads that
    list whole, however long it says it is, and makes an object of each entry."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most = file, max(most, 2 * _BLOCK)

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._most:
            data = self._file.read(self._most + 1)
            if len(data) > self._most:
                raise NvfairError(
                    f"the list of its entries has {size} bytes" if size > 0 else "it has no list of entries",
                    where="the archive",
                    expected=f"at most {self._most} bytes",
                    remedy=_WHOLE,
                )
            return data
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
