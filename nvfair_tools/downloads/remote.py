"""A file that a collection's publisher offers, with its size and checksum, and how a copy of it is checked."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from nvfair_tools.downloads.errors import Stopped
from nvfair_tools.errors import NvfairError
from nvfair_tools.identity import is_reserved_name

_BLOCK_BYTES = 1 << 20
_DIGEST_LENGTHS = {"md5": 32, "sha256": 64, "git-sha1": 40}


@dataclass(frozen=True)
class RemoteFile:
    """One published file. name: its path in the folder, with "/". size: bytes. checksum: "md5:...", "sha256:..." or
    "git-sha1:..." (Git's id of the content). url: for a person who fetches it by hand."""

    name: str
    size: int
    checksum: str
    url: str

    @property
    def is_archive(self) -> bool:
        """Whether it is a zip file, which is unpacked."""
        return self.name.lower().endswith(".zip")


@dataclass(frozen=True)
class Place:
    """The address from which a file can be fetched now, and the headers that the request needs.

    problem: what the publisher says where it does not give the file; "" where it does.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class Listing(Protocol):
    """All files of a collection, and where each can be fetched.

    version: what the publisher calls this state of the collection. batch: for how many files `locate` is called.
    """

    @property
    def version(self) -> str: ...

    @property
    def batch(self) -> int: ...

    @property
    def files(self) -> tuple[RemoteFile, ...]: ...

    def locate(self, files: Iterable[RemoteFile]) -> dict[str, Place]:
        """Returns {name: place}. Raises DownloadError where the publisher does not answer."""
        ...


def check_file_name(name: str, where: object) -> str:
    """Returns a published name that is safe as a path in a folder. Raises NvfairError for any other."""
    parts = PurePosixPath(name).parts
    problem = ""
    if not name or name.startswith("/") or name.endswith("/") or "\\" in name or ":" in name:
        problem = "it is no plain relative path"
    elif any(part in (".", "..") for part in name.split("/")) or "//" in name:
        problem = "it leaves its folder"
    elif any(ord(sign) < 32 or ord(sign) == 127 for sign in name):
        problem = "it has control characters"
    elif any(is_reserved_name(part) or part.endswith((".", " ")) for part in parts):
        problem = "Windows has no such file name"
    elif any(len(part.encode()) > 255 for part in parts):
        problem = "it is longer than 255 bytes"
    elif parts[0].startswith("."):
        problem = "it is hidden"
    if problem:
        raise NvfairError(f"the file name {name!r} is refused: {problem}", where=where)
    return name


def check_checksum(text: object, where: object) -> str:
    """Returns a checksum "kind:hex" in lower case. Raises NvfairError for a kind that is not known, or no checksum."""
    kind, _, digest = str(text).partition(":")
    if len(digest) != _DIGEST_LENGTHS.get(kind) or not re.fullmatch(r"[0-9a-fA-F]+", digest):
        raise NvfairError(
            f"the checksum {text!r} cannot be used", where=where, expected=f"one of {', '.join(_DIGEST_LENGTHS)}"
        )
    return f"{kind}:{digest.lower()}"


def checksum_of(path: Path, kind: str, stop: threading.Event | None = None) -> str:
    """The checksum of a file on disk, as "kind:hex". Raises Stopped where `stop` is set meanwhile."""
    digest: Any
    if kind == "git-sha1":
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    else:
        digest = hashlib.new(kind, usedforsecurity=False)
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK_BYTES), b""):
            digest.update(block)
            if stop is not None and stop.is_set():
                raise Stopped
    return f"{kind}:{digest.hexdigest()}"


def matches(path: Path, remote: RemoteFile, stop: threading.Event | None = None) -> bool:
    """Whether the file at `path` has the published size and checksum."""
    return (
        path.is_file()
        and path.stat().st_size == remote.size
        and checksum_of(path, remote.checksum.partition(":")[0], stop) == remote.checksum
    )
