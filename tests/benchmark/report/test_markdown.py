"""The report of an evaluation as Markdown."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from benchmark.evaluation.results import EvaluationResults
from benchmark.report import write_markdown
from benchmark.report.markdown import render_markdown
from tests.benchmark.invented_results import cell, network_details, results
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


def test_a_figure_by_a_loss_in_a_published_setting_says_so_in_its_row() -> None:
    preset = {"include_self": True, "share_driving_clip": True, "kind": "fingerprint", "tau": 0.5, "scale": "batch"}
    rows = {}
    for name, loss in (("theirs", {**preset, "shuffle_weight": 1.0}), ("ours", {"kind": "fingerprint", "tau": 0.5})):
        made = results()
        record = replace(made.methods["cnn"], details=network_details(options={"loss": loss}))
        text = render_markdown(replace(made, methods={**made.methods, "cnn": record}))
        rows[name] = next(line for line in text.splitlines() if line.startswith("| cnn "))
    assert "loss: re-implementation" in rows["theirs"]
    assert "loss:" not in rows["ours"]


def test_what_a_rule_leaves_out_is_counted_in_clips_and_people() -> None:
    made = results()
    counted = replace(
        made.exclusions[0], clips_lost={"render_failed": 2}, people_lost={"render_failed": 1}, people_without_videos=1
    )
    text = render_markdown(replace(made, exclusions=(counted,)))
    assert "200 of 203 videos scored (3 render_failed: 2 clips of 1 person). 1 person drives none of them." in text
    assert "200 of 203 videos scored (3 render_failed)." in render_markdown(made)
