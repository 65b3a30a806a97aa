"""What a check of the leakage audit says: how many cases, which ones, and what could not be looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AuditCase:
    """One case. file: of the data set, relative to it. key: of its row: a video, clip or identity. detail: in words."""

    file: str
    key: str
    detail: str


@dataclass(frozen=True)
class AuditCheck:
    """One check of the data set.

    cases: how many were found. defect: whether a case is a defect or only a remark. named: the cases, each once.
    partial: what it could not look at, "" where it saw all. unchecked: why it could not be answered at all, "" where it
    was; then it has no cases, and is no pass either.
    """

    question: str
    cases: int
    remark: str = ""
    defect: bool = True
    named: tuple[AuditCase, ...] = ()
    unchecked: str = ""
    partial: str = ""

    @property
    def clean(self) -> bool:
        """Whether the check found no defect."""
        return self.cases == 0 or not self.defect

    @property
    def verdict(self) -> str:
        """The result in words: "ok", "DEFECT", "note" or "not checked"."""
        if self.unchecked:
            return "not checked"
        return "ok" if self.cases == 0 else "DEFECT" if self.defect else "note"

    @property
    def explanation(self) -> str:
        """Why it was not checked, or else what was not looked at, and the remark where there is a case."""
        return self.unchecked or "; ".join(filter(None, (self.remark if self.cases else "", self.partial)))


def check_of_cases(
    question: str, named: list[AuditCase], remark: str = "", *, defect: bool = True, partial: str = ""
) -> AuditCheck:
    """The check that found these cases."""
    return AuditCheck(question, len(named), remark, defect, tuple(named), partial=partial)


def unchecked(question: str, reason: str) -> AuditCheck:
    """The check that could not be made, with the reason."""
    return AuditCheck(question, 0, unchecked=reason)
