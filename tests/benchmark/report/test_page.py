"""The page of a report: what it shows, what it says of unknown values, and what cannot get in."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.evaluation.result_rows import ShortcutMargin
from benchmark.evaluation.results import EvaluationResults, read_results
from benchmark.report import write_report, write_report_folder
from benchmark.report.frames import Sample
from benchmark.report.markdown import render_markdown
from benchmark.report.page import render_page
from benchmark.report.tables import SHORTCUT_SENTENCE
from benchmark.trial_scores.figure_values import IntervalFigure
from tests.benchmark.invented_results import (
    SEEN,
    cell,
    figures,
    network_details,
    record,
    results,
)
from tests.benchmark.unknown_values import values_with_none


class _Page(HTMLParser):
    """What a page would fetch, its text, and its unclosed tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "img", "link", "polyline", "line", "circle"):
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not (value or "").startswith(("data:", "#")):
                self.fetched.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_shows_the_figures_and_needs_nothing_else(tmp_path: Path) -> None:
    write_report(tmp_path / "index.html", results())
    html = (tmp_path / "index.html").read_text()
    page = _Page(html)
    assert page.fetched == []
    assert page.open == []
    assert "<script" not in html
    for row in (*results().cells, *results().shortcuts):
        assert f"{row.figures.auc_mean.value:.3f}" in page.text
    for words in (SEEN.digest, "Published figures, for orientation", "within the toy family", "render_failed"):
        assert words in page.text
    assert "132 448 parameters on distances" in page.text
    assert "budget 1 600 windows, seed 3; record 0123456789abcdef" in page.text


def test_methods_of_different_kinds_are_not_averaged_into_one_headline() -> None:
    mixed = results(
        methods={"cnn": record(), "other": record(network_details(input="still"))},
        cells=(cell("cnn", "alpha", 0.9), cell("cnn", "beta", 0.8, relation="unseen"), cell("other", "alpha", 0.5)),
    )
    headlines = re.findall(r'class="figure">([0-9.]+)<', render_page(mixed))
    assert headlines == ["0.900", "0.800", "0.500"]


def test_a_shortcut_that_comes_near_is_said_in_words_and_red() -> None:
    margin = ShortcutMargin("still frame", 0.01, -0.1, 0.1, 2, near=True)
    words = '<small class="bad">a shortcut comes near</small>'
    near = render_page(results(cells=(cell("cnn", "alpha", margin=margin),)))
    assert 'class="near' in near
    assert words in near
    assert words not in render_page(results(cells=(cell("cnn", "alpha", margin=replace(margin, near=False)),)))


def test_names_from_data_sets_cannot_inject_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    hostile = results(
        data=replace(results().data, name="<script>alert(1)</script>"),
        methods={evil: record(), "cnn": record()},
        cells=(cell(evil, "alpha"), cell("cnn", evil)),
    )
    html = render_page(hostile, [Sample(evil, evil, evil, evil, evil, (), evil)])
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_a_published_network_of_which_nothing_is_recorded_is_shown_as_unknown() -> None:
    """As `nvfair import-checkpoint` writes it: the authors' files say neither budget nor seed nor step."""
    details = network_details(
        windows=None,
        seed=None,
        selection={"metric": "its authors' choice", "step": None, "steps_run": None, "validation_auc": None},
        options={"imported_from": "published.pt"},
    )
    text = _Page(render_page(results(methods={"cnn": record(details)}))).text
    assert "selected by its authors' choice at step unknown; budget unknown, seed unknown; record 0123" in text


@pytest.mark.parametrize("key", sorted(set(network_details()) - {"kind"}))
@pytest.mark.parametrize("absent", [False, True])
def test_any_value_of_a_networks_record_may_be_unknown(key: str, absent: bool) -> None:
    details = network_details(**{key: None})
    if absent:
        del details[key]
    text = _Page(render_page(results(methods={"cnn": record(details)}))).text
    assert "None" not in text
    if key in ("parameters", "input", "digest", "windows", "seed") and not (absent and key == "parameters"):
        assert "unknown" in text.replace("unknown people", "")


def test_every_value_that_may_be_none_has_its_place_on_the_page() -> None:
    whole = results(cells=results().cells[:1], shortcuts=results().shortcuts[:1])
    places = dict(values_with_none(whole))
    assert {".cells[0].figures.charts", ".stress[0].auc_mean", ".cells[0].margin"} <= set(places)
    assert len(places) > 30
    for place, changed in places.items():
        text = _Page(render_page(changed)).text
        assert "None" not in text, place


def test_intervals_that_cannot_be_trusted_are_called_so() -> None:
    without_interval = replace(figures(), auc_mean=IntervalFigure(0.8, None, None, 2, "2 people"))
    page = _Page(render_page(results(cells=(cell("cnn", "alpha", figures=without_interval),))))
    assert "no interval: 2 people" in page.text, "the reason stands beside it"


def test_every_entry_of_the_contents_leads_to_its_part() -> None:
    html = render_page(results(), [Sample("v", "self", "toy:0", "toy:0", "alpha", ("data:image/png;base64,",))])
    links = re.findall(r'href="#([^"]+)"', html)
    ids = re.findall(r'<h[23] id="([^"]+)"', html)
    assert len(links) == len(set(links)) >= 12
    assert sorted(links) == sorted(ids)


def test_curves_have_titles_and_the_colours_of_the_map_have_names() -> None:
    html = render_page(results(cells=(cell("cnn", "alpha"),)))
    assert html.count("<h4>ROC: true matches against false ones</h4>") == 1
    assert html.count("<h4>DET: the two errors against each other</h4>") == 1
    assert '<li><i class="k0"></i>toy:0</li><li><i class="k1"></i>toy:1</li>' in html
    # Everybody has a name beside their figures, not only a dot.
    (table,) = re.findall(r"<summary>everybody by name</summary>(.*?)</details>", html, re.DOTALL)
    for person, value in cell("cnn", "alpha").figures.auc_by_target.items():
        assert re.search(rf"<td>{person}</td><td>{value:.3f}</td>", table)


def test_a_sentence_says_what_near_a_shortcut_means() -> None:
    margin = ShortcutMargin("still frame", 0.01, -0.1, 0.1, 2, near=True)
    near = results(cells=(cell("cnn", "alpha", margin=margin),))
    assert SHORTCUT_SENTENCE in _Page(render_page(near)).text
    assert SHORTCUT_SENTENCE in render_markdown(near)
    assert SHORTCUT_SENTENCE not in render_markdown(results(cells=(cell("cnn", "alpha"),)))


def test_results_are_kept_where_the_page_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, results: EvaluationResults, dataset: object, **options: object) -> None:
        raise RuntimeError("a fault of the page")

    monkeypatch.setattr("benchmark.report.folder.write_report", broken)
    with pytest.raises(RuntimeError, match="a fault of the page"):
        write_report_folder(tmp_path / "report", results())
    assert read_results(tmp_path / "report" / "results.json") == results()


def test_a_report_folder_has_its_three_files(tmp_path: Path) -> None:
    write_report_folder(tmp_path / "new" / "report", results())
    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == [
        "index.html",
        "report.md",
        "results.json",
    ]
