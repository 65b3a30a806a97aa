"""Judging a server's answer: what a status, a header or a body that is not the file means for the user."""

from __future__ import annotations

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from nvfair_tools.downloads.errors import DownloadError

_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))
_HTML = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html)", re.IGNORECASE | re.DOTALL)
_QUOTA = re.compile(rb"over its (data )?quota|bandwidth limit|lfs budget|exceeded its LFS", re.IGNORECASE)
_LONGEST_QUOTE = 200


def error_of_status(answer: httpx.Response, body: bytes, url: str) -> DownloadError | None:
    """The error that an answer's status means; None where it is a success. body: its first bytes, if it is an error."""
    status = answer.status_code
    if answer.is_success:
        return None
    quote = _quoted(body)
    if status == 509 or _QUOTA.search(body):
        return DownloadError(
            "quota_exceeded",
            f"the publisher's download quota is used up{quote}",
            where=url,
            remedy="run the same command again in a few days: what has arrived is kept",
        )
    if status in _TRANSIENT or (status == 403 and _is_rate_limit(answer)):
        limited = status in (403, 429)
        return DownloadError(
            "rate_limited" if limited else "server_error",
            f"the server answers {status} {answer.reason_phrase}".rstrip() + quote,
            where=url,
            remedy="run the same command again later: what has arrived is kept",
            transient=True,
            retry_after=_retry_after(answer),
        )
    if status in (404, 410):
        return DownloadError(
            "not_found",
            f"the server has no such file ({status})",
            where=url,
            remedy="see whether the publisher moved it",
        )
    if status in (401, 403, 407, 451):
        return DownloadError(
            "forbidden",
            f"the server or a proxy refuses it ({status}){quote}",
            where=url,
            remedy="open the address in a browser; behind a proxy, set HTTPS_PROXY",
        )
    return DownloadError("refused", f"the server answers {status} {answer.reason_phrase}".rstrip() + quote, where=url)


def html_error(answer: httpx.Response, head: bytes, url: str) -> DownloadError | None:
    """The error where a page has come in place of a file; None where nothing speaks for it. head: its first bytes."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("text/html", "application/xhtml+xml") and not _HTML.match(head):
        return None
    title = re.search(rb"<title[^>]*>(.*?)</title>", head, re.IGNORECASE | re.DOTALL)
    return DownloadError(
        "html_page",
        "a web page came in place of the file" + (_quoted(title[1].strip()) if title else ""),
        where=url,
        expected="the file itself",
        remedy="open the address in a browser: a network's sign-in page, a proxy or the publisher's site is in between",
    )


def error_of_transport(error: httpx.HTTPError | httpx.InvalidURL, url: str) -> DownloadError:
    """The error for a request that got no whole answer."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    if "CERTIFICATE_VERIFY_FAILED" in text:
        remedy = "set SSL_CERT_FILE to the certificates of your network's proxy, or ask who runs the network"
        return DownloadError("no_network", f"the server's certificate is not trusted: {text}", where=url, remedy=remedy)
    if isinstance(error, httpx.ProxyError):
        remedy = "correct HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or NO_PROXY"
        return DownloadError("no_network", f"the proxy gave no connection: {text}", where=url, remedy=remedy)
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects)):
        return DownloadError("refused", f"the address cannot be used: {text}", where=url)
    if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.ReadTimeout)):
        return DownloadError(
            "truncated",
            f"the connection ended before the file did: {text}",
            where=url,
            remedy="run the same command again: it goes on where it stopped",
            transient=True,
        )
    return DownloadError("no_network", f"no connection: {text}", where=url, transient=True)


def _is_rate_limit(answer: httpx.Response) -> bool:
    return "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds to wait, from Retry-After (seconds, or a date) or GitHub's and Zenodo's time of reset."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    if text:
        try:
            date = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - time.time())
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and re.fullmatch(r"\d{1,12}", reset):
        return max(0.0, float(reset) - time.time()) if len(reset) >= 9 else float(reset)
    return None


def _quoted(text: bytes) -> str:
    """The first words of a body, for a message; nothing where it is a page or has no text."""
    if _HTML.match(text):
        return ""
    words = " ".join(text.decode("utf-8", "replace").split())[:_LONGEST_QUOTE]
    return f": {words!r}" if words else ""
