"""The result of one check of the preflight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
