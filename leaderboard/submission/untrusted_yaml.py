"""YAML that strangers send, read within bounds.

Aliases are taken as far as they stay small (a page of them can grow to gigabytes). Tags, repeated keys and deep nesting
are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import yaml

from nvfair_tools.errors import NvfairError
from nvfair_tools.schema_problems.yaml_text import yaml_problem
from nvfair_tools.unique_keys import load_unique_yaml

MAX_BYTES = 256 * 1024  # a declaration is a page of text; a larger file is not one
_MAX_DEPTH = 12
_MAX_VALUES = 20_000
_LONG_NUMBER = re.compile(r"[-+]?(0[xob])?[0-9a-fA-F_]{40,}")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MAX_MESSAGE = 200


def read_yaml(path: Path) -> Any:
    """Reads a YAML file in UTF-8. Raises NvfairError that says what is wrong, and where."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise NvfairError(f"the file has {size} bytes", where=path, expected=f"at most {MAX_BYTES} bytes of YAML")
    text = decode_utf8(path.read_bytes(), path)
    try:
        _check_bounds(text)
        return load_unique_yaml(text)
    # Numbers of thousands of digits and dates such as 2024-13-45 raise ValueError, others OverflowError.
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, AttributeError, RecursionError) as error:
        raise NvfairError(
            f"not valid YAML in UTF-8: {_error_message(error)}",
            where=path,
            remedy="put quotes around texts with : # { [ or @",
        ) from error


def decode_utf8(content: bytes, where: object) -> str:
    """Decodes UTF-8, with or without its byte-order mark.

    Raises NvfairError that names the encoding that the content seems to have.
    """
    if content.startswith(_UTF16_MARKS) or b"\0" in content[:4]:
        raise NvfairError("this is UTF-16 or UTF-32", where=where, expected="UTF-8", remedy="save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NvfairError(
            f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8 (it may be Latin-1)",
            where=where,
            expected="UTF-8",
            remedy="save it as UTF-8",
        ) from error


def _check_bounds(text: str) -> None:
    """Raises YAMLError for a text beyond the bounds, while it is parsed and before any value is built."""
    values = 0  # as if every alias were written out
    alias_sizes: dict[str, int] = {}
    open_collections: list[tuple[str | None, int]] = []  # (anchor, values before it)
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        anchor, problem = getattr(event, "anchor", None), ""
        values += 1
        if isinstance(event, yaml.AliasEvent):
            problem = (
                "" if anchor in alias_sizes else f"the alias *{anchor} stands within what it repeats, or before it"
            )
            values += alias_sizes.get(str(anchor), 0)
        elif tag := getattr(event, "tag", None):
            problem = f"the tag {tag!r} is not taken"
        elif isinstance(event, yaml.CollectionStartEvent):
            open_collections.append((anchor, values))
        elif isinstance(event, yaml.CollectionEndEvent):
            name, values_before = open_collections.pop()
            alias_sizes |= {name: values - values_before} if name else {}
        elif isinstance(event, yaml.ScalarEvent):
            alias_sizes |= {anchor: 1} if anchor else {}
            if event.implicit[0] and _LONG_NUMBER.fullmatch(event.value):
                problem = "a number of so many digits is not taken"
        if len(open_collections) > _MAX_DEPTH or values > _MAX_VALUES:
            problem = f"more than {_MAX_DEPTH} levels, or {_MAX_VALUES} values with all aliases written out"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=cast(Any, event.start_mark))


def _error_message(error: BaseException) -> str:
    return yaml_problem(error)[:_MAX_MESSAGE]
