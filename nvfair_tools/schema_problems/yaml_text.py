"""Reading YAML that users write: what is wrong with a text, in plain words and with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import size_text
from nvfair_tools.unique_keys import load_unique_yaml

MOST_BYTES = 4_000_000  # of a file that is read: a film or a table in its place would take minutes to be refused
# What load_unique_yaml raises for a text that is no YAML: dates such as 2024-13-45 and endless numbers raise
# ValueError, deep nesting RecursionError.
YAML_ERRORS = (yaml.YAMLError, ValueError, OverflowError, TypeError, AttributeError, RecursionError)
# The YAML library's words -> plain ones; the first that fits counts.
_PLAIN_WORDS = (
    (r"mapping values are not allowed here", "a second colon on one line, or a line indented unlike those before it"),
    (r"could not find expected ':'", "a key without its colon, or a line indented unlike those before it"),
    (
        r"expected <block end>, but found",
        'this line is indented unlike those before it, or has a " too much',
    ),
    (r"expected ',' or '\]'", "a list in [ ] lacks a comma, or its end"),
    (r"expected ',' or '\}'", "keys in { } lack a comma, or their end"),
    (r"found unexpected end of stream", "a quotation mark is opened and not closed"),
    (r"expected the node content, but found '<stream end>'", "a [ or { is opened and not closed"),
    (r"found character '\\t' that cannot start any token", "a tab; indent with blanks"),
    (r"found character '(.)' that cannot start any token", r"a text begins with \1; put it in quotation marks"),
    (r"found unknown escape character", "a \\\\ in double quotation marks; use single ones"),
    (r"found undefined alias", "a text begins with *; put it in quotation marks"),
    (r"did not find expected alphabetic or numeric character", "a text begins with * or &; put it in quotation marks"),
    (r"could not determine a constructor for the tag", "a text begins with !; put it in quotation marks"),
    (r"but found another document", "more than one document; leave out the line ---"),
    (r"sequence entries are not allowed here", "a - where no list can stand; begin a new line for it"),
)


def yaml_problem(error: BaseException) -> str:
    """What is wrong with a text, and where, as one line; `error` is one of YAML_ERRORS."""
    if isinstance(error, RecursionError):
        return "too many [ or { within each other"
    if not isinstance(error, yaml.MarkedYAMLError):
        text = (str(error) or type(error).__name__).splitlines()[0][:200]
        return text if isinstance(error, yaml.YAMLError) else f"a date or a number that there is not: {text}"
    mark = error.problem_mark or error.context_mark
    text = str(error.problem or error.context or "syntax")
    # Of a quotation mark or a bracket that is not closed, the place where it was opened.
    if "end of stream" in text or "<stream end>" in text:
        mark = error.context_mark or mark
    for pattern, words in _PLAIN_WORDS:
        if match := re.search(pattern, text):
            text = match.expand(words)
            break
    return f"line {mark.line + 1}, column {mark.column + 1}: {text}" if mark else text


def read_yaml_mapping(path: str | Path, noun: str, *, example: str, empty: bool = False) -> dict[str, Any]:
    """The keys and values of a YAML file in UTF-8.

    noun: what the file is, such as "recipe". example: a remedy. empty: whether a file without any key is one. Raises
    NvfairError where the file cannot be read, is no YAML, is a list of clips, or holds no keys.
    """
    path = Path(path)
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise NvfairError(
                f"this is no {noun}: it has {size_text(size)}",
                where=path,
                expected=f"a YAML file of at most {size_text(MOST_BYTES)}; a few kB are usual",
                remedy=example,
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise NvfairError(
            f"the {noun} cannot be read: {reason}", where=path, expected="a YAML file in UTF-8", remedy=example
        ) from error
    if path.suffix.lower() in (".csv", ".tsv") or _looks_like_table(text):
        raise NvfairError(
            f"this is a table, not a {noun}", where=path, expected="a YAML file of keys and values", remedy=example
        )
    try:
        content = load_unique_yaml(text)
    except YAML_ERRORS as error:
        raise NvfairError(
            f"not valid YAML: {yaml_problem(error)}",
            where=path,
            expected="lines such as `name: my clips`, inner ones indented by two blanks",
            remedy="put quotation marks around texts that hold : # { [ or @",
        ) from error
    if content is None and empty:
        return {}
    if not isinstance(content, dict):
        raise NvfairError(
            f"the {noun} holds no keys",
            where=path,
            expected="a YAML file of keys and values, such as `name: my clips`",
            remedy=example,
        )
    return content


def _looks_like_table(text: str) -> bool:
    """Whether the first line is the header of a CSV: names between commas, and no colon."""
    first_line = next((line for line in text.splitlines() if line.strip()), "")
    return re.fullmatch(r"[\w .\"-]+(,[\w .\"-]*)+", first_line) is not None and not first_line.startswith("-")
