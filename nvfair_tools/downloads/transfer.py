"""Fetching over HTTP: one file at a time, gone on with where it stopped, and never trusted before it is verified."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from nvfair_tools import __version__
from nvfair_tools.downloads.answers import error_of_status, error_of_transport, html_error
from nvfair_tools.downloads.errors import DownloadError, Stopped
from nvfair_tools.downloads.remote import Place, RemoteFile, matches
from nvfair_tools.errors import NvfairError

_LARGEST_ANSWER = 64 << 20  # bytes of a list of files
_LARGEST_ERROR = 64 << 10
_PROGRESS_BYTES = 1 << 20  # what an attempt must have brought to count as progress


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a request is repeated.

    attempts: in a row without progress. first_wait, longest_wait: seconds, doubling in between. longest_retry_after:
    seconds; a server that asks for a longer wait ends the download with a message instead.
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_retry_after: float = 900.0

    def wait(self, error: DownloadError, failures: int) -> float:
        """Seconds to wait after `failures` attempts (1, 2, ...). Raises the error where no other one is due."""
        if not error.transient or failures >= self.attempts or (error.retry_after or 0) > self.longest_retry_after:
            raise error
        if error.retry_after is not None:
            return error.retry_after
        return min(self.longest_wait, self.first_wait * 2 ** (failures - 1))


class Transfer:
    """Requests with retries. Proxies and certificates come from the usual variables (HTTPS_PROXY, SSL_CERT_FILE, ...).

    stop: set by another thread to end what is under way. seconds: how long a server may be silent.
    """

    def __init__(
        self, retries: Retries = Retries(), *, seconds: float = 60.0, stop: threading.Event | None = None
    ) -> None:
        self.stop = stop or threading.Event()
        self._retries = retries
        try:
            self._http = httpx.Client(
                follow_redirects=True,
                timeout=seconds,
                headers={"User-Agent": f"nvfair-tools/{__version__}", "Accept-Encoding": "identity"},
            )
        except (ValueError, ImportError, OSError) as error:
            text = str(error).splitlines()[0]
            raise NvfairError(f"the proxy or the certificates cannot be used: {text}", remedy="correct HTTPS_PROXY, "
                              "HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE") from error  # fmt: skip

    def __enter__(self) -> Transfer:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._http.close()

    def get_json(self, url: str) -> Any:
        """The JSON at `url`. Raises DownloadError."""
        return _parse_json(self._body("GET", url, {}, None), url)

    def post_json(self, url: str, content: Any, headers: Mapping[str, str]) -> Any:
        """The JSON that `url` answers to JSON. Raises DownloadError."""
        return _parse_json(self._body("POST", url, headers, json.dumps(content).encode()), url)

    def get_bytes(self, url: str) -> bytes:
        """The content of a small file. Raises DownloadError."""
        return self._body("GET", url, {}, None)

    def fetch(self, remote: RemoteFile, place: Place, part: Path, progress: Callable[[int], None]) -> None:
        """Brings all of a file to `part`, going on with what is there, and compares size and checksum.

        progress: called with the bytes that are there. Raises DownloadError; `part` is then kept, unless its content is
        wrong. Raises Stopped where `stop` is set.
        """
        resumed, failures = part.exists(), 0
        while True:
            before = _size(part)
            try:
                self._append(remote, place, part, progress)
            except DownloadError as error:
                if error.reason == "changed":
                    part.unlink(missing_ok=True)
                failures = 1 if _size(part) - before >= _PROGRESS_BYTES else failures + 1
                self._pause(self._retries.wait(error, failures))
                continue
            if matches(part, remote, self.stop):
                return
            part.unlink()
            if not resumed:
                raise DownloadError(
                    "changed",
                    "what arrived has another checksum than the publisher states",
                    where=place.url,
                    expected=remote.checksum,
                    remedy="run the same command again; if it stays so, the publisher has changed the file",
                )
            resumed = False  # the two halves may be of different versions: once more from the beginning

    def _append(self, remote: RemoteFile, place: Place, part: Path, progress: Callable[[int], None]) -> None:
        """Asks for what is missing of `part` and writes it. Raises DownloadError where that is not all of it."""
        start = _size(part)
        if start > remote.size:
            part.unlink()
            start = 0
        if start == remote.size and part.exists():
            return
        headers = dict(place.headers) | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with self._http.stream("GET", place.url, headers=headers) as answer:
                if answer.status_code == 416:
                    raise DownloadError("changed", "the server has no such range", where=place.url, transient=True)
                self._check(answer, place.url)
                start = _checked_start(answer, start, remote, place.url)
                self._write(answer, remote, place.url, part, start, progress)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise error_of_transport(error, place.url) from error
        if _size(part) < remote.size:
            raise DownloadError(
                "truncated",
                f"{_size(part):,} of {remote.size:,} bytes arrived",
                where=place.url,
                remedy="run the same command again: it goes on where it stopped",
                transient=True,
            )

    def _write(
        self,
        answer: httpx.Response,
        remote: RemoteFile,
        url: str,
        part: Path,
        start: int,
        progress: Callable[[int], None],
    ) -> None:
        written = start
        try:
            # Without a buffer: what arrived before the process is killed is there afterwards.
            with open(part, "r+b" if start else "wb", buffering=0) as file:
                file.seek(start)
                for block in answer.iter_bytes():  # as they come: a connection that breaks off loses none of them
                    if self.stop.is_set():
                        raise Stopped
                    if written == 0 and (page := html_error(answer, block, url)):
                        raise page
                    if written + len(block) > remote.size:
                        raise _changed_size(f"more than {remote.size:,} bytes come", remote, url)
                    file.write(block)
                    written += len(block)
                    progress(written)
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                remedy = "free some space and run the same command again: it goes on where it stopped"
                raise DownloadError("disk_full", "the disk is full", where=part.parent, remedy=remedy) from error
            raise

    def _body(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> bytes:
        failures = 0
        while True:
            try:
                return self._body_once(method, url, headers, content)
            except DownloadError as error:
                failures += 1
                self._pause(self._retries.wait(error, failures))

    def _body_once(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> bytes:
        try:
            with self._http.stream(method, url, headers=dict(headers), content=content) as answer:
                self._check(answer, url)
                body = b""
                for block in answer.iter_bytes():
                    body += block
                    if len(body) > _LARGEST_ANSWER:
                        raise DownloadError(
                            "refused", f"the answer is larger than {_LARGEST_ANSWER:,} bytes", where=url
                        )
                    if self.stop.is_set():
                        raise Stopped
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise error_of_transport(error, url) from error
        if page := html_error(answer, body, url):
            raise page
        return body

    def _check(self, answer: httpx.Response, url: str) -> None:
        """Raises DownloadError where the status of an answer says that it is none."""
        if answer.is_success:
            return
        body = b""
        for block in answer.iter_bytes():
            body += block
            if len(body) >= _LARGEST_ERROR:
                break
        if error := error_of_status(answer, body, url):
            raise error

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped


def _checked_start(answer: httpx.Response, start: int, remote: RemoteFile, url: str) -> int:
    """The byte at which the answer's content begins. Raises DownloadError where the file has another size by now."""
    if answer.status_code == 206:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", answer.headers.get("content-range", "").strip())
        if match is None or int(match[1]) != start:
            raise DownloadError("refused", "the server sends another range than it was asked for", where=url)
        if match[3] not in ("*", str(remote.size)):
            raise _changed_size(f"the server's file has {int(match[3]):,} bytes", remote, url)
        return start
    # A server that ignores ranges sends the whole file: it is written from the beginning.
    length = answer.headers.get("content-length", "")
    if length.isdigit() and int(length) != remote.size and "content-encoding" not in answer.headers:
        kind = answer.headers.get("content-type", "").lower()
        if not kind.startswith("text/html"):
            raise _changed_size(f"the server's file has {int(length):,} bytes", remote, url)
    return 0


def _changed_size(what: str, remote: RemoteFile, url: str) -> DownloadError:
    return DownloadError(
        "changed",
        what,
        where=url,
        expected=f"{remote.size:,} bytes, as the publisher states",
        remedy="run the same command again; if it stays so, the publisher has changed the file",
    )


def _parse_json(body: bytes, url: str) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise DownloadError("refused", f"the answer is no JSON: {error}", where=url, expected="JSON") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
