"""A record of Zenodo as a list of files (https://developers.zenodo.org, the public records API)."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from nvfair_tools.downloads.remote import Place, RemoteFile, check_checksum, check_file_name
from nvfair_tools.downloads.transfer import Transfer
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text

ADDRESS = "https://zenodo.org"


@dataclass(frozen=True)
class ZenodoRecord:
    """The files of a record. version: its number and revision."""

    version: str
    files: tuple[RemoteFile, ...]
    batch: int = 1_000

    def locate(self, files: Iterable[RemoteFile]) -> dict[str, Place]:
        """Returns {name: place}: the addresses that the record lists."""
        return {file.name: Place(file.url) for file in files}


def list_record(transfer: Transfer, record: str, patterns: Sequence[str], address: str = ADDRESS) -> ZenodoRecord:
    """Lists the files of a record whose names match one of `patterns` (shell patterns; none: all).

    address: of Zenodo, or of a server that answers like it. Raises DownloadError, and Problems where the list cannot be
    understood.
    """
    where = f"{address.rstrip('/')}/api/records/{record}"
    content = transfer.get_json(where)
    entries = content.get("files") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise NvfairError("the record lists no file", where=where, remedy="it may be closed: open it in a browser")
    files: list[RemoteFile] = []
    problems: list[str] = []
    for number, entry in enumerate(entries):
        try:
            file = _file(entry, number, where, address)
        except NvfairError as error:
            problems.append(error.what)
            continue
        if not patterns or any(fnmatch.fnmatchcase(file.name, pattern) for pattern in patterns):
            files.append(file)
    if repeated := sorted({file.name for file in files if sum(other.name == file.name for other in files) > 1}):
        problems.append(f"{', '.join(repeated)} stand in it twice")
    if problems:
        raise Problems(where, problems)
    if not files:
        raise NvfairError(f"none of its {count_text(len(entries), 'file')} matches {', '.join(patterns)}", where=where)
    return ZenodoRecord(f"record {record}, revision {content.get('revision', '?')}", tuple(files))


def _file(entry: Any, number: int, where: str, address: str) -> RemoteFile:
    if not isinstance(entry, dict):
        raise NvfairError(f"files.{number} is no mapping", where=where)
    name = check_file_name(str(entry.get("key", "")), where)
    size = entry.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise NvfairError(f"{name}: size {size!r} is no number of bytes", where=where)
    links = entry.get("links")
    path = urlsplit(str(links.get("self", ""))).path if isinstance(links, dict) else ""
    if not path:
        path = f"{urlsplit(where).path}/files/{quote(name)}/content"
    # The path alone is taken from the list, so that another `address` serves the files too.
    parts = urlsplit(address)
    return RemoteFile(name, size, check_checksum(entry.get("checksum"), f"{where}: {name}"),
                      f"{parts.scheme}://{parts.netloc}{path}")  # fmt: skip
