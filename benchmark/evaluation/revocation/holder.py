"""Checkpoints, enrolments, embeddings, scores, reports and bundles as a holder of data derived from people.

Files are recognised by what they hold. Rows of the person leave tables; texts name `revoked:...` in place of the
person; checkpoints that have seen the person are put out of use. Enrolments of the person are revoked, and calibrations
from the person's trials deleted. Bundles and packed submissions are deleted, because
their figures cannot be recomputed without the rows; so are pages and pictures of reports, and of static copies of a
leaderboard, that may show the person.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date as Day
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from benchmark.evaluation.revocation.rows import TABLE_SUFFIXES, TEXT_SUFFIXES, RowRemover
from benchmark.methods.quarantine import RECORD_FILE, Choice, has_seen, pseudonym, quarantine
from benchmark.verification.calibration import SUFFIX as CALIBRATION_SUFFIX
from benchmark.verification.calibration import Calibration
from benchmark.verification.enrolment import SUFFIX as ENROLMENT_SUFFIX
from benchmark.verification.enrolment import Enrolment, revoke_enrolment
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import remove_partial_outputs
from nvfair_tools.governance.curator_key import CuratorKey
from nvfair_tools.governance.revocation import Finding, Trace, unwritable
from nvfair_tools.governance.search.folders import search_folders
from nvfair_tools.governance.search.patterns import Patterns

_PICTURE_SUFFIXES = frozenset((".html", ".png", ".jpg", ".jpeg", ".webp", ".svg", ".gif"))
# By these a report, or the static copy of a leaderboard, is known.
_RESULTS, _BOARD = "results.json", "board.json"
_AGAIN = "deleted: evaluate, or export, again"
_NO_NAME = "revoked:person"
_Loadable = TypeVar("_Loadable", Enrolment, Calibration)


@dataclass(frozen=True)
class BenchmarkHolder:
    """A folder of what methods have made. skipped: folders in it that another holder answers for."""

    place: Path
    choice: Choice = "retrain"
    skipped: tuple[Path, ...] = ()
    kind: str = "benchmark"

    def trace(self, trace: Trace) -> Trace:
        """The trace as it is: these files hold no hash that the data set does not know."""
        return trace

    def find(self, trace: Trace) -> list[Finding]:
        """Checkpoints that have seen the person, rows of tables, texts, bundles and reports."""
        remover = RowRemover(trace, _NO_NAME)
        checkpoints = sum(has_seen(folder, trace.identity) for folder in self._checkpoints())
        tables = {path: count for path in self._files(TABLE_SUFFIXES) if (count := _count(remover, path))}
        texts = [path for path in self._files(TEXT_SUFFIXES) if _count(remover, path)]
        action = "put out of use: train again" if self.choice == "retrain" else "put out of use, weights deleted"
        findings = [
            Finding("checkpoints that have seen the person", checkpoints, action),
            Finding("enrolments", len(self._enrolments(trace)), "deleted, and listed as revoked"),
            Finding("calibrations", len(self._calibrations(trace)), "deleted: calibrate again"),
            Finding("rows of embeddings, scores and evidence", sum(tables.values()), "files written anew without them"),
            Finding("texts that name the person", len(texts), "named revoked:... there"),
            Finding("bundles and packed submissions", len(self._archives(trace)), "deleted: pack them again"),
            Finding("pages and pictures of reports and boards", len(self._pictures(trace)), _AGAIN),
        ]
        return [finding for finding in findings if finding.count]

    def obstacles(self, trace: Trace, key: CuratorKey) -> Iterator[str]:
        """Folders of files that go or are written anew in which nothing can be written."""
        remover = RowRemover(trace, _NO_NAME)
        changed = [folder / RECORD_FILE for folder in self._checkpoints() if has_seen(folder, trace.identity)]
        changed += [*self._enrolments(trace), *self._calibrations(trace), *self._archives(trace)]
        changed += self._pictures(trace)
        changed += [path for path in self._files(TABLE_SUFFIXES | TEXT_SUFFIXES) if _count(remover, path)]
        yield from unwritable(path.parent for path in changed)

    def remove(self, trace: Trace, key: CuratorKey, date: str) -> None:
        """Removes all of it; checkpoints first, since their records name the people by whom they are recognised."""
        remove_partial_outputs(self.place)
        name = pseudonym(key, trace.identity)
        remover = RowRemover(trace, name)
        for folder in list(self._checkpoints()):
            if has_seen(folder, trace.identity):
                quarantine(folder, trace.identity, name, self.choice, date)
        for path in self._enrolments(trace):
            revoke_enrolment(path, on=Day.fromisoformat(date))
        for path in [*self._calibrations(trace), *self._archives(trace), *self._pictures(trace)]:
            path.unlink()
        for path in list(self._files(TABLE_SUFFIXES | TEXT_SUFFIXES)):
            if _count(remover, path):
                remover.remove(path)

    def _files(self, suffixes: frozenset[str]) -> Iterator[Path]:
        for path in sorted(self.place.rglob("*")):
            is_skipped = any(path.is_relative_to(folder) for folder in self.skipped)
            if not is_skipped and path.suffix.lower() in suffixes and path.is_file() and not path.is_symlink():
                yield path

    def _checkpoints(self) -> Iterator[Path]:
        return (path.parent for path in self._files(frozenset((".json",))) if path.name == RECORD_FILE)

    def _enrolments(self, trace: Trace) -> list[Path]:
        """Files in which the person is enrolled."""
        return [
            path
            for path in self._files(frozenset((ENROLMENT_SUFFIX,)))
            if (enrolment := _loaded(Enrolment, path)) is not None and enrolment.person == trace.identity
        ]

    def _calibrations(self, trace: Trace) -> list[Path]:
        """Calibrations that hold trials of the person."""
        return [
            path
            for path in self._files(frozenset((CALIBRATION_SUFFIX,)))
            if (calibration := _loaded(Calibration, path)) is not None and trace.identity in calibration.people
        ]

    def _archives(self, trace: Trace) -> list[Path]:
        """Zip files in which anything of the person is found."""
        patterns = Patterns.of(trace)
        return [
            path
            for path in self._files(frozenset((".zip",)))
            if zipfile.is_zipfile(path) and search_folders([path], patterns).left
        ]

    def _pictures(self, trace: Trace) -> list[Path]:
        """Pages and pictures of the reports and static boards of which any file names the person."""
        patterns = Patterns.of(trace)
        reports = [path.parent for path in self._files(frozenset((".json",))) if path.name in (_RESULTS, _BOARD)]
        return [
            path
            for report in reports
            if search_folders([report], patterns).left
            for path in sorted(report.rglob("*"))
            if path.suffix.lower() in _PICTURE_SUFFIXES
        ]


def _loaded(kind: type[_Loadable], path: Path) -> _Loadable | None:
    """The content of a file; None where it is not whole, so that the search at the end says what is in its bytes."""
    try:
        return kind.load(path)
    except NvfairError:
        return None


def _count(remover: RowRemover, path: Path) -> int:
    """How much of a file is the person's; nothing of one that is no table although its name says so."""
    try:
        return remover.count(path)
    except (pa.ArrowException, ValueError, NvfairError):
        return 0  # the search at the end reads its bytes, and says what is in them
