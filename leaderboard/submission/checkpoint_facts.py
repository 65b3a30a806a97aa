"""What a checkpoint knows of its training, in a submission: filled in, and compared with what is declared.

`nvfair embed` writes the checkpoint's own record of people and generators into a file of embeddings. An author who
declares something else by mistake is told; one who takes the record out of the file is not found so.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.methods.declaration import ROLES, Declaration, parse_declaration
from leaderboard.submission.parquet_rows import read_statement
from leaderboard.submission.row_file import is_csv
from leaderboard.submission.submission import DECLARATION_FILE, DECLARATION_TEMPLATE, Entry, Submission
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text
from nvfair_tools.unique_keys import load_unique_json

# A line of the template: indentation, key, value, comment.
_LINE = re.compile(r"(?P<before> *(?:- )?)(?P<key>\w+): (?P<value>.*?)(?P<comment> +#.*)?")
_WIDTH = 110
_LISTED = 5
_REMEDY = "`nvfair submit init FOLDER --checkpoint RUN` writes what a checkpoint knows"


def create_declaration(folder: Path, checkpoint: str | Path | None = None) -> Path:
    """Writes a submission.yaml to fill in to `folder`; returns its path.

    checkpoint: a checkpoint's folder, or "pretrained:NAME", whose record fills in its name, its size, and the people
    and generators that it has seen. Raises NvfairError where there is a submission.yaml already, and where there is no
    such checkpoint.
    """
    path, text = planned_declaration(folder, checkpoint)
    write_text(path, text)
    return path


def planned_declaration(folder: Path, checkpoint: str | Path | None = None) -> tuple[Path, str]:
    """The path and the text that `create_declaration` writes. Raises what it raises."""
    path = folder / DECLARATION_FILE
    if path.exists():
        raise NvfairError("there is one already", where=path, remedy="fill it in, or choose another folder")
    return path, _filled({} if checkpoint is None else _values_of(checkpoint))


def training_of(declaration: Declaration) -> dict[str, Any]:
    """The key `training` of a submission of a method with this declaration, without `data`."""
    name = declaration.data.get("name")
    roles = {role: getattr(declaration, role).to_json() for role in ROLES if role != "training"}
    return {"datasets": [name] if name else "unknown", **declaration.training.to_json(), **roles}


def _values_of(checkpoint: str | Path) -> dict[str, Any]:
    """What a checkpoint knows, by the template's keys."""
    from benchmark.methods.checkpoint import load_checkpoint

    method = load_checkpoint(checkpoint)
    return {
        "method": method.name,
        "parameters": method.describe()["parameters"],
        **training_of(method.declaration),
        "trained_on_generators": sorted(method.declaration.training.generators or ()),
    }


def _filled(values: Mapping[str, Any]) -> str:
    """The template with other values; JSON is YAML."""
    lines = []
    for line in DECLARATION_TEMPLATE.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match["key"] not in values:
            lines.append(line)
            continue
        text = json.dumps(values[match["key"]], ensure_ascii=False)
        filled = f"{match['before']}{match['key']}: {text}"
        comment = (match["comment"] or "").strip()
        indentation = " " * (len(match["before"]) + 2)
        if comment:
            lines.append(f"{' ' * len(match['before'])}{comment}")
        lines += textwrap.wrap(
            filled, _WIDTH, subsequent_indent=indentation, break_long_words=False, break_on_hyphens=False
        )
    return "\n".join(lines) + "\n"


def statement_problems(path: Path, number: int, entry: Entry, submission: Submission) -> Iterator[str]:
    """What the file of entry `number`, which lies at `path` and has been opened, says otherwise than its submission."""
    text = None if is_csv(path) else read_statement(path, "declaration")
    if text is None:
        return
    try:
        own = parse_declaration(load_unique_json(text), where=entry.file)
    except (NvfairError, ValueError, RecursionError):
        yield f"{entry.file}: what it says of its training cannot be read; write it with `nvfair embed`"
        return
    for line in own.unnamed_in(submission.training.declaration):
        yield f"{DECLARATION_FILE}: entry {number}: {entry.file} says that its checkpoint has seen {line}; {_REMEDY}"
    yield from _foreign_generators(own, number, entry)


def _foreign_generators(own: Declaration, number: int, entry: Entry) -> Iterator[str]:
    known = own.training.generators
    foreign = [name for name in entry.trained_on_generators if known is not None and name not in known]
    if foreign:
        names = ", ".join(map(quoted, foreign[:_LISTED]))
        yield (
            f"{DECLARATION_FILE}: entry {number}: trained_on_generators names {names}, "
            f"on which the checkpoint of {entry.file} was not trained; {_REMEDY}"
        )
