"""Unpacking an uploaded archive within bounds."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from nvfair_tools.errors import NvfairError

MAX_FILES = 200
MAX_BYTES = 8 * 2**30
MAX_RATIO = 200  # Parquet and CSV do not shrink further than this


def unpack(zip_path: Path, into: Path) -> Path:
    """Unpacks a zip file into the fresh folder `into`. Raises NvfairError where it is none or holds
    what it must not."""
    try:
        with zipfile.ZipFile(zip_path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            _check(members, zip_path.stat().st_size)
            into.mkdir(parents=True)
            for member in members:
                target = into / member.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, open(target, "xb") as out:
                    left = member.file_size
                    while block := source.read(min(1 << 20, left + 1)):
                        left -= len(block)
                        if left < 0:
                            raise NvfairError("is larger than the archive says", where=member.filename)
                        out.write(block)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise NvfairError(
            f"cannot be unpacked: {error}", where="the upload", expected="a plain zip file, deflated, not encrypted"
        ) from error
    return into


def _check(members: list[zipfile.ZipInfo], size: int) -> None:
    total = sum(one.file_size for one in members)
    if len(members) > MAX_FILES or total > MAX_BYTES or total > MAX_RATIO * max(size, 1):
        raise NvfairError(
            f"holds {len(members)} files of {total} bytes in all",
            where="the upload",
            expected=f"at most {MAX_FILES} files of {MAX_BYTES} bytes, packed no tighter than {MAX_RATIO}:1",
        )
    for one in members:
        path = PurePosixPath(one.filename)
        kind = one.external_attr >> 28
        if path.is_absolute() or ".." in path.parts or "\\" in one.filename or ":" in one.filename:
            raise NvfairError(f"{one.filename!r} leads out of the archive", where="the upload")
        if kind not in (0, 0o10):
            raise NvfairError(f"{one.filename!r} is a link or no plain file", where="the upload")
