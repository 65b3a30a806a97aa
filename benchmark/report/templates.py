"""Jinja templates of this folder, with the filters that all pages share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.report.stress_tables import percent
from benchmark.trial_scores.figure_values import IntervalFigure
from nvfair_tools.errors import MissingExtra
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from markupsafe import Markup


def template(name: str) -> Template:
    """The template in the file `name` of this folder; raises MissingExtra without Jinja."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtra("jinja2", "train", str(error)) from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["auc"] = _rate_text
    environment.filters["span"] = _interval_markup
    environment.filters["percent"] = percent
    environment.filters["count"] = _count_text
    environment.filters["counted"] = _counted_text
    environment.filters["known"] = _known_text
    return environment


def _rate_text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval_markup(figure: IntervalFigure) -> Markup:
    """The interval, which is not broken over two lines; a reason why there is none may be."""
    from markupsafe import Markup

    style = "span" if figure.low is not None and figure.high is not None else "why"
    return Markup('<span class="{}">{}</span>').format(style, figure.interval_text)


def _count_text(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}".replace(",", "\u202f")


def _counted_text(count: int, noun: str, plural: str = "") -> str:
    return count_text(count, noun, plural).replace(",", "\u202f")


def _known_text(value: object) -> str:
    return "unknown" if value is None else str(value)
