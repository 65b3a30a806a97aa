"""The leakage audit of a finished data set: all checks and figures, and how they are shown and stored."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.files import atomic_output
from nvfair_tools.leakage.audit_check import AuditCheck, unchecked
from nvfair_tools.leakage.column_values import file_columns, table_columns
from nvfair_tools.leakage.copies import motion_checks, picture_checks, portrait_check, questions_about
from nvfair_tools.leakage.shortcuts import ShortcutFigure, audit_shortcuts
from nvfair_tools.leakage.table_checks import audit_leakage

Progress = Callable[[int, int], None]
NOT_IN_CARD = "`nvfair dataset audit` reads the videos"


@dataclass(frozen=True)
class LeakageAudit:
    """What an audit of a data set says."""

    checks: tuple[AuditCheck, ...]
    shortcuts: tuple[ShortcutFigure, ...]

    @property
    def defects(self) -> int:
        """How many checks and figures found a defect."""
        return self._verdicts().count("DEFECT")

    @property
    def flagged(self) -> int:
        """How many figures are clearly apart from chance, defects included."""
        return sum(figure.flagged for figure in self.shortcuts)

    @property
    def unanswered(self) -> int:
        """How many checks and figures could not be made or judged."""
        return self._verdicts().count("not checked")

    def _verdicts(self) -> list[str]:
        return [check.verdict for check in self.checks] + [figure.verdict for figure in self.shortcuts]

    def to_json(self) -> dict[str, Any]:
        """The audit as JSON values; a figure that is none is null."""
        return {
            "defects": self.defects,
            "checks": [
                {
                    "question": check.question,
                    "cases": check.cases,
                    "verdict": check.verdict,
                    "explanation": check.explanation,
                    "named": [asdict(case) for case in check.named],
                }
                for check in self.checks
            ],
            "shortcuts": [
                {
                    "column": figure.column,
                    "label": figure.label,
                    "auc": _json_number(figure.auc),
                    "low": _json_number(figure.low),
                    "high": _json_number(figure.high),
                    "people": figure.people,
                    "verdict": figure.verdict,
                    "explanation": figure.unchecked,
                }
                for figure in self.shortcuts
            ],
        }

    def write_cases(self, path: Path) -> int:
        """Writes all cases as CSV (question, verdict, file, key, detail); returns their number."""
        rows = [
            (check.question, check.verdict, case.file, case.key, case.detail)
            for check in self.checks
            for case in check.named
        ]
        with atomic_output(path) as aside, open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("question", "verdict", "file", "key", "detail"))
            writer.writerows(rows)
        return len(rows)


def audit_tables(
    folder: Path,
    meta: dict[str, Any],
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    progress: Progress = lambda done, total: None,
) -> LeakageAudit:
    """The part of the audit that a card shows: by the tables and the stored landmarks, without reading a video.

    progress: a function of (done, total) for the videos whose landmarks are read.
    """
    dataset = Dataset(folder, meta, identities, videos)
    usable = videos[videos["state"] == "ok"]
    checks = [
        *audit_leakage(identities, videos),
        *motion_checks(dataset, progress),
        *(unchecked(question, NOT_IN_CARD) for question in questions_about("pictures")),
    ]
    return LeakageAudit(tuple(checks), tuple(audit_shortcuts(usable, table_columns(usable))))


def audit_dataset(
    dataset: Dataset, *, workers: int = 1, progress: Callable[[str], Progress] = lambda task: lambda done, total: None
) -> LeakageAudit:
    """The whole audit of a finished data set, by its folder alone. Nothing is written.

    workers: videos that are read at once. progress: gives a function of (done, total) for each task's name.
    Raises NvfairError where a part of the data set is missing or damaged.
    """
    usable = dataset.videos[dataset.videos["state"] == "ok"].reset_index(drop=True)
    checks = [
        *audit_leakage(dataset.identities, dataset.videos),
        portrait_check(dataset),
        *motion_checks(dataset, progress("landmarks")),
        *picture_checks(dataset, workers, progress("pictures")),
    ]
    columns = [*table_columns(usable), *file_columns(dataset.folder, usable, progress("files"))]
    return LeakageAudit(tuple(checks), tuple(audit_shortcuts(usable, columns)))


def check_rows(checks: Sequence[AuditCheck]) -> pd.DataFrame:
    """The table of checks: columns check, cases, verdict, remark."""
    rows = [(check.question, check.cases, check.verdict, check.explanation) for check in checks]
    return pd.DataFrame(rows, columns=["check", "cases", "verdict", "remark"])


def shortcut_rows(figures: Sequence[ShortcutFigure]) -> pd.DataFrame:
    """The table of shortcuts: columns column, label, AUC, interval, people, verdict, remark."""
    rows = [
        (
            figure.column,
            figure.label,
            "" if figure.auc != figure.auc else f"{round(figure.auc, 9):.3f}",
            figure.interval,
            figure.people,
            figure.verdict,
            figure.unchecked,
        )
        for figure in figures
    ]
    return pd.DataFrame(rows, columns=["column", "label", "AUC", "interval", "people", "verdict", "remark"])


def _json_number(value: float) -> float | None:
    return None if value != value else round(value, 9)
