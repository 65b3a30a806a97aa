"""The hash of every listed file's content, from which the ids of clips follow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from nvfair_tools.curate.clip_checks.revoked_clips import REVOKED
from nvfair_tools.curate.session import Session
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.tombstones import RevokedPeople
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.items import ItemResult, failed, item_id, ok, rejected


def content_digests(
    session: Session,
    files: Mapping[str, Path],
    owners: Mapping[str, str] | None = None,
    revoked: RevokedPeople | None = None,
) -> dict[str, ItemResult]:
    """Hashes the content of files; returns {key: result with the fact sha256}. files: {key: path}.

    A file is read again only where its size or its time of change differs from that of an earlier run. owners: {key:
    identity}, where a file is one person's. revoked: people whose files are rejected, with the fact person (their
    number) in place of a hash.
    """
    paths: dict[str, Path] = {}
    ids: dict[str, str] = {}
    for key, path in files.items():
        try:
            stat = path.stat()
            size_and_time = [stat.st_size, stat.st_mtime_ns]
        except OSError:
            size_and_time = []
        ids[key] = item_id("file", path=str(path), seen=size_and_time)
        paths[ids[key]] = path
    session.runner.link_people((owner, "read", ids[key]) for key, owner in (owners or {}).items())
    # Reading is limited by the disk, so more processes would not be faster.
    worker = partial(DigestWorker, revoked)
    results = session.runner.run_items("read", worker, paths, engine=LocalEngine(0))
    return {key: results[id] for key, id in ids.items()}


class DigestWorker:
    """Computes the hash of files' content; files of people who have withdrawn are rejected."""

    def __init__(self, revoked: RevokedPeople | None = None) -> None:
        self._revoked = revoked

    def run(self, path: Path) -> ItemResult:
        """Hashes one file. facts: sha256 of its content."""
        if not os.path.isfile(path):  # unlike Path.is_file, no error for a name that is too long
            return failed("missing_file", "there is no such file", retryable=True)
        digest = sha256_of(path)
        person = self._revoked.number_of_content(digest) if self._revoked is not None else None
        return ok(sha256=digest) if person is None else rejected(REVOKED, person=person)
