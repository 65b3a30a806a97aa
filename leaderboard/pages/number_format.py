"""Numbers and lists of names as the pages write them. Templates use these functions as filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nvfair_tools.quantities import count_text

_NO_VALUE = "–"
_MINUS = "−"
_NARROW_SPACE = "\u202f"


def format_auc(value: float | None, digits: int) -> str:
    """A rate with `digits` decimals; a dash where there is none."""
    return _NO_VALUE if value is None else f"{value:.{digits}f}"


def format_difference(value: float, digits: int) -> str:
    """A difference with its sign; zero has none."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", _MINUS) if float(text) else f"{0:.{digits}f}"


def format_count(value: int) -> str:
    """A whole number with its digits in groups of three."""
    return f"{value:,}".replace(",", _NARROW_SPACE)


def format_parameter_count(value: int | None) -> str:
    """A number of parameters with three significant digits, such as "1.5 M"; a dash where it is not declared."""
    if value is None:
        return _NO_VALUE
    for limit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {letter}"
    return str(value)


def format_place(place: tuple[int, int]) -> str:
    """A place (first, last): "1", or "1–3" where it is shared."""
    first, last = place
    return str(first) if first == last else f"{first}–{last}"


def format_interval(cell: Any, digits: int) -> str:
    """The ends of the interval of a figure with `low` and `high`."""
    return "no interval" if cell.low is None or cell.high is None else f"{cell.low:.{digits}f}–{cell.high:.{digits}f}"


def format_names(names: Sequence[str] | str) -> str:
    """The names that a declaration lists, or its word for not declaring them ("unknown")."""
    return names if isinstance(names, str) else ", ".join(names) or "none"


def format_counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things with its noun (`nvfair_tools.quantities.count_text`), its digits in groups of three."""
    return count_text(count, noun, plural).replace(",", _NARROW_SPACE)


def format_name_count(names: Sequence[str] | str, noun: str) -> str:
    """The number of names that a declaration lists with its noun, or its word for not declaring them ("unknown")."""
    return names if isinstance(names, str) else format_counted(len(names), noun)


def decimals_of(table: Sequence[Sequence[float | None]]) -> int:
    """The largest number of decimals in a published table, so that all its figures are written alike."""
    return max(len(str(value).partition(".")[2]) for row in table for value in row if value is not None)
