"""Charts as inline SVG, coloured by the page's own style variables (so they follow light and dark)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from statistics import NormalDist

_NORMAL = NormalDist()
_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 340, 60, 40, 12, 12
# A rate below this is drawn on a DET curve's edge.
_SMALLEST = 1e-4


Band = tuple[Sequence[float], Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class Line:
    """One curve: x and y in data units, a label, and the number of its colour.

    band: x, low and high of the interval around it.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int
    dashed: bool = False
    band: Band | None = None


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
        replace(
            line,
            x=[deviate(v) for v in line.x],
            y=[deviate(v) for v in line.y],
            band=None if line.band is None else _bent(line.band, deviate),
        )
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


def histogram_chart(edges: Sequence[float], genuine: Sequence[float], impostor: Sequence[float], title: str) -> str:
    """Shares of genuine and impostor trials by score, over common edges (one more than shares)."""
    width, height, left, bottom = 340, 200, 12, 34
    top = max(*genuine, *impostor, 1e-12)
    low, high = edges[0], edges[-1]

    def across(value: float) -> float:
        return left + (width - 2 * left) * (value - low) / ((high - low) or 1)

    def down(share: float) -> float:
        return 10 + (height - bottom - 10) * (1 - share / top)

    parts = [_open(width, height, title)]
    for shares, style in ((impostor, "k1"), (genuine, "k0")):
        steps = [(edges[0], 0.0)]
        for n, share in enumerate(shares):
            steps += [(edges[n], share), (edges[n + 1], share)]
        points = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in [*steps, (edges[-1], 0.0)])
        parts.append(f'<polygon class="step f{style[1]}" points="{points}"/>')
    for value in (low, (low + high) / 2, high):
        anchor = "start" if value == low else "end" if value == high else "middle"
        parts.append(
            f'<text class="tick" x="{across(value):.1f}" y="{height - 20}" text-anchor="{anchor}">{value:.2f}</text>'
        )
    parts.append(f'<text class="axis" x="{width / 2}" y="{height - 6}" text-anchor="middle">score</text>')
    return "".join([*parts, "</svg>"])


def map_chart(points: Sequence[tuple[float, float, int, int]], title: str) -> str:
    """Dots at x, y, coloured by the third number; a ring where the fourth is 0 (cross), full where it is 1 (self)."""
    size, edge = 340, 14
    x, y = [p[0] for p in points], [p[1] for p in points]
    reach = max((max(x) - min(x), max(y) - min(y), 1e-9)) if points else 1.0
    middle = ((max(x) + min(x)) / 2, (max(y) + min(y)) / 2) if points else (0.0, 0.0)
    parts = [_open(size, size, title)]
    for a, b, number, own in points:
        across = size / 2 + (size - 2 * edge) * (a - middle[0]) / reach
        down = size / 2 - (size - 2 * edge) * (b - middle[1]) / reach
        style = f"f{number % 8}" if own else f"ring c{number % 8}"
        parts.append(f'<circle class="spot {style}" cx="{across:.1f}" cy="{down:.1f}" r="3.2"/>')
    return "".join([*parts, "</svg>"])


def sweep_chart(lines: Sequence[Line], levels: Sequence[str], title: str) -> str:
    """AUC (y, 0.4 to 1) over the levels of a stress sweep (x: their numbers)."""
    steps = max(len(levels) - 1, 1)
    ticks = [(n / steps, text) for n, text in enumerate(levels)]
    marks = [(v, f"{v:.1f}") for v in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)]
    placed = [
        replace(
            line,
            x=[v / steps for v in line.x],
            band=None if line.band is None else ([v / steps for v in line.band[0]], *line.band[1:]),
        )
        for line in lines
    ]
    chance = Line("chance", (0, 1), (0.5, 0.5), -1, dashed=True)
    return _chart([chance, *placed], ticks, marks, (0, 1), (0.4, 1), title, "AUC", f"AUC under {title}")


def _bent(band: Band, bend: Callable[[float], float]) -> Band:
    x, low, high = ([bend(v) for v in part] for part in band)
    return x, low, high


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
        if line.band is not None:
            along, low, high = line.band
            edge = [*zip(along, high, strict=True), *reversed(list(zip(along, low, strict=True)))]
            points = " ".join(f"{across(a):.1f},{down(b):.1f}" for a, b in edge)
            parts.append(f'<polygon class="band f{line.colour % 8}" points="{points}"/>')
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
