"""What is wrong with a file of a data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong with one file. file: its path, relative to the data set. what: a clause about it."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"
