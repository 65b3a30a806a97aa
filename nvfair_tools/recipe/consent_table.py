"""Reading a consent table: a CSV with one row a person and what that person agreed to.

    identity,target,driver,training,redistribution,display,voice,scope,evidence,date,expires,withdrawn

Each use has yes, no or unknown. scope: purposes that a yes covers, joined by ";", or "any". evidence: where the form
lies. date: the day of the agreement, from which it counts. expires: its last day; withdrawn: the day on which it was
taken back. A column such as `display_expires` or `training_scope` holds for this use in place of the common one.
A column `enrolment` may be added, for `nvfair enrol`: where there is none, nobody may be enrolled.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.uses import ANY_PURPOSE, OTHER_USES, PURPOSES, USES, VALUES, Answer, Consent, Use
from nvfair_tools.identity import parse_identity
from nvfair_tools.recipe.csv_table import read_csv_table

FIELDS = ("scope", "evidence", "date", "expires", "withdrawn")
_REQUIRED_COLUMNS = ("identity", *USES, "scope", "evidence", "date")
_ALL_USES = (*USES, *OTHER_USES)
COLUMNS = (
    *_REQUIRED_COLUMNS,
    "expires",
    "withdrawn",
    *OTHER_USES,
    *(f"{use}_{name}" for use in _ALL_USES for name in FIELDS),
)


@dataclass(frozen=True)
class ConsentTable:
    """What people agreed to. file: its name. sha256: of the file. consents: by identity. lines: each person's row."""

    file: str
    sha256: str
    consents: Mapping[str, Consent]
    lines: Mapping[str, int] = field(default_factory=dict)


def read_consent_table(path: Path, problems: list[str]) -> ConsentTable:
    """Reads a consent table. Adds everything that is wrong to `problems`, each with file, row, column and remedy.

    Raises NvfairError where the file cannot be read at all.
    """
    table = read_csv_table(path, "consent table")
    problems += table.problems
    if header_problems := list(_header_problems(table.file, table.header)):
        problems += header_problems
        return ConsentTable(table.file, sha256_of(path), {})
    consents: dict[str, Consent] = {}
    lines: dict[str, int] = {}
    for line, cells in table.rows:
        where = f"{table.file} row {line}"
        identity = cells["identity"]
        try:
            parse_identity(identity)
        except NvfairError as error:
            problems.append(f"{where}: {error.what}; expected {error.expected}")
            continue
        if identity in lines:
            problems.append(f"{where}: {identity} has a row already, row {lines[identity]}; keep the one that counts")
            continue
        lines[identity] = line
        known_problems = len(problems)
        uses = [use for use in _ALL_USES if use in USES or use in table.header]
        answers = {use: _answer(use, cells, where, problems) for use in uses}
        if len(problems) == known_problems:
            consents[identity] = Consent.of({use: answer for use, answer in answers.items() if answer}, _NOBODY)
    return ConsentTable(table.file, sha256_of(path), consents, lines)


_NOBODY = Answer("unknown")


def read_consent(path: str | Path, person: str) -> Consent:
    """What one person agreed to, from a consent table.

        benchmark.enrol("lab:ann", ["ann.mp4"], consent=nvfair_tools.read_consent("consent.csv", "lab:ann"))

    Raises Problems that names everything that is wrong with the table, NvfairError where the person has no row.
    """
    path = Path(path)
    problems: list[str] = []
    table = read_consent_table(path, problems)
    if problems:
        raise Problems(path, problems)
    if person not in table.consents:
        near = difflib.get_close_matches(person, table.consents, n=1)
        raise NvfairError(
            f"{person} has no row",
            where=path,
            remedy=f"did you mean {near[0]!r}?" if near else "add a row with what the person answered",
        )
    return table.consents[person]


def people_problems(table: ConsentTable, people: Mapping[str, str]) -> Iterator[str]:
    """People of the list of clips without a row, and rows of people who are not in it. people: {identity: where}."""
    for identity, line in table.lines.items():
        if identity not in people:
            near = difflib.get_close_matches(identity, people, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "correct the identity, or delete the row"
            yield f"{table.file} row {line}: {identity} has no clip in the list; {hint}"
    for identity, where in people.items():
        if identity not in table.lines:
            yield f"{table.file}: has no row for {identity} ({where}); add one, with `unknown` where nobody was asked"


def consent_text(consent: Consent) -> str:
    """The answers in words, for the column `consent` of a data set; the same on every day."""
    texts = []
    for use in USES:
        answer = consent.to(use)
        days = [f"from {answer.since}"] if answer.since else []
        days += [f"until {answer.expires}"] if answer.expires else []
        days += [f"withdrawn {answer.withdrawn}"] if answer.withdrawn else []
        scope = [f"for {'/'.join(sorted(answer.scope))}"] if answer.value == "yes" else []
        texts.append(" ".join((f"{use} {answer.value}", *scope, *(days if answer.value == "yes" else days[-1:]))))
    return "consent table: " + ", ".join(texts)


def _header_problems(file: str, header: tuple[str, ...]) -> Iterator[str]:
    if not header:
        return
    for name in header:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COLUMNS[:12])}; delete or rename it"
            yield f"{file}: column {name!r} is unknown; {hint}"
    for name in _REQUIRED_COLUMNS:
        if name not in header:
            remedy = "write `unknown` where nobody was asked" if name in USES else "fill it for every yes"
            yield f"{file}: has no column {name!r}; add it, and {remedy}"


def _answer(use: Use, cells: Mapping[str, str], where: str, problems: list[str]) -> Answer | None:
    """The answer of a row about a use; None where it has a problem."""
    known_problems = len(problems)
    value = cells[use].casefold()
    if value not in VALUES:
        problems.append(f"{where}: {use} is {cells[use]!r}; expected yes, no or unknown; write what the form says")
    # Texts of the use's own columns, where they are filled, else of the common ones.
    names = {name: f"{use}_{name}" if cells.get(f"{use}_{name}") else name for name in FIELDS}

    def read(name: str, parse: Callable[[str], Any], expected: str) -> Any:
        column = names[name]
        text = cells.get(column, "")
        try:
            return parse(text) if text else None
        except ValueError:
            problem = f"{where}: {column} is {text!r}; expected {expected}"
            if problem not in problems:  # a common column is read for every use
                problems.append(problem)
            return None

    days = "a day as YYYY-MM-DD, such as 2026-03-31; rewrite it so"
    scope = read("scope", _scope, f"{', '.join(PURPOSES)}, joined by ';', or {ANY_PURPOSE}; write the form's purposes")
    since, expires, withdrawn = (read(name, date.fromisoformat, days) for name in ("date", "expires", "withdrawn"))
    if value == "yes":
        for name in ("scope", "evidence", "date"):
            if not cells.get(names[name]):
                problem = f"{where}: {names[name]} is empty; expected a value, because {use} is yes; or write `unknown`"
                if not any(known.startswith(f"{where}: {names[name]} is empty") for known in problems):
                    problems.append(problem)
    for name, day in (("expires", expires), ("withdrawn", withdrawn)):
        if since is not None and day is not None and day < since:
            problem = f"{where}: {names[name]} is {day}, before {names['date']} {since}; correct one of them"
            if problem not in problems:
                problems.append(problem)
    if len(problems) > known_problems or value not in VALUES:
        return None
    evidence = cells.get(names["evidence"], "")
    return Answer(value, "consent table", scope or frozenset(), since, expires, withdrawn, evidence)  # type: ignore[arg-type]


def _scope(text: str) -> frozenset[str]:
    """The purposes in a cell. Raises ValueError for one that is unknown."""
    purposes = frozenset(part.strip().casefold() for part in text.split(";") if part.strip())
    if not purposes or purposes - {*PURPOSES, ANY_PURPOSE}:
        raise ValueError(text)
    return purposes
