"""Typed results: what is written is read again, and a notebook shows them."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmark.evaluation.result_rows import ShortcutMargin, ShortcutResult
from benchmark.evaluation.results import EvaluatedProtocol, EvaluationResults, read_results, write_results
from benchmark.metrics.margin import Margin
from benchmark.metrics.paired_differences import PairedDifference
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.cell_figures import CellFigures
from nvfair_tools.errors import NvfairError
from tests.benchmark.invented_results import cell, figures, record, results


def test_results_are_the_same_after_a_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, results())
    assert read_results(path) == results()
    written = path.read_bytes()
    write_results(path, read_results(path))
    assert path.read_bytes() == written


def test_figures_that_were_not_computed_have_no_key() -> None:
    least = figures(full=False)
    content = least.to_json()
    left_out = {"fta", "at_validation_threshold", "subgroups", "curve", "bands", "permutation", "cross_cross"}
    assert not left_out & set(content)
    assert CellFigures.from_json(content) == least


def test_every_field_of_the_invented_figures_is_filled() -> None:
    """Otherwise the tests of this file would pass over what they leave out."""
    assert all(getattr(figures(), field.name) is not None for field in fields(CellFigures))
    assert all(getattr(results(), field.name) for field in fields(EvaluationResults))


def test_a_margin_of_an_earlier_version_has_no_reason_and_one_without_an_interval_keeps_it() -> None:
    with_interval = ShortcutMargin("still frame", 0.15, 0.1, 0.2, 9, False)
    assert "reason" not in with_interval.to_json()
    assert ShortcutMargin.from_json(with_interval.to_json()) == with_interval
    difference = PairedDifference(0.15, math.nan, math.nan, math.nan, 4, "4 people")
    without = ShortcutMargin.from_margin(Margin("still frame", difference))
    assert (without.low, without.high, without.reason) == (None, None, "4 people")
    assert ShortcutMargin.from_json(without.to_json()) == without


def test_resamples_of_the_mean_are_not_written() -> None:
    content = figures().to_json()
    assert "resampled_mean" not in content
    assert CellFigures.from_json(content) == figures()
    assert CellFigures.from_json(content).resampled_mean is None


def test_the_file_has_no_nan(tmp_path: Path) -> None:
    broken = replace(results().cells[0].figures, worst_decile=math.nan)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results(tmp_path / "r.json", results(cells=(cell("cnn", "alpha", figures=broken),)))
    assert not (tmp_path / "r.json").exists()


def _without(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    *way, last = keys
    inner: Any = content
    for key in way:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    del inner[last]
    return content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "format version None"),
        (json.dumps(results().to_json() | {"format_version": 1}), "format version 1"),
        (json.dumps(_without(results().to_json(), "cells", "0", "eer")), "'eer'"),
        (json.dumps(_without(results().to_json(), "machine")), "'machine'"),
        (json.dumps(results().to_json() | {"cells": 3}), "not iterable"),
    ],
)
def test_what_is_no_results_file_is_refused_in_words(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(NvfairError, match=words) as caught:
        read_results(path)
    assert str(path) in str(caught.value)


def test_a_folder_without_a_report_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="no report here"):
        read_results(tmp_path / "results.json")


def test_the_headline_is_the_figure_that_the_protocol_names() -> None:
    pooled = Protocol(name="pooled", scoring={"headline": "pooled-auc"})
    with_pooled = results(protocols=(*results().protocols, EvaluatedProtocol(1, pooled.digest, pooled)))
    first, second = cell("cnn", "alpha"), cell("cnn", "alpha", section=1, protocol="pooled")
    assert with_pooled.headline(first) == first.figures.auc_mean
    assert with_pooled.headline(second) == second.figures.auc_pooled


def test_the_strongest_shortcut_is_of_the_same_generator_and_section() -> None:
    shortcuts = [
        ShortcutResult(section, name, generator, figures(value, full=False))
        for section, name, generator, value in (
            (0, "still frame", "alpha", 0.6), (0, "head pose only", "alpha", 0.7),
            (0, "still frame", "beta", 0.9), (1, "still frame", "alpha", 0.95),
        )
    ]  # fmt: skip
    shortened = results(shortcuts=tuple(shortcuts))
    assert shortened.strongest_shortcut(cell("cnn", "alpha")) == shortcuts[1]
    assert shortened.strongest_shortcut(cell("cnn", "gamma")) is None


class _Cells(HTMLParser):
    """The texts of table cells, and the names of all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def test_a_notebook_shows_each_cell_beside_its_strongest_shortcut() -> None:
    html = results()._repr_html_()
    assert _Cells(html).rows == [
        ["protocol", "method", "generator", "relation", "AUC (interval)", "strongest shortcut"],
        ["nvfair-seen", "cnn", "alpha", "seen", "0.800 (0.750–0.850)", "still frame 0.650"],
        ["nvfair-unseen", "cnn", "beta", "unseen", "0.750 (0.700–0.800)", "still frame 0.650"],
    ]
    assert html.index("Not scored under nvfair-cross-cross") < html.index("<table")


def test_a_notebook_shows_no_protocol_where_there_is_one_and_says_what_is_missing() -> None:
    lone = cell("cnn", "alpha", contaminated=("1 test person was in training",))
    without_interval = replace(lone.figures, auc_mean=lone.figures.auc_pooled)
    html = results(cells=(replace(lone, figures=without_interval),), shortcuts=(), warnings=())._repr_html_()
    assert _Cells(html).rows[1:] == [
        ["cnn", "alpha", "seen, contaminated", "0.790 (no interval: 2 people are too few for an interval)", "none"]
    ]
    assert "<li>" not in html


def test_names_cannot_bring_markup_into_a_notebook() -> None:
    evil = "<img src=x onerror=alert(1)>"
    hostile = results(
        data=replace(results().data, name=evil),
        methods={evil: record()},
        cells=(cell(evil, evil, relation=evil, protocol=evil),),
        shortcuts=(ShortcutResult(0, evil, evil, figures(full=False)),),
        warnings=(evil,),
    )
    html = hostile._repr_html_()
    assert _Cells(html).tags == {"div", "p", "b", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert len(re.findall("&lt;img", html)) == 6


def test_results_are_read_and_shown_without_torch_and_jinja() -> None:
    code = """
import sys
for name in ("torch", "jinja2"):
    sys.modules[name] = None
from tests.benchmark.invented_results import results
assert "<table" in results()._repr_html_()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
