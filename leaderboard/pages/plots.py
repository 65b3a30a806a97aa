"""The pages' plots as SVG: drawn on the server, coloured by the style sheet's classes, each with a title and a
description for those who do not see it. No style attributes, so that a strict content security policy lets them be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from markupsafe import Markup, escape

COLOURS = 6
_NORMAL = NormalDist()
_SMALLEST = 1e-3  # a rate below this is drawn on a DET curve's edge
_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 360, 58, 44, 10, 10


@dataclass(frozen=True)
class Curve:
    """One ROC curve: FMR and TPR, and a band of the TPR on a grid of its own; empty where there is none."""

    label: str
    fmr: Sequence[float]
    tpr: Sequence[float]
    band_fmr: Sequence[float] = ()
    low: Sequence[float | None] = ()  # None where no band can be trusted
    high: Sequence[float | None] = ()


@dataclass(frozen=True)
class Dots:
    """One row of a strip: (person, AUC) each, and their mean."""

    label: str
    dots: Sequence[tuple[str, float]]
    mean: float


def roc(curves: Sequence[Curve], name: str) -> Markup:
    """True against false matches. name: unique on the page."""
    ticks = [(v / 5, f"{v / 5:.1f}") for v in range(6)]
    frame = _Frame((0.0, 1.0), lambda rate: rate)
    parts = [frame.grid(ticks, "false match rate", "true match rate"), frame.line((0, 1), (0, 1), "chance")]
    for number, one in enumerate(curves):
        parts.append(frame.band(one.band_fmr, one.low, one.high, number))
        parts.append(frame.line(one.fmr, one.tpr, f"curve c{number % COLOURS}", one.label))
    return _figure(name, "ROC curves", _words(curves, "true match rate"), _SIZE, _SIZE, parts)


def det(curves: Sequence[Curve], name: str) -> Markup:
    """Misses against false matches, both on normal-deviate axes."""
    ticks = [(v, f"{v * 100:g} %") for v in (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)]
    frame = _Frame((_SMALLEST, 0.98), lambda rate: _NORMAL.inv_cdf(min(max(rate, _SMALLEST), 1 - _SMALLEST)))
    parts = [frame.grid(ticks, "false match rate", "false non-match rate")]
    parts.append(frame.line((_SMALLEST, 0.98), (_SMALLEST, 0.98), "chance"))
    for number, one in enumerate(curves):
        parts.append(frame.band(one.band_fmr, _misses(one.high), _misses(one.low), number))
        parts.append(frame.line(one.fmr, [1 - v for v in one.tpr], f"curve c{number % COLOURS}", one.label))
    return _figure(name, "DET curves", _words(curves, "false non-match rate", misses=True), _SIZE, _SIZE, parts)


def strip(rows: Sequence[Dots], name: str) -> Markup:
    """A dot for each person, a row for each generator."""
    values = [value for row in rows for _, value in row.dots]
    floor = max(0.0, int(min(values, default=0.0) * 10) / 10 - 0.1)
    width, step, left = 680, 44, 14
    height = step * len(rows) + 40

    def across(value: float) -> str:
        return f"{left + (width - 2 * left) * (value - floor) / (1 - floor):.1f}"

    parts = []
    for tenth in range(round(floor * 10), 11):
        at, style = across(tenth / 10), "chance" if tenth == 5 else "grid"
        parts.append(Markup('<line class="{}" x1="{}" x2="{}" y1="6" y2="{}"/>').format(style, at, at, height - 26))
        text = Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>')
        parts.append(text.format(at, height - 8, f"{tenth / 10:.1f}"))
    for number, row in enumerate(rows):
        y = step * number + 32
        parts.append(Markup('<text class="axis" x="{}" y="{}">{}</text>').format(left, y - 14, row.label))
        for who, value in row.dots:
            dot = Markup('<circle class="dot c{}" cx="{}" cy="{}" r="5"><title>{}: {:.3f}</title></circle>')
            parts.append(dot.format(number % COLOURS, across(value), y, who, value))
        mean = Markup('<line class="mean" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>')
        parts.append(mean.format(across(row.mean), y - 9, y + 9))
    words = "; ".join(
        f"{row.label}: {len(row.dots)} people, mean {row.mean:.3f}, "
        f"lowest {min(row.dots, key=lambda dot: dot[1])[0]} {min(value for _, value in row.dots):.3f}"
        for row in rows
        if row.dots
    )
    return _figure(name, "AUC of each person", words, width, height, parts)


def whisker(value: float, low: float | None, high: float | None, control: float | None = None) -> Markup:
    """A value with its interval on a line from 0.4 to 1: decoration of a table that says the same in numbers.

    control: where the best control stands.
    """

    def across(one: float) -> float:
        return 4 + 112 * (min(max(one, 0.4), 1) - 0.4) / 0.6

    parts = [Markup('<svg class="whisker" viewBox="0 0 120 16" aria-hidden="true" focusable="false">')]
    parts.append(Markup('<line class="grid" x1="4" x2="116" y1="8" y2="8"/>'))
    if control is not None:
        parts.append(Markup('<line class="control" x1="{0:.1f}" x2="{0:.1f}" y1="1" y2="15"/>').format(across(control)))
    if low is not None and high is not None:
        parts.append(
            Markup('<line class="span" x1="{:.1f}" x2="{:.1f}" y1="8" y2="8"/>').format(across(low), across(high))
        )
    parts.append(Markup('<circle class="point" cx="{:.1f}" cy="8" r="3.5"/></svg>').format(across(value)))
    return Markup("").join(parts)


def pairs(rows: Sequence[tuple[str, float, float]], name: str) -> Markup:
    """Two AUCs of each person, joined: (person, first, second)."""
    if not rows:
        return Markup("")
    floor = max(0.0, int(min(min(a, b) for _, a, b in rows) * 10) / 10)
    width, step, left, right = 680, 20, 150, 16
    height = step * len(rows) + 36

    def across(value: float) -> str:
        return f"{left + (width - left - right) * (value - floor) / (1 - floor if floor < 1 else 1):.1f}"

    parts = []
    for tenth in range(round(floor * 10), 11):
        at = across(tenth / 10)
        parts.append(Markup('<line class="grid" x1="{0}" x2="{0}" y1="4" y2="{1}"/>').format(at, height - 26))
        text = Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>')
        parts.append(text.format(at, height - 8, f"{tenth / 10:.1f}"))
    for number, (who, first, second) in enumerate(rows):
        y = 14 + step * number
        label = who if len(who) < 21 else who[:19] + "…"
        parts.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(left - 12, y + 4, label)
        )
        line = Markup('<line class="link" x1="{}" x2="{}" y1="{}" y2="{}"/>')
        parts.append(line.format(across(first), across(second), y, y))
        parts.append(Markup('<circle class="open-dot" cx="{}" cy="{}" r="4.5"/>').format(across(second), y))
        parts.append(Markup('<circle class="dot c0" cx="{}" cy="{}" r="4.5"/>').format(across(first), y))
    ahead = sum(first > second for _, first, second in rows)
    words = f"{len(rows)} people; the first is ahead for {ahead} of them"
    return _figure(name, "Each person's AUC under both methods", words, width, height, parts)


class _Frame:
    """A square plot whose two axes have one scale."""

    def __init__(self, ends: tuple[float, float], bend) -> None:  # type: ignore[no-untyped-def]
        self._bend, self._low, self._high = bend, bend(ends[0]), bend(ends[1])
        self._width, self._height = _SIZE - _LEFT - _RIGHT, _SIZE - _TOP - _BOTTOM

    def _share(self, rate: float) -> float:
        return min(max((self._bend(rate) - self._low) / (self._high - self._low), 0.0), 1.0)

    def _x(self, rate: float) -> float:
        return _LEFT + self._width * self._share(rate)

    def _y(self, rate: float) -> float:
        return _TOP + self._height * (1 - self._share(rate))

    def _points(self, x: Sequence[float], y: Sequence[float]) -> str:
        return " ".join(f"{self._x(a):.1f},{self._y(b):.1f}" for a, b in zip(x, y, strict=True))

    def grid(self, ticks: Sequence[tuple[float, str]], x_name: str, y_name: str) -> Markup:
        """Lines, numbers and names of both axes."""
        bottom, right = _TOP + self._height, _SIZE - _RIGHT
        parts = []
        for value, text in ticks:
            x, y = self._x(value), self._y(value)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{text}</text>')
            parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
        across, down = _LEFT + self._width / 2, _TOP + self._height / 2
        parts.append(f'<text class="axis" x="{across}" y="{_SIZE - 8}" text-anchor="middle">{x_name}</text>')
        turned = f'transform="rotate(-90 12 {down})"'
        parts.append(f'<text class="axis" x="12" y="{down}" text-anchor="middle" {turned}>{y_name}</text>')
        return Markup("".join(parts))  # numbers and words of our own alone

    def line(self, x: Sequence[float], y: Sequence[float], style: str, label: str = "") -> Markup:
        """A curve."""
        title = Markup("<title>{}</title>").format(label) if label else ""
        return Markup('<polyline class="{}" points="{}">{}</polyline>').format(style, self._points(x, y), title)

    def band(
        self, x: Sequence[float], low: Sequence[float | None], high: Sequence[float | None], number: int
    ) -> Markup:
        """The area between two curves."""
        known = [(a, b, c) for a, b, c in zip(x, low, high, strict=True) if b is not None and c is not None]
        if not known:
            return Markup("")
        there = self._points([a for a, _, _ in known], [c for _, _, c in known])
        back = self._points([a for a, _, _ in reversed(known)], [b for _, b, _ in reversed(known)])
        return Markup('<polygon class="band c{}" points="{} {}"/>').format(number % COLOURS, there, back)


def _misses(rates: Sequence[float | None]) -> list[float | None]:
    return [None if rate is None else 1 - rate for rate in rates]


def _words(curves: Sequence[Curve], name: str, *, misses: bool = False) -> str:
    """What a curve says, for those who do not see it."""
    said = []
    for one in curves:
        for rate in (0.01, 0.1):
            best = max((t for f, t in zip(one.fmr, one.tpr, strict=True) if f <= rate), default=0.0)
            said.append(f"{one.label}: {name} {1 - best if misses else best:.3f} at false match rate {rate:g}")
    return "; ".join(said)


def _figure(name: str, title: str, words: str, width: int, height: int, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">')
    named = Markup('<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>')
    style = "plot wide" if width > _SIZE else "plot"
    return Markup("").join(
        [
            head.format(style, width, height, name, name),
            named.format(name, title, name, escape(words)),
            *parts,
            Markup("</svg>"),
        ]
    )
