"""`--dry-run` of a command that writes: everything is checked as always, what would be written is said, nothing is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
NOTHING = "nothing was written: leave --dry-run out to do it"


@dataclass(frozen=True)
class Output:
    """What a command would write at a path, in words. bytes: about so many; None where that is not known before."""

    path: Path
    what: str
    bytes: int | None = None

    def __str__(self) -> str:
        from nvfair_tools.quantities import size_text

        size = "" if self.bytes is None else f", about {size_text(self.bytes)}"
        replaced = "; it replaces the file that is there" if self.path.is_file() else ""
        return f"would write {self.path}: {self.what}{size}{replaced}"


def dry_run_option(command: Command) -> Command:
    """Adds --dry-run to a command, which receives it as `dry_run`."""
    text = "Check everything, say what would be written, and write nothing."
    return click.option("--dry-run", is_flag=True, help=text)(command)


def would_write(outputs: Iterable[Output], **facts: Any) -> dict[str, Any]:
    """Says what a command would write, and returns it as the content of its answer, beside `facts`."""
    listed = list(outputs)
    for output in listed:
        click.echo(str(output))
    click.echo(NOTHING)
    return {**facts, "dry_run": True, "would_write": [vars(output) for output in listed]}
