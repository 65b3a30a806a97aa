"""Charts are whole SVG, keep inside their frame and escape the names they show."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmark.report.charts import (
    Line,
    det_chart,
    histogram_chart,
    map_chart,
    roc_chart,
    strip_chart,
    sweep_chart,
)

EVIL = '<img src=x> & "more"'
CURVE = Line(EVIL, (0.0, 0.2, 1.0), (0.0, 0.7, 1.0), 3, band=((0.1, 0.5), (0.2, 0.6), (0.4, 0.9)))
CHARTS = {
    "roc": roc_chart([CURVE]),
    "det": det_chart([CURVE]),
    "strip": strip_chart([(EVIL, [(EVIL, 0.4), ("b", 0.9)], 0.65)]),
    "histogram": histogram_chart((-1.0, 0.0, 1.0), (0.2, 0.8), (0.9, 0.1), EVIL),
    "map": map_chart([(0.0, 1.0, 0, 1), (2.0, -1.0, 9, 0)], EVIL),
    "sweep": sweep_chart([Line(EVIL, (0, 1), (0.8, 0.6), 1)], ["0", "0.1"], "noise"),
}


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_a_chart_is_well_formed_whatever_the_names(name: str) -> None:
    root = ElementTree.fromstring(CHARTS[name])
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg", "line", "text", "polyline", "polygon", "circle", "title",
    }  # fmt: skip


def test_the_lowest_and_the_highest_person_are_named_without_touching() -> None:
    def names(*dots: tuple[str, float]) -> list[tuple[str, float, str]]:
        root = ElementTree.fromstring(strip_chart([("cnn", dots, 0.7)]))
        texts = [text for text in root.findall("{*}text") if text.get("class") == "name"]
        return [(str(text.text), float(str(text.get("x"))), str(text.get("text-anchor"))) for text in texts]

    (low, low_x, _), (high, high_x, anchor) = names(("toy:b", 0.6), ("toy:a", 0.5), ("toy:c", 0.95))
    assert (low, high, anchor) == ("toy:a", "toy:c", "end")
    assert low_x < high_x
    assert [name for name, *_ in names(("toy:a", 0.9), ("toy:b", 0.91))] == ["toy:a"]
    assert names(("toy:a", 0.9), ("toy:b", 0.9)) == []
    # At the right edge the name still ends within the chart.
    ((_, x, _),) = names(("a-very-long-name:a", 0.99), ("b", 1.0))
    assert x + 6.5 * len("a-very-long-name:a") <= 640


def _points(svg: str, tag: str) -> list[tuple[float, float]]:
    element = next(e for e in ElementTree.fromstring(svg).iter() if e.tag.endswith(tag) and e.get("points"))
    pairs = [point.split(",") for point in str(element.get("points")).split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_points_outside_the_axes_are_drawn_on_the_edge() -> None:
    corners = [(60.0, 300.0), (328.0, 12.0)]
    last = ElementTree.fromstring(roc_chart([Line("a", (-1.0, 2.0), (-0.5, 1.5), 0)])).findall("{*}polyline")[-1]
    assert [tuple(map(float, point.split(","))) for point in str(last.get("points")).split()] == corners


def test_a_rate_of_zero_has_a_place_on_normal_deviate_axes() -> None:
    """Its deviate is minus infinity."""
    assert "inf" not in det_chart([Line("a", (0.0, 1.0), (1.0, 0.0), 0)])


def test_equal_scores_and_single_points_can_be_drawn() -> None:
    assert "nan" not in histogram_chart((0.5, 0.5), (1.0,), (1.0,), "equal")
    assert "nan" not in map_chart([(0.3, 0.3, 0, 1)], "one point")
    assert ElementTree.fromstring(map_chart([], "no point")).findall("{*}circle") == []


def test_bars_start_and_end_on_the_axis() -> None:
    points = _points(CHARTS["histogram"], "polygon")
    assert points[0][1] == points[-1][1] == max(y for _, y in points)
