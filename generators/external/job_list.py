"""Many jobs in one file, for tools that read a list and then write all videos.

Legend: the file is JSON lines or CSV, one job a line, with `portrait`, `clip`, `out` and `frames`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from generators.errors import GeneratorError
from generators.external.job import FileJob

FORMATS = ("json", "csv")
_COLUMNS = ("portrait", "clip", "out", "frames")


def write_jobs(jobs: Sequence[FileJob], path: Path, form: str) -> None:
    """Writes the jobs to a file. form: one of FORMATS."""
    rows = [
        {"portrait": str(job.portrait), "clip": str(job.clip), "out": str(job.out), "frames": job.frames}
        for job in jobs
    ]
    if form == "json":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def check_format(form: str) -> str:
    """The format itself. Raises GeneratorError where it is none of FORMATS."""
    if form not in FORMATS:
        raise GeneratorError(f"list_format is {form!r}; expected one of {', '.join(FORMATS)}")
    return form
