"""The report of an evaluation as Markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from benchmark.report import write_markdown
from tests.benchmark.invented_results import cell, results


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
