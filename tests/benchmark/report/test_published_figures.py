"""Published figures are those of their sources, and each stands with what its rule leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.evaluation.published_tables import read_published_tables
from benchmark.report.page import render_page
from tests.benchmark.invented_results import results

TABLES = read_published_tables()["tables"]


def table(words: str) -> dict:
    (matching,) = [table for table in TABLES if words in table["title"]]
    return matching


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_every_table_is_whole_and_says_what_its_rule_leaves_out(number: int) -> None:
    content = TABLES[number]
    assert len(content["auc"]) == len(content["train"])
    assert {len(row) for row in content["auc"]} == {len(content["test"])}
    assert content["excluded"]
    assert content["source"].startswith("arXiv ")


def test_trustfas_figures_are_quoted_by_generator_as_trained_on_all_three(shared: Path) -> None:
    text = (shared / "methods" / "README.md").read_text(encoding="utf-8")
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[1].startswith("."):
            rows[cells[0]] = [float(cell) for cell in cells[1:5]]
    content = table("TrustFA")
    assert content["test"] == ["overall", "face-vid2vid", "LIA", "TPS"]
    upstream = ("TrustFA FEAT_DIFF", "FEAT_DIFF in the representation ablation", "PIXEL_DIFF", "RAW_FEAT", "STATIC")
    assert content["auc"] == [rows[name] for name in upstream]
    assert content["auc"][4] == [0.610, 0.685, 0.630, 0.631]
    assert "trained on all three generators" in content["title"]


def test_nvfairs_matrix_is_that_of_the_reference(shared: Path) -> None:
    lines = (shared / "REFERENCE.md").read_text(encoding="utf-8").splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("| trained on"))
    content = table("ECCV 2024")
    for name, row, line in zip(content["train"], content["auc"], lines[begin + 2 :], strict=False):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert [name, *map(float, cells[1:])] == [cells[0], *row]


def test_a_report_shows_what_a_rule_left_out() -> None:
    page = render_page(results(published={"about": "elsewhere", "tables": TABLES}))
    assert page.count("left out by its rule: ") == len(TABLES)
    assert "19 of the 35 people are of CREMA-D" in page
