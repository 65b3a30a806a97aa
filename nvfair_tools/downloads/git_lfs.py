"""A folder of a public GitHub repository whose files are kept by Git LFS.

The tree comes from GitHub's API, each file's size and SHA-256 from its pointer, its address from the LFS batch API
(https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nvfair_tools.downloads.errors import DownloadError
from nvfair_tools.downloads.remote import Place, RemoteFile, check_file_name
from nvfair_tools.downloads.transfer import Transfer
from nvfair_tools.errors import NvfairError, Problems

_LFS_TYPE = "application/vnd.git-lfs+json"
_BATCH = 100  # objects a request, as many as git-lfs asks for
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_LARGEST_POINTER = 1024  # bytes, as the specification says


@dataclass(frozen=True)
class GitHubAddresses:
    """The servers of GitHub, or others that answer like them: its API, its files as they are, its repositories."""

    api: str = "https://api.github.com"
    raw: str = "https://raw.githubusercontent.com"
    repositories: str = "https://github.com"


@dataclass(frozen=True)
class LfsRepository:
    """The files of a repository at one commit. version: the commit. plain: names of files that Git itself keeps."""

    version: str
    files: tuple[RemoteFile, ...]
    plain: frozenset[str]
    batch_url: str
    transfer: Transfer
    batch: int = _BATCH

    def locate(self, files: Iterable[RemoteFile]) -> dict[str, Place]:
        """Asks where the contents are now; the addresses hold for minutes. Raises DownloadError.

        A file that the publisher cannot give has a place with the problem.
        """
        files = list(files)
        places = {file.name: Place(file.url) for file in files if file.name in self.plain}
        by_id = {file.checksum.partition(":")[2]: file for file in files if file.name not in self.plain}
        if not by_id:
            return places
        request = {
            "operation": "download",
            "transfers": ["basic"],
            "objects": [{"oid": oid, "size": file.size} for oid, file in by_id.items()],
        }
        headers = {"Accept": _LFS_TYPE, "Content-Type": _LFS_TYPE}
        answer = self.transfer.post_json(self.batch_url, request, headers)
        objects = answer.get("objects") if isinstance(answer, dict) else None
        by_oid = {str(entry.get("oid")): entry for entry in objects or () if isinstance(entry, dict)}
        for file in files:
            if file.name not in self.plain:
                places[file.name] = _place(by_oid.get(file.checksum.partition(":")[2], {}))
        return places


def list_repository(
    transfer: Transfer,
    repository: str,
    ref: str,
    *,
    folder: str,
    plain_files: Sequence[str],
    pattern: str,
    pointer_cache: Path,
    connections: int,
    addresses: GitHubAddresses = GitHubAddresses(),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LfsRepository:
    """Lists the files of `folder` whose names match the regular expression `pattern`, and `plain_files` at the top.

    repository: OWNER/NAME. ref: a branch, tag or commit. pointer_cache: where pointers that were read are remembered,
    which are as many requests as there are files. progress: called with the number of pointers read, and of all.

    Raises DownloadError, and Problems where the list cannot be understood.
    """
    api = f"{addresses.api.rstrip('/')}/repos/{repository}"
    commit = str(_mapping(transfer.get_json(f"{api}/commits/{quote(ref, safe='')}"), api).get("sha", ""))
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise NvfairError(f"{ref!r} is no commit of the repository", where=api)
    top = _tree(transfer, f"{api}/git/trees/{commit}")
    inner_sha = next((entry["sha"] for entry in top if entry["path"] == folder and entry["type"] == "tree"), None)
    if inner_sha is None:
        raise NvfairError(f"the repository has no folder {folder}", where=api, remedy="see whether it was reorganised")
    inner = _tree(transfer, f"{api}/git/trees/{inner_sha}")
    blobs = {f"{folder}/{entry['path']}": entry for entry in inner if re.fullmatch(pattern, entry["path"])}
    blobs |= {entry["path"]: entry for entry in top if entry["path"] in plain_files}
    if missing := [name for name in plain_files if name not in blobs]:
        raise NvfairError(f"the repository has no {', '.join(missing)}", where=api)
    raw = f"{addresses.raw.rstrip('/')}/{repository}/{commit}"
    for name in blobs:
        check_file_name(name, api)
    pointers = _read_pointers(transfer, blobs, raw, pointer_cache, connections, progress)
    files, plain = [], set()
    for name, entry in sorted(blobs.items()):
        oid, size = pointers[entry["sha"]]
        if oid:
            url = f"{addresses.repositories.rstrip('/')}/{repository}/raw/{commit}/{quote(name)}"
            files.append(RemoteFile(name, size, f"sha256:{oid}", url))
        else:
            plain.add(name)
            files.append(RemoteFile(name, size, f"git-sha1:{entry['sha']}", f"{raw}/{quote(name)}"))
    batch_url = f"{addresses.repositories.rstrip('/')}/{repository}.git/info/lfs/objects/batch"
    return LfsRepository(f"commit {commit}", tuple(files), frozenset(plain), batch_url, transfer)


def read_pointer(content: bytes) -> tuple[str, int] | None:
    """(SHA-256, size) of the file that a Git LFS pointer stands for; None where `content` is no pointer."""
    match = _POINTER.fullmatch(content)
    return (match[1].decode(), int(match[2])) if match else None


def _read_pointers(
    transfer: Transfer,
    blobs: Mapping[str, Mapping[str, Any]],
    raw: str,
    cache: Path,
    connections: int,
    progress: Callable[[int, int], None],
) -> dict[str, tuple[str, int]]:
    """{Git's id: (SHA-256, size)} of all blobs; the SHA-256 is "" where Git itself keeps the content."""
    pointers = _load_cache(cache)
    unread = {entry["sha"]: name for name, entry in blobs.items() if entry["sha"] not in pointers}
    for sha, name in list(unread.items()):
        if blobs[name]["size"] > _LARGEST_POINTER:
            pointers[sha] = ("", blobs[name]["size"])
            del unread[sha]

    def read(item: tuple[str, str]) -> tuple[str, tuple[str, int]]:
        sha, name = item
        url = f"{raw}/{quote(name)}"
        content = transfer.get_bytes(url)
        if hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() != sha:
            raise DownloadError(
                "changed", "its content is not that of the commit", where=url, expected=f"git-sha1:{sha}",
                remedy="run the same command again; a server that stands in for GitHub must send pointers, not videos",
            )  # fmt: skip
        return sha, read_pointer(content) or ("", len(content))

    total = len({entry["sha"] for entry in blobs.values()})
    done = total - len(unread)
    cache.parent.mkdir(parents=True, exist_ok=True)
    with open(cache, "a", encoding="utf-8") as file, ThreadPoolExecutor(connections) as pool:
        try:
            for sha, pointer in pool.map(read, unread.items()):
                pointers[sha] = pointer
                file.write(json.dumps([sha, *pointer]) + "\n")
                done += 1
                progress(done, total)
        except BaseException:
            transfer.stop.set()  # the requests that wait end too
            raise
    return pointers


def _load_cache(cache: Path) -> dict[str, tuple[str, int]]:
    pointers = {}
    if cache.exists():
        for line in cache.read_text(encoding="utf-8").splitlines():
            try:
                sha, oid, size = json.loads(line)
                pointers[str(sha)] = (str(oid), int(size))
            except (ValueError, TypeError):  # the line that an interruption cut
                continue
    return pointers


def _tree(transfer: Transfer, url: str) -> list[dict[str, Any]]:
    """The entries of one folder: path, type, sha and, of files, size."""
    content = _mapping(transfer.get_json(url), url)
    if content.get("truncated"):
        raise NvfairError("GitHub lists only a part of the folder's files", where=url)
    entries = content.get("tree")
    if not isinstance(entries, list):
        raise NvfairError("the answer has no tree", where=url)
    problems = []
    for number, entry in enumerate(entries):
        good = isinstance(entry, dict) and isinstance(entry.get("path"), str) and entry.get("type")
        good = good and re.fullmatch(r"[0-9a-f]{40}", str(entry.get("sha")))
        if not good or (entry["type"] == "blob" and not isinstance(entry.get("size"), int)):
            problems.append(f"tree.{number} has no path, type, sha or size")
    if problems:
        raise Problems(url, problems)
    return entries


def _mapping(content: Any, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise NvfairError("the answer is no mapping", where=where)
    return content


def _place(entry: Mapping[str, Any]) -> Place:
    """Where the batch API says that an object is, or what it says instead."""
    try:
        action = entry["actions"]["download"]
        return Place(str(action["href"]), {str(key): str(value) for key, value in action.get("header", {}).items()})
    except (KeyError, TypeError, AttributeError):
        error = entry.get("error")
        error = error if isinstance(error, dict) else {}
        return Place("", problem=f"{error.get('message', 'no address')} (code {error.get('code', 'not stated')})")
