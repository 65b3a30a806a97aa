"""Charts as inline SVG, coloured by the page's own style variables (so they follow light and dark)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import NormalDist

_NORMAL = NormalDist()
_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 340, 60, 40, 12, 12
# A rate below this is drawn on a DET curve's edge.
_SMALLEST = 1e-4


@dataclass(frozen=True)
class Line:
    """One curve: x and y in data units, a label, and the number of its colour."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int
    dashed: bool = False


def roc_chart(lines: Sequence[Line]) -> str:
    """True against false matches, both linear; x is FMR, y is TPR."""
    ticks = [(v, f"{v:.1f}") for v in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    diagonal = Line("chance", (0, 1), (0, 1), -1, dashed=True)
    return _chart([diagonal, *lines], ticks, ticks, (0, 1), (0, 1), "false match rate", "true match rate", "ROC curves")


def det_chart(lines: Sequence[Line]) -> str:
    """Misses against false matches, both on normal-deviate axes; x is FMR, y is FNMR."""

    def deviate(rate: float) -> float:
        return _NORMAL.inv_cdf(min(max(rate, _SMALLEST), 1 - _SMALLEST))

    marks = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
    ticks = [(deviate(v), f"{v * 100:g} %") for v in marks]
    ends = (deviate(_SMALLEST), deviate(0.98))
    bent = [
        Line(line.label, [deviate(v) for v in line.x], [deviate(v) for v in line.y], line.colour, line.dashed)
        for line in lines
    ]
    equal = Line("equal", ends, ends, -1, dashed=True)
    return _chart([equal, *bent], ticks, ticks, ends, ends, "false match rate", "false non-match rate", "DET curves")


def strip_chart(rows: Sequence[tuple[str, Sequence[tuple[str, float]], float]]) -> str:
    """One line a row of dots: (label, (name, value) of each person, mean). x is AUC from 0 to 1 or from 0.3."""
    values = [value for _, dots, _ in rows for _, value in dots]
    low = 0.3 if values and min(values) >= 0.3 else 0.0
    width, step, left = 640, 34, 10
    height = 30 + step * len(rows) + 24

    def across(value: float) -> float:
        return left + (width - 2 * left) * (value - low) / (1 - low)

    parts = [_open(width, height, "AUC of each person")]
    for tick in (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        if tick < low:
            continue
        x = across(tick)
        style = "chance" if tick == 0.5 else "grid"
        parts.append(f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="12" y2="{height - 24}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick:.1f}</text>')
    for number, (label, dots, mean) in enumerate(rows):
        y = 30 + step * number + 10
        parts.append(f'<text class="tick" x="{left}" y="{y - 12}">{escape(label)}</text>')
        for name, value in dots:
            title = f"<title>{escape(name)}: {value:.3f}</title>"
            parts.append(f'<circle class="dot" cx="{across(value):.1f}" cy="{y}" r="4">{title}</circle>')
        parts.append(f'<line class="mean" x1="{across(mean):.1f}" x2="{across(mean):.1f}" y1="{y - 8}" y2="{y + 8}"/>')
    return "".join([*parts, "</svg>"])


def _chart(
    lines: Sequence[Line],
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    x_name: str,
    y_name: str,
    title: str,
) -> str:
    inner_width, inner_height = _SIZE - _LEFT - _RIGHT, _SIZE - _TOP - _BOTTOM

    def across(value: float) -> float:
        return _LEFT + inner_width * (min(max(value, x_range[0]), x_range[1]) - x_range[0]) / (x_range[1] - x_range[0])

    def down(value: float) -> float:
        share = (min(max(value, y_range[0]), y_range[1]) - y_range[0]) / (y_range[1] - y_range[0])
        return _TOP + inner_height * (1 - share)

    parts = [_open(_SIZE, _SIZE, title)]
    for value, text in x_ticks:
        x = across(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_TOP + inner_height}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_SIZE - 24}" text-anchor="middle">{text}</text>')
    for value, text in y_ticks:
        y = down(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_SIZE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{text}</text>')
    for line in lines:
        points = " ".join(f"{across(a):.1f},{down(b):.1f}" for a, b in zip(line.x, line.y, strict=True))
        style = "chance" if line.colour < 0 else f"curve c{line.colour % 8}"
        dash = ' stroke-dasharray="4 4"' if line.dashed else ""
        parts.append(
            f'<polyline class="{style}" points="{points}"{dash}><title>{escape(line.label)}</title></polyline>'
        )
    middle = _TOP + inner_height / 2
    parts.append(
        f'<text class="axis" x="{_LEFT + inner_width / 2}" y="{_SIZE - 6}" text-anchor="middle">{x_name}</text>'
    )
    parts.append(
        f'<text class="axis" x="10" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 10 {middle})">{y_name}</text>'
    )
    return "".join([*parts, "</svg>"])


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" '
        'xmlns="http://www.w3.org/2000/svg">'
    )
