"""The report in a real browser: nothing is cut on a wide screen, and nothing leaves a narrow one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.report import write_report
from tests.benchmark.invented_results import SEEN, UNSEEN, cell, record, results
from tests.leaderboard.browser import browser

pytestmark = pytest.mark.browser

_CUT = "[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth - box.clientWidth)"


def test_tables_fit_a_wide_screen_and_the_page_fits_a_narrow_one(tmp_path: Path) -> None:
    methods = ("motion-signature", "temporal-cnn")
    cells = [
        cell(method, generator, relation=relation)
        for method in methods
        for generator, relation in (("alpha", "seen"), ("warp-dense-expressive", "unseen"))
    ]
    assert {row.protocol for row in cells} == {SEEN.name, UNSEEN.name}
    write_report(tmp_path / "index.html", results(cells=tuple(cells), methods={method: record() for method in methods}))
    address = (tmp_path / "index.html").as_uri()
    with browser() as started:
        page = started.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        assert set(page.evaluate(_CUT)) == {0}, "no table is cut"
        grounds = []
        for scheme in ("light", "dark"):
            page = started.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") == 390
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            page.get_by_role("link", name="Curves").first.click()
            assert page.evaluate("location.hash").startswith("#curves-")
        assert grounds[0] != grounds[1]
