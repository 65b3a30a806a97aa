"""Charts as inline SVG, coloured by the page's own style variables (so they follow light and dark)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from statistics import NormalDist

_NORMAL = NormalDist()
_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 340, 60, 40, 12, 12
# A rate below this is drawn on a DET curve's edge.
_SMALLEST_RATE = 1e-4
COLOURS = 8  # of the page's style, c0 to c7
_NAME_PIXELS = 6.5  # of a letter, at most

# x, low and high of the interval around a curve.
Band = tuple[Sequence[float], Sequence[float], Sequence[float]]
# Where a tick is, and its text.
Tick = tuple[float, str]


@dataclass(frozen=True)
class Line:
    """One curve: x and y in data units, a label, the number of its colour (below 0: grey), and the band around it."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int
    dashed: bool = False
    band: Band | None = None


@dataclass(frozen=True)
class _Axis:
    """An axis of a chart: its range in data units, its ticks and its title."""

    low: float
    high: float
    ticks: Sequence[Tick]
    title: str


def roc_chart(lines: Sequence[Line]) -> str:
    """ROC curves: true match rate (y) against false match rate (x), both linear."""
    ticks = [(rate, f"{rate:.1f}") for rate in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    diagonal = Line("chance", (0, 1), (0, 1), -1, dashed=True)
    return _chart(
        [diagonal, *lines], _Axis(0, 1, ticks, "false match rate"), _Axis(0, 1, ticks, "true match rate"), "ROC curves"
    )


def det_chart(lines: Sequence[Line]) -> str:
    """DET curves: false non-match rate (y) against false match rate (x), both on normal-deviate axes."""

    def deviate(rate: float) -> float:
        return _NORMAL.inv_cdf(min(max(rate, _SMALLEST_RATE), 1 - _SMALLEST_RATE))

    ticks = [(deviate(rate), f"{rate * 100:g} %") for rate in (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)]
    low, high = deviate(_SMALLEST_RATE), deviate(0.98)
    transformed = [
        replace(
            line,
            x=[deviate(rate) for rate in line.x],
            y=[deviate(rate) for rate in line.y],
            band=None if line.band is None else _transformed(line.band, deviate),
        )
        for line in lines
    ]
    equal = Line("equal", (low, high), (low, high), -1, dashed=True)
    return _chart(
        [equal, *transformed],
        _Axis(low, high, ticks, "false match rate"),
        _Axis(low, high, ticks, "false non-match rate"),
        "DET curves",
    )


def strip_chart(rows: Sequence[tuple[str, Sequence[tuple[str, float]], float]]) -> str:
    """One line of dots for each row: (label, (person, AUC) of each dot, mean AUC).

    The axis runs from 0 to 1, or from 0.3 where no AUC is below.
    """
    aucs = [auc for _, dots, _ in rows for _, auc in dots]
    low = 0.3 if aucs and min(aucs) >= 0.3 else 0.0
    width, row_height, left = 640, 48, 10
    height = 20 + row_height * len(rows) + 24

    def pixel_x(auc: float) -> float:
        return left + (width - 2 * left) * (auc - low) / (1 - low)

    parts = [_svg_start(width, height, "AUC of each person")]
    for tick in (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        if tick < low:
            continue
        x = pixel_x(tick)
        style = "chance" if tick == 0.5 else "grid"
        parts.append(f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="12" y2="{height - 24}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick:.1f}</text>')
    for number, (label, dots, mean) in enumerate(rows):
        y = 36 + row_height * number
        parts.append(f'<text class="tick" x="{left}" y="{y - 12}">{escape(label)}</text>')
        for person, auc in dots:
            title = f"<title>{escape(person)}: {auc:.3f}</title>"
            parts.append(f'<circle class="dot" cx="{pixel_x(auc):.1f}" cy="{y}" r="4">{title}</circle>')
        for person, x, anchor in _ends(dots, pixel_x, width):
            parts.append(f'<text class="name" x="{x:.1f}" y="{y + 16}" text-anchor="{anchor}">{escape(person)}</text>')
        x = pixel_x(mean)
        parts.append(f'<line class="mean" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 8}" y2="{y + 8}"/>')
    return "".join([*parts, "</svg>"])


def _ends(
    dots: Sequence[tuple[str, float]], pixel_x: Callable[[float], float], width: float
) -> list[tuple[str, float, str]]:
    """The lowest and the highest person of a row with the places of their names: (name, x, anchor of the text).

    None where all are equal; the highest is left out where the two names would touch.
    """
    if len({auc for _, auc in dots}) < 2:
        return []
    (low_name, low), (high_name, high) = (choose(dots, key=lambda dot: dot[1]) for choose in (min, max))
    low_width, high_width = (_NAME_PIXELS * len(name) for name in (low_name, high_name))
    low_x = min(pixel_x(low) - 4, width - low_width)
    high_x = max(pixel_x(high) + 4, high_width)
    names = [(low_name, max(low_x, 0.0), "start")]
    if high_x - high_width > low_x + low_width + 8:
        names.append((high_name, high_x, "end"))
    return names


def histogram_chart(edges: Sequence[float], genuine: Sequence[float], impostor: Sequence[float], title: str) -> str:
    """Shares of genuine and impostor trials by score; edges: of the bins, one more than there are shares."""
    width, height, left, bottom = 340, 200, 12, 34
    largest = max(*genuine, *impostor, 1e-12)
    low, high = edges[0], edges[-1]

    def pixel_x(score: float) -> float:
        return left + (width - 2 * left) * (score - low) / ((high - low) or 1)

    def pixel_y(share: float) -> float:
        return 10 + (height - bottom - 10) * (1 - share / largest)

    parts = [_svg_start(width, height, title)]
    for shares, colour in ((impostor, 1), (genuine, 0)):
        # The outline of the bars, from the axis and back to it.
        corners = [(edges[0], 0.0)]
        for number, share in enumerate(shares):
            corners += [(edges[number], share), (edges[number + 1], share)]
        corners.append((edges[-1], 0.0))
        points = " ".join(f"{pixel_x(score):.1f},{pixel_y(share):.1f}" for score, share in corners)
        parts.append(f'<polygon class="step f{colour}" points="{points}"/>')
    for score in (low, (low + high) / 2, high):
        anchor = "start" if score == low else "end" if score == high else "middle"
        parts.append(
            f'<text class="tick" x="{pixel_x(score):.1f}" y="{height - 20}" text-anchor="{anchor}">{score:.2f}</text>'
        )
    parts.append(f'<text class="axis" x="{width / 2}" y="{height - 6}" text-anchor="middle">score</text>')
    return "".join([*parts, "</svg>"])


def map_chart(points: Sequence[tuple[float, float, int, int]], title: str) -> str:
    """Dots at (x, y) in the colour of the third number; a ring where the fourth is 0 (cross), full where it is 1."""
    size, margin = 340, 14
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    # Both axes have one scale, around the middle of the points.
    extent = max((max(xs) - min(xs), max(ys) - min(ys), 1e-9)) if points else 1.0
    middle_x, middle_y = ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2) if points else (0.0, 0.0)
    parts = [_svg_start(size, size, title)]
    for x, y, number, is_self in points:
        pixel_x = size / 2 + (size - 2 * margin) * (x - middle_x) / extent
        pixel_y = size / 2 - (size - 2 * margin) * (y - middle_y) / extent
        style = f"f{number % COLOURS}" if is_self else f"ring c{number % COLOURS}"
        parts.append(f'<circle class="spot {style}" cx="{pixel_x:.1f}" cy="{pixel_y:.1f}" r="3.2"/>')
    return "".join([*parts, "</svg>"])


def sweep_chart(lines: Sequence[Line], levels: Sequence[str], title: str) -> str:
    """AUC (y, 0.4 to 1) over the levels of a stress sweep; a line's x are numbers of levels."""
    steps = max(len(levels) - 1, 1)
    level_ticks = [(number / steps, level) for number, level in enumerate(levels)]
    auc_ticks = [(auc, f"{auc:.1f}") for auc in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)]
    scaled = [
        replace(
            line,
            x=[number / steps for number in line.x],
            band=None if line.band is None else ([number / steps for number in line.band[0]], *line.band[1:]),
        )
        for line in lines
    ]
    chance = Line("chance", (0, 1), (0.5, 0.5), -1, dashed=True)
    return _chart(
        [chance, *scaled], _Axis(0, 1, level_ticks, title), _Axis(0.4, 1, auc_ticks, "AUC"), f"AUC under {title}"
    )


def _transformed(band: Band, transform: Callable[[float], float]) -> Band:
    x, low, high = ([transform(value) for value in values] for values in band)
    return x, low, high


def _chart(lines: Sequence[Line], x_axis: _Axis, y_axis: _Axis, title: str) -> str:
    """Lines with their bands over a grid; values outside an axis are drawn on its edge."""
    inner_width, inner_height = _SIZE - _LEFT - _RIGHT, _SIZE - _TOP - _BOTTOM

    def pixel_x(value: float) -> float:
        inside = min(max(value, x_axis.low), x_axis.high)
        return _LEFT + inner_width * (inside - x_axis.low) / (x_axis.high - x_axis.low)

    def pixel_y(value: float) -> float:
        inside = min(max(value, y_axis.low), y_axis.high)
        return _TOP + inner_height * (1 - (inside - y_axis.low) / (y_axis.high - y_axis.low))

    parts = [_svg_start(_SIZE, _SIZE, title)]
    for value, text in x_axis.ticks:
        x = pixel_x(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_TOP + inner_height}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_SIZE - 24}" text-anchor="middle">{text}</text>')
    for value, text in y_axis.ticks:
        y = pixel_y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_SIZE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{text}</text>')
    for line in lines:
        if line.band is not None:
            # Along the upper edge, and back along the lower one.
            x_values, low, high = line.band
            outline = [*zip(x_values, high, strict=True), *reversed(list(zip(x_values, low, strict=True)))]
            points = " ".join(f"{pixel_x(x):.1f},{pixel_y(y):.1f}" for x, y in outline)
            parts.append(f'<polygon class="band f{line.colour % COLOURS}" points="{points}"/>')
    for line in lines:
        points = " ".join(f"{pixel_x(x):.1f},{pixel_y(y):.1f}" for x, y in zip(line.x, line.y, strict=True))
        style = "chance" if line.colour < 0 else f"curve c{line.colour % COLOURS}"
        dashes = ' stroke-dasharray="4 4"' if line.dashed else ""
        parts.append(
            f'<polyline class="{style}" points="{points}"{dashes}><title>{escape(line.label)}</title></polyline>'
        )
    middle = _TOP + inner_height / 2
    parts.append(
        f'<text class="axis" x="{_LEFT + inner_width / 2}" y="{_SIZE - 6}" text-anchor="middle">{x_axis.title}</text>'
    )
    parts.append(
        f'<text class="axis" x="10" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 10 {middle})">{y_axis.title}</text>'
    )
    return "".join([*parts, "</svg>"])


def _svg_start(width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" '
        'xmlns="http://www.w3.org/2000/svg">'
    )
