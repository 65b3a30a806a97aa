"""Errors a user may cause: each says what was wrong, where, what was expected and how to fix it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class NvfairError(Exception):
    """Base of every error whose cause is the user's input or machine; the command prints it without a traceback.

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
        # An exception is otherwise made anew from its message alone, which no subclass here can be: a process pool
        # would break instead of handing on what a worker has to say.
        return _restored, (type(self), str(self), self.__dict__)


def user_message(error: BaseException) -> str | None:
    """The message of an error that a user can correct; None for any other error, which needs its traceback.

    Such an error carries the attribute `is_user_error = True`. It need not be an NvfairError: the generators have an
    error class of their own, because they import nothing from here, and an external generator may do the same.
    """
    return str(error) if getattr(error, "is_user_error", False) is True else None


def _restored(kind: type[NvfairError], message: str, facts: dict[str, Any]) -> NvfairError:
    error = kind.__new__(kind)
    error.args = (message,)
    error.__dict__.update(facts)
    return error


# One mistake in a list of clips makes a problem of every row.
_SHOWN = 30


class Problems(NvfairError):
    """Every problem found in one input, reported together; `problems` holds all, the message the first of them."""

    def __init__(self, where: object, problems: Sequence[str], *, remedy: str = "") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        listed = "".join(f"\n  - {problem}" for problem in self.problems[:_SHOWN])
        listed += f"\n  ... and {count - _SHOWN} more" if count > _SHOWN else ""
        super().__init__(f"{count} problem{'s' if count != 1 else ''}{listed}", where=where, remedy=remedy)


class MissingExtra(NvfairError):
    """A package (or a system library) that an optional part needs is not installed."""

    def __init__(self, package: str, extra: str, why: str = "") -> None:
        super().__init__(
            f"this needs the package {package!r}, which cannot be imported{': ' + why if why else ''}",
            remedy=f"pip install 'nvfair-tools[{extra}]'",
        )
