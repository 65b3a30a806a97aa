"""The lines that a run gives: printed at once, kept in a file, and read back for the summary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = "gpu.jsonl"

Line = dict[str, Any]


class Lines:
    """Every line of one run, in order. folder: where FILE is written, a line at a time; a run starts it anew."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self.path.write_text("")
        self.made: list[Line] = []

    def add(self, line: Line) -> None:
        """Prints a line, and keeps it should the machine go away before the run's end."""
        text = json.dumps(line)
        print(text, flush=True)
        with self.path.open("a") as stream:
            stream.write(text + "\n")
        self.made.append(line)

    def of(self, measured: str, **facts: Any) -> Iterator[Line]:
        """The lines that measured this and carry these facts."""
        for line in self.made:
            if line.get("measured") == measured and all(line.get(key) == value for key, value in facts.items()):
                yield line
