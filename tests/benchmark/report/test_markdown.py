"""The report of an evaluation as Markdown."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from benchmark.evaluation.results import EvaluationResults
from benchmark.report import write_markdown
from benchmark.report.markdown import render_markdown
from tests.benchmark.invented_results import cell, results
from tests.benchmark.unknown_values import values_with_none


def test_the_markdown_holds_every_figure_and_no_markup_of_others(tmp_path: Path) -> None:
    hostile = results(data=replace(results().data, name="a|b\n<script>"))
    write_markdown(tmp_path / "r.md", hostile)
    text = (tmp_path / "r.md").read_text()
    assert "<script>" not in text
    for row in (*hostile.cells, *hostile.shortcuts):
        assert f"{row.figures.auc_mean.value:.3f} (" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) >= 5


def test_a_method_that_was_not_scored_on_a_generator_has_a_dash_there(tmp_path: Path) -> None:
    write_markdown(tmp_path / "r.md", results(cells=(cell("cnn", "alpha"),)))
    line = next(line for line in (tmp_path / "r.md").read_text().splitlines() if line.startswith("| cnn "))
    assert line == "| cnn | alpha | 0.800 (0.750–0.850) | – |"


def test_every_value_that_may_be_none_has_words_in_the_markdown_and_the_notebook_and_survives_its_file() -> None:
    places = dict(values_with_none(results()))
    assert {".cells[0].figures.charts", ".stress[0].auc_mean", ".cells[0].margin"} <= set(places)
    for place, changed in places.items():
        assert "None" not in render_markdown(changed), place
        assert "None" not in changed._repr_html_(), place
        text = json.dumps(changed.to_json(), allow_nan=False)
        assert EvaluationResults.from_json(json.loads(text)).to_json() == changed.to_json(), place
