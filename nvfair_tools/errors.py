"""Errors that a user may cause: each says what was wrong, where, what was expected and how to fix it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from nvfair_tools.quantities import count_text


class NvfairError(Exception):
    """The base class of every error that the user's input or machine causes; commands print it without a traceback.

    what: what was wrong, with the offending value. where: file, row, key. expected, remedy: may be empty.
    """

    is_user_error = True  # read by `user_message`

    def __init__(self, what: str, *, where: object = "", expected: str = "", remedy: str = "") -> None:
        self.what, self.where, self.expected, self.remedy = what, str(where), expected, remedy
        parts = [f"{self.where}: {what}" if self.where else what]
        parts += [f"  expected: {expected}"] if expected else []
        parts += [f"  to fix it: {remedy}"] if remedy else []
        super().__init__("\n".join(parts))

    def __reduce__(self) -> tuple[Any, ...]:
        # By default an exception is unpickled from its message alone, which the subclasses' constructors do not take:
        # an error of a worker process could not reach the main process.
        return _unpickled_error, (type(self), str(self), self.__dict__)


def user_message(error: BaseException) -> str | None:
    """The message of an error that a user can correct; None for any other error, which needs its traceback.

    Such an error carries the attribute `is_user_error = True`. It need not be an NvfairError: the generators have an
    error class of their own, because they import nothing from here, and an external generator may do the same.
    """
    return str(error) if getattr(error, "is_user_error", False) is True else None


def did_you_mean(names: Iterable[str], known: Iterable[str]) -> str:
    """A remedy for unknown names: for each, the nearest of those that there are; "" where none is near."""
    near = [match for name in names for match in difflib.get_close_matches(name, list(known), n=1)]
    return f"did you mean {', '.join(map(repr, near))}?" if near else ""


# The message of an error lists at most this many problems: one mistake in a list of clips may affect every row.
_LISTED_PROBLEMS = 30


class Problems(NvfairError):
    """All problems of one input in one error; `problems` holds every one, the message lists the first 30."""

    def __init__(self, where: object, problems: Sequence[str], *, remedy: str = "") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [problem.replace("\n", "\n  ") for problem in self.problems[:_LISTED_PROBLEMS]]
        listing = "".join(f"\n  - {line}" for line in lines)
        listing += f"\n  ... and {count - _LISTED_PROBLEMS} more" if count > _LISTED_PROBLEMS else ""
        super().__init__(f"{count_text(count, 'problem')}{listing}", where=where, remedy=remedy)


class MissingExtra(NvfairError):
    """A package or a system library that an optional part needs is not installed.

    extra: "" where the package belongs to none, and is installed by its own name.
    """

    def __init__(self, package: str, extra: str, why: str = "") -> None:
        self.package, self.extra, self.why = package, extra, why
        super().__init__(
            f"this needs the package {package!r}, which cannot be imported{': ' + why if why else ''}",
            remedy=f"pip install 'nvfair-tools[{extra}]'" if extra else f"pip install {package}",
        )


def _unpickled_error(kind: type[NvfairError], message: str, attributes: dict[str, Any]) -> NvfairError:
    error = kind.__new__(kind)
    error.args = (message,)
    error.__dict__.update(attributes)
    return error
