"""The results of the checks before a build."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal

import pandas as pd


@dataclass(frozen=True)
class Finding:
    """The result of one check. level: an "error" stops a build, a "warning" is worth a thought. remedy: how to correct
    it, "" where it is ok or the message says it."""

    level: Literal["ok", "warning", "error"]
    topic: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.topic}: {self.message}" + (f"\n  to fix it: {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, repr=False)
class CheckReport:
    """All findings of a preflight; a notebook shows them as a table."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found that would stop a build."""
        return not self.at_level("error")

    def at_level(self, level: Literal["ok", "warning", "error"]) -> list[Finding]:
        """The findings of one level, in the order of the checks."""
        return [finding for finding in self.findings if finding.level == level]

    def __repr__(self) -> str:
        return "\n".join([self._title(), *(f"{finding.level:>8}  {finding}" for finding in self.findings)])

    def _repr_html_(self) -> str:
        table = pd.DataFrame(
            [vars(finding) for finding in self.findings], columns=["level", "topic", "message", "remedy"]
        )
        with pd.option_context("display.max_colwidth", None):
            return f"<p>{html.escape(self._title())}</p>{table.to_html(index=False)}"

    def _title(self) -> str:
        errors, warnings = len(self.at_level("error")), len(self.at_level("warning"))
        verdict = "The recipe can be built" if self.passed else "The recipe cannot be built yet"
        return f"{verdict}: {errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
