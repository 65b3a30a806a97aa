"""Types of the fields of submission.yaml: texts, addresses, paths and people as strangers write them."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from leaderboard.submission.untrusted_text import invisible_character, name_problem
from nvfair_tools.errors import NvfairError
from nvfair_tools.identity import parse_identity

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*){0,5}")
_NOT_IN_LINKS = re.compile(r"[\s\"'<>\\]")


def _one_line(text: str) -> str:
    return _visible_text(text, lines=False)


def _several_lines(text: str) -> str:
    return _visible_text(text, lines=True)


def _visible_text(text: str, *, lines: bool) -> str:
    character = invisible_character(text, lines=lines)
    if character:
        raise ValueError(f"it holds {character}, which cannot be seen; type the text again")
    if text and not text.strip():
        raise ValueError("it is blank")
    return text


def _person_or_method(text: str) -> str:
    problem = name_problem(text)
    if problem:
        raise ValueError(f"{problem}; type the name again")
    return text


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and not _NOT_IN_LINKS.search(text)
        is_good = is_address and parts.username is None and parts.password is None
    except ValueError:
        is_good = False
    if not is_good:
        raise ValueError("it is not the address of a web page; expected https://...")
    return text


def _relative_path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError(
            f"{text[:80]!r} leads out of the submission's folder or through a link, or has odd characters; expected "
            "a relative path of letters, digits and _ . + -, such as embeddings/test.parquet"
        )
    return text


def _identity(text: str) -> str:
    try:
        return parse_identity(text)
    except NvfairError as error:
        raise ValueError(f"{error.what}; expected such as cremad:1001") from error


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Author = Annotated[
    str, Field(min_length=1, max_length=120), AfterValidator(_one_line), AfterValidator(_person_or_method)
]
MethodName = Annotated[
    str, Field(min_length=1, max_length=80), AfterValidator(_one_line), AfterValidator(_person_or_method)
]
Contact = Annotated[str, Field(min_length=3, max_length=200), AfterValidator(_one_line)]
ShortName = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_one_line)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Paragraphs = Annotated[str, Field(max_length=2000), AfterValidator(_several_lines)]
Person = Annotated[str, Field(min_length=3, max_length=200), AfterValidator(_identity)]
Link = Annotated[str, Field(max_length=500), AfterValidator(_one_line), AfterValidator(_web_address)]
InnerPath = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_relative_path)]
Names = Annotated[tuple[Name, ...], Field(max_length=20_000)] | Literal["unknown"]
People = Annotated[tuple[Person, ...], Field(max_length=20_000)] | Literal["unknown"]
