"""Why a file could not be downloaded: each error has a reason that can be counted, and says what to do."""

from __future__ import annotations

from nvfair_tools.errors import NvfairError

# Reasons after which no other file would fare better: the whole download stops.
_STOPPING_REASONS = frozenset(("no_network", "quota_exceeded", "rate_limited", "disk_full", "html_page"))


class DownloadError(NvfairError):
    """A file, or a list of files, that could not be downloaded.

    reason: one word to count by. transient: the same request may succeed in a moment. retry_after: seconds that the
    server asks to wait before that, None where it does not say.
    """

    def __init__(
        self,
        reason: str,
        what: str,
        *,
        where: object = "",
        expected: str = "",
        remedy: str = "",
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, where=where, expected=expected, remedy=remedy)
        self.reason, self.transient, self.retry_after = reason, transient, retry_after

    @property
    def stops_all(self) -> bool:
        """Whether the other files would fail for the same reason."""
        return self.reason in _STOPPING_REASONS


class Stopped(Exception):
    """The download was asked to stop; what has arrived is kept."""
