"""What a command reports: text for people, or with --json one JSON document on the standard output, and nothing else.

A command prints its text and returns its content; `reports` adds the option, and prints the content in place of the
text. docs/command_line.md has the conventions that all commands follow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command found: plain values, and its exit status where that is not 0."""

    content: Any
    status: int = 0


def reports(command: Function) -> Function:
    """Adds --json and -q/--quiet to a command that returns what it reports: plain values, or an Answer.

    An error of the user's is part of the document: {"error": {"what", "where", "expected", "remedy", "message"}}.
    """

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, in place of text.")
    @quiet
    @functools.wraps(command)
    def reporting(*arguments: Any, as_json: bool, **options: Any) -> Any:
        if not as_json:
            return _ended(command(*arguments, **options))
        failure: Exception | None = None
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                answer = command(*arguments, **options)
            except Exception as error:
                content = error_content(error)
                if content is None:
                    raise
                failure = error
            else:
                content = answer.content if isinstance(answer, Answer) else answer
        print_document(content)
        if failure is not None:
            raise failure
        return _ended(answer)

    return reporting  # type: ignore[return-value]


def quiet(command: Function) -> Function:
    """Adds -q/--quiet to a command: no progress is shown, only the result."""

    @click.option("-q", "--quiet", "is_quiet", is_flag=True, help="No progress; the result alone.")
    @functools.wraps(command)
    def silenced(*arguments: Any, is_quiet: bool, **options: Any) -> Any:
        from nvfair_tools.pipeline.progress_lines import without_progress

        with without_progress() if is_quiet else contextlib.nullcontext():
            return command(*arguments, **options)

    return silenced  # type: ignore[return-value]


@contextlib.contextmanager
def failures_as_json(as_json: bool) -> Iterator[None]:
    """Prints an error of the user's as a document too, where JSON is to be printed."""
    try:
        yield
    except Exception as error:
        if as_json and (content := error_content(error)) is not None:
            print_document(content)
        raise


def print_document(content: Any) -> None:
    """Prints plain values as one JSON document on the standard output."""
    click.echo(json.dumps(plain(content), indent=1, ensure_ascii=False, allow_nan=False))


def error_content(error: BaseException) -> dict[str, Any] | None:
    """The error of a user or a machine as plain values; None for any other error."""
    from nvfair_tools.cli.failures import user_text

    message = user_text(error)
    if message is None:
        return None
    parts = {name: getattr(error, name, "") for name in ("what", "where", "expected", "remedy")}
    content: dict[str, Any] = {**parts, "what": parts["what"] or message, "message": message}
    if hasattr(error, "problems"):
        content["problems"] = list(error.problems)
    return {"error": content}


def plain(value: Any) -> Any:
    """A value as JSON takes it: tables as lists of rows, dataclasses as objects, paths as text, NaN as null."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (PurePath, Fraction)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a pandas table
        return [plain(row) for row in value.to_dict("records")]
    if hasattr(value, "tolist"):  # an array or a number of numpy's
        return plain(value.tolist())
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return str(value)
    return [plain(item) for item in value]


def _ended(answer: Any) -> Any:
    """The content of an answer; SystemExit where its status is not 0."""
    if isinstance(answer, Answer):
        if answer.status:
            raise SystemExit(answer.status)
        return answer.content
    return answer
