"""The pages' plots as SVG, drawn on the server.

Colours come from classes of the style sheet. Each plot has a title and a description for readers who do not see it.
There are no style attributes, so that a strict content security policy permits the plots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from markupsafe import Markup, escape

from nvfair_tools.quantities import count_text

MAX_CURVES = 6  # the style sheet has so many colours
_NORMAL = NormalDist()
_MIN_RATE = 1e-3  # a rate below this is drawn on the edge of a DET plot
_DET_RANGE = (_MIN_RATE, 0.98)
_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 360, 58, 44, 10, 10

_GRID_LINE = Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
_TICK_TEXT = Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>')


@dataclass(frozen=True)
class Curve:
    """One ROC curve: FMR and TPR, and a band of the TPR on its own grid of FMR; empty where there is none."""

    label: str
    fmr: Sequence[float]
    tpr: Sequence[float]
    band_fmr: Sequence[float] = ()
    low: Sequence[float | None] = ()  # None where too few people allow no band
    high: Sequence[float | None] = ()


@dataclass(frozen=True)
class StripRow:
    """One row of a strip plot: (person, AUC) pairs, and their mean."""

    label: str
    dots: Sequence[tuple[str, float]]
    mean: float


def roc_plot(curves: Sequence[Curve], name: str) -> Markup:
    """True match rate against false match rate. name: unique on the page."""
    ticks = [(step / 5, f"{step / 5:.1f}") for step in range(6)]
    axes = _Axes((0.0, 1.0), lambda rate: rate)
    parts = [axes.grid(ticks, "false match rate", "true match rate"), axes.line((0, 1), (0, 1), "chance")]
    for number, curve in enumerate(curves):
        parts.append(axes.band(curve.band_fmr, curve.low, curve.high, number))
        parts.append(axes.line(curve.fmr, curve.tpr, f"curve c{number % MAX_CURVES}", curve.label))
    return _figure(name, "ROC curves", _describe(curves, "true match rate"), _SIZE, _SIZE, parts)


def det_plot(curves: Sequence[Curve], name: str) -> Markup:
    """False non-match rate against false match rate, both on normal-deviate axes. name: unique on the page."""
    ticks = [(rate, f"{rate * 100:g} %") for rate in (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)]
    axes = _Axes(_DET_RANGE, lambda rate: _NORMAL.inv_cdf(min(max(rate, _MIN_RATE), 1 - _MIN_RATE)))
    parts = [axes.grid(ticks, "false match rate", "false non-match rate")]
    parts.append(axes.line(_DET_RANGE, _DET_RANGE, "chance"))
    for number, curve in enumerate(curves):
        # The FNMR is 1 - TPR, so that the band's ends change places.
        parts.append(axes.band(curve.band_fmr, _complements(curve.high), _complements(curve.low), number))
        fnmr = [1 - rate for rate in curve.tpr]
        parts.append(axes.line(curve.fmr, fnmr, f"curve c{number % MAX_CURVES}", curve.label))
    description = _describe(curves, "false non-match rate", complement=True)
    return _figure(name, "DET curves", description, _SIZE, _SIZE, parts)


def strip_plot(rows: Sequence[StripRow], name: str) -> Markup:
    """A dot for the AUC of each person, a row for each generator. name: unique on the page."""
    values = [value for row in rows for _, value in row.dots]
    axis_start = max(0.0, int(min(values, default=0.0) * 10) / 10 - 0.1)
    width, row_height, margin = 680, 44, 14
    height = row_height * len(rows) + 40

    def x_of(value: float) -> str:
        return f"{margin + (width - 2 * margin) * (value - axis_start) / (1 - axis_start):.1f}"

    parts = []
    for tenth in range(round(axis_start * 10), 11):
        x, style = x_of(tenth / 10), "chance" if tenth == 5 else "grid"
        parts.append(_GRID_LINE.format(style, x, x, 6, height - 26))
        parts.append(_TICK_TEXT.format(x, height - 8, "middle", f"{tenth / 10:.1f}"))
    for number, row in enumerate(rows):
        y = row_height * number + 32
        parts.append(Markup('<text class="axis" x="{}" y="{}">{}</text>').format(margin, y - 14, row.label))
        for person, value in row.dots:
            dot = Markup('<circle class="dot c{}" cx="{}" cy="{}" r="5"><title>{}: {:.3f}</title></circle>')
            parts.append(dot.format(number % MAX_CURVES, x_of(value), y, person, value))
        mean_line = Markup('<line class="mean" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>')
        parts.append(mean_line.format(x_of(row.mean), y - 9, y + 9))
    description = "; ".join(
        f"{row.label}: {count_text(len(row.dots), 'person')}, mean {row.mean:.3f}, "
        f"lowest {min(row.dots, key=lambda dot: dot[1])[0]} {min(value for _, value in row.dots):.3f}"
        for row in rows
        if row.dots
    )
    return _figure(name, "AUC of each person", description, width, height, parts)


def whisker(value: float, low: float | None, high: float | None, control: float | None = None) -> Markup:
    """A value with its interval on a line from 0.4 to 1, for a table that has the same numbers as text.

    control: the value of the best control, which gets a mark.
    """

    def x_of(rate: float) -> float:
        return 4 + 112 * (min(max(rate, 0.4), 1) - 0.4) / 0.6

    parts = [Markup('<svg class="whisker" viewBox="0 0 120 16" aria-hidden="true" focusable="false">')]
    parts.append(Markup('<line class="grid" x1="4" x2="116" y1="8" y2="8"/>'))
    if control is not None:
        parts.append(Markup('<line class="control" x1="{0:.1f}" x2="{0:.1f}" y1="1" y2="15"/>').format(x_of(control)))
    if low is not None and high is not None:
        parts.append(Markup('<line class="span" x1="{:.1f}" x2="{:.1f}" y1="8" y2="8"/>').format(x_of(low), x_of(high)))
    parts.append(Markup('<circle class="point" cx="{:.1f}" cy="8" r="3.5"/></svg>').format(x_of(value)))
    return Markup("").join(parts)


def paired_plot(people: Sequence[tuple[str, float, float]], name: str) -> Markup:
    """Two AUCs of each person, joined by a line: (person, first, second). name: unique on the page."""
    if not people:
        return Markup("")
    axis_start = max(0.0, int(min(min(first, second) for _, first, second in people) * 10) / 10)
    width, row_height, left, right = 680, 20, 150, 16
    height = row_height * len(people) + 36

    def x_of(value: float) -> str:
        axis_length = 1 - axis_start if axis_start < 1 else 1
        return f"{left + (width - left - right) * (value - axis_start) / axis_length:.1f}"

    parts = []
    for tenth in range(round(axis_start * 10), 11):
        x = x_of(tenth / 10)
        parts.append(_GRID_LINE.format("grid", x, x, 4, height - 26))
        parts.append(_TICK_TEXT.format(x, height - 8, "middle", f"{tenth / 10:.1f}"))
    for number, (person, first, second) in enumerate(people):
        y = 14 + row_height * number
        label = person if len(person) < 21 else person[:19] + "…"
        parts.append(_TICK_TEXT.format(left - 12, y + 4, "end", label))
        line = Markup('<line class="link" x1="{}" x2="{}" y1="{}" y2="{}"/>')
        parts.append(line.format(x_of(first), x_of(second), y, y))
        parts.append(Markup('<circle class="open-dot" cx="{}" cy="{}" r="4.5"/>').format(x_of(second), y))
        parts.append(Markup('<circle class="dot c0" cx="{}" cy="{}" r="4.5"/>').format(x_of(first), y))
    first_is_higher = sum(first > second for _, first, second in people)
    description = f"{count_text(len(people), 'person')}; the first is ahead for {first_is_higher} of them"
    return _figure(name, "Each person's AUC under both methods", description, width, height, parts)


class _Axes:
    """A square plot whose two axes have the same range and scale. scale: maps a rate to its position."""

    def __init__(self, ends: tuple[float, float], scale: Callable[[float], float]) -> None:
        self._scale, self._low, self._high = scale, scale(ends[0]), scale(ends[1])
        self._width, self._height = _SIZE - _LEFT - _RIGHT, _SIZE - _TOP - _BOTTOM

    def _position(self, rate: float) -> float:
        return min(max((self._scale(rate) - self._low) / (self._high - self._low), 0.0), 1.0)

    def _x(self, rate: float) -> float:
        return _LEFT + self._width * self._position(rate)

    def _y(self, rate: float) -> float:
        return _TOP + self._height * (1 - self._position(rate))

    def _points(self, x: Sequence[float], y: Sequence[float]) -> str:
        return " ".join(f"{self._x(a):.1f},{self._y(b):.1f}" for a, b in zip(x, y, strict=True))

    def grid(self, ticks: Sequence[tuple[float, str]], x_name: str, y_name: str) -> Markup:
        """Grid lines with their numbers, and the names of both axes."""
        bottom, right = _TOP + self._height, _SIZE - _RIGHT
        parts = []
        for value, text in ticks:
            x, y = self._x(value), self._y(value)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{text}</text>')
            parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
        x_middle, y_middle = _LEFT + self._width / 2, _TOP + self._height / 2
        parts.append(f'<text class="axis" x="{x_middle}" y="{_SIZE - 8}" text-anchor="middle">{x_name}</text>')
        rotation = f'transform="rotate(-90 12 {y_middle})"'
        parts.append(f'<text class="axis" x="12" y="{y_middle}" text-anchor="middle" {rotation}>{y_name}</text>')
        return Markup("".join(parts))  # it holds only numbers and words of this module

    def line(self, x: Sequence[float], y: Sequence[float], style: str, label: str = "") -> Markup:
        """A curve through points (x, y), with its label as title."""
        title = Markup("<title>{}</title>").format(label) if label else ""
        return Markup('<polyline class="{}" points="{}">{}</polyline>').format(style, self._points(x, y), title)

    def band(
        self, x: Sequence[float], low: Sequence[float | None], high: Sequence[float | None], number: int
    ) -> Markup:
        """The area between two curves over the same x, in the colour of curve `number`, without points of None."""
        ends = [(a, b, c) for a, b, c in zip(x, low, high, strict=True) if b is not None and c is not None]
        if not ends:
            return Markup("")
        upper = self._points([a for a, _, _ in ends], [c for _, _, c in ends])
        lower = self._points([a for a, _, _ in reversed(ends)], [b for _, b, _ in reversed(ends)])
        return Markup('<polygon class="band c{}" points="{} {}"/>').format(number % MAX_CURVES, upper, lower)


def _complements(rates: Sequence[float | None]) -> list[float | None]:
    return [None if rate is None else 1 - rate for rate in rates]


def _describe(curves: Sequence[Curve], rate_name: str, *, complement: bool = False) -> str:
    """The curves in words, for readers who do not see them. complement: says 1 - TPR rather than TPR."""
    sentences = []
    for curve in curves:
        for limit in (0.01, 0.1):
            best = max((tpr for fmr, tpr in zip(curve.fmr, curve.tpr, strict=True) if fmr <= limit), default=0.0)
            value = 1 - best if complement else best
            sentences.append(f"{curve.label}: {rate_name} {value:.3f} at false match rate {limit:g}")
    return "; ".join(sentences)


def _figure(name: str, title: str, description: str, width: int, height: int, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">')
    title_and_description = Markup('<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>')
    style = "plot wide" if width > _SIZE else "plot"
    return Markup("").join(
        [
            head.format(style, width, height, name, name),
            title_and_description.format(name, title, name, escape(description)),
            *parts,
            Markup("</svg>"),
        ]
    )
