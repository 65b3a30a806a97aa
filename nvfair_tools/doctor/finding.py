"""What an examination of the machine says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "error"]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "error")


@dataclass(frozen=True)
class MachineFinding:
    """What was seen of one thing.

    level: an "error" stops what the installed extras are for; a "warning" will be in the way sooner or later; a "note"
    says what is not there and need not be. topic: what was looked at. remedy: what to do, "" where nothing.
    """

    level: Level
    topic: str
    message: str
    remedy: str = ""
