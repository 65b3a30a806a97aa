"""The pages in a real browser: on a screen and on a phone, by mouse and by keyboard, without scripts and offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from leaderboard.pages.static_site import export_site
from leaderboard.ranking.board_state import board_state
from leaderboard.server.page_routes import page_router
from nvfair_tools.dataset import Dataset
from tests.leaderboard import board_process
from tests.leaderboard.browser import CONTRAST, browser, chromium, served
from tests.leaderboard.example_results import example_board, example_result
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RESULTS = [
    *example_board(),
    *(example_result(f"contender {n}", {"alpha": 0.5 + n / 400}, number=n) for n in range(20, 140)),
]
POLICY = "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'"
DIGESTS = {result.submission.method: result.digest for result in RESULTS}
PAGES = {
    "table": "/",
    "unseen": "/?relation=unseen",
    "empty": "/?q=nothing+like+it",
    "method": f"/method/{DIGESTS['motion graph']}",
    "compare": f"/compare?a={DIGESTS['motion graph']}&b={DIGESTS['tiny net']}",
    "choose": "/compare",
    "submit": "/submit",
    "rules": "/rules",
    "data": "/data",
}


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    chromium()
    app, state = FastAPI(), board_state(RESULTS)
    app.include_router(page_router(lambda: state, phases=("development",)))

    @app.middleware("http")
    async def strict(request: Request, ahead: Any) -> Response:
        answer: Response = await ahead(request)
        answer.headers["content-security-policy"] = POLICY
        return answer

    with served(app) as address:
        yield address


@pytest.fixture
def tab(chrome: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page whose console must stay silent."""
    settings = getattr(request, "param", {})
    context = chrome.new_context(
        **{"viewport": {"width": 1100, "height": 900}, "java_script_enabled": True, **settings}
    )
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("requestfailed", lambda failed: messages.append(f"failed: {failed.url}"))
    yield page
    context.close()
    assert messages == []


def methods(page: Any) -> list[str]:
    names: list[str] = page.locator("table.board").first.locator("tbody .method > a").all_inner_texts()
    return names


def test_a_click_on_a_heading_sorts_and_another_turns_the_order(tab: Any, site: str) -> None:
    tab.goto(site)
    assert methods(tab)[0] == "motion graph"
    tab.get_by_role("link", name="Method", exact=False).first.click()
    ascending = methods(tab)
    assert ascending[0] == "contender 100"
    assert tab.locator("th.method").first.get_attribute("aria-sort") == "ascending"
    tab.get_by_role("link", name="Method", exact=False).first.click()
    assert methods(tab)[0] == "tiny net"
    assert tab.locator("th.method").first.get_attribute("aria-sort") == "descending"


def test_filters_narrow_the_table_and_stay_in_the_form(tab: Any, site: str) -> None:
    tab.goto(site)
    tab.get_by_label("Training data").select_option("open")
    tab.get_by_label("Search").fill("net")
    tab.get_by_role("button", name="Show").click()
    assert methods(tab) == ["tiny net"]
    assert tab.get_by_label("Search").input_value() == "net"
    assert tab.get_by_label("Training data").input_value() == "open"
    tab.get_by_label("Search").fill("nobody at all")
    tab.get_by_role("button", name="Show").click()
    tab.get_by_role("link", name="Show all entries of this board").click()
    assert len(methods(tab)) == 100


def test_relation_and_pages_are_links(tab: Any, site: str) -> None:
    tab.goto(site)
    first = methods(tab)
    tab.get_by_role("navigation", name="Pages of the table").get_by_role("link", name="2").click()
    assert not set(first) & set(methods(tab))
    tab.get_by_role("link", name="Unseen generators").click()
    assert methods(tab) == ["motion graph", "temporal net", "tiny net"]


def test_two_ticked_entries_are_compared(tab: Any, site: str) -> None:
    tab.goto(site)
    tab.get_by_label("Compare motion graph").check()
    tab.get_by_label("Compare tiny net").check()
    tab.get_by_role("button", name="Compare the two that are ticked").click()
    assert "motion graph is better than tiny net" in tab.inner_text("main")
    assert tab.locator("svg.plot").count() == 2


def test_ticking_one_is_explained(tab: Any, site: str) -> None:
    tab.goto(site + f"/compare?m={DIGESTS['tiny net']}")
    assert "Choose two different entries; 1 were chosen" in tab.get_by_role("alert").inner_text()


@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
def test_everything_works_without_scripts(tab: Any, site: str) -> None:
    tab.goto(site)
    tab.get_by_role("link", name="Worst person", exact=False).first.click()
    tab.get_by_role("link", name="motion graph").click()
    tab.get_by_text("Curves: the numbers").click()
    assert tab.locator("details table").first.is_visible()
    assert not tab.locator("details table").last.is_visible()


def test_the_methods_page_draws_curves_bands_and_people_with_words_for_them(tab: Any, site: str) -> None:
    tab.goto(site + PAGES["method"])
    assert tab.locator("#curves-name").is_visible()
    for name in ("ROC curves", "DET curves", "AUC of each person"):
        assert tab.get_by_role("img", name=name).is_visible()
    assert tab.locator("svg .band").count() == 4
    filled = tab.evaluate("getComputedStyle(document.querySelector('svg .band')).fill")
    assert filled not in ("rgb(0, 0, 0)", "none")  # the style sheet reaches the plots
    tab.get_by_role("link", name="temporal net").click()
    assert "share a place" in tab.inner_text("main")


@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_and_text_can_be_read(chrome: Any, site: str, width: int, scheme: str) -> None:
    context = chrome.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    for name, address in PAGES.items():
        page.goto(site + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        poor = page.evaluate(CONTRAST)
        assert poor == [], (name, poor[:5])
    context.close()
    assert messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system(chrome: Any, site: str, scheme: str) -> None:
    context = chrome.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(site)
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    context.close()
    assert (red > 200) == (scheme == "light")


def test_the_keyboard_alone_skips_sorts_filters_and_opens(tab: Any, site: str) -> None:
    def focused() -> str:
        text: str = tab.evaluate("document.activeElement.innerText || document.activeElement.name || ''")
        return text.strip()

    def press_tab_until(text: str, presses: int = 60) -> None:
        for _ in range(presses):
            tab.keyboard.press("Tab")
            if focused().startswith(text):
                assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
        raise AssertionError(f"{text!r} was not reached in {presses} steps")

    tab.goto(site)
    tab.keyboard.press("Tab")
    assert focused() == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    press_tab_until("q")
    tab.keyboard.type("net")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**q=net*")
    assert methods(tab) == ["temporal net", "tiny net"]
    press_tab_until("Method")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**sort=method*")
    press_tab_until("tiny net")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/method/*")
    assert tab.inner_text("h1") == "tiny net"


def test_the_export_opened_from_disk_sorts_and_leads_everywhere(tab: Any, tmp_path: Path) -> None:
    index = export_site(example_board(), tmp_path / "a folder" / "site")
    tab.goto(index.as_uri())
    assert methods(tab)[0] == "motion graph"
    tab.get_by_role("button", name="Method").first.click()
    assert methods(tab)[0] == "landmark spread"
    tab.get_by_role("button", name="AUC").first.click()
    assert methods(tab)[0] == "motion graph"
    tab.get_by_role("link", name="tiny net").click()
    assert tab.inner_text("h1") == "tiny net"
    tab.get_by_role("link", name="motion graph").click()
    assert "is better than tiny net" in tab.inner_text("main")
    tab.get_by_role("link", name="Rules", exact=True).click()
    assert tab.inner_text("h1") == "Rules"


@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
def test_the_export_can_be_read_without_scripts(tab: Any, tmp_path: Path) -> None:
    tab.goto(export_site(example_board(), tmp_path).as_uri())
    assert methods(tab)[0] == "motion graph"
    tab.get_by_role("navigation", name="Boards").get_by_role("link", name="nvfair-unseen").click()
    assert len(methods(tab)) == 3


def test_a_submission_by_form_is_checked_scored_and_shown_and_an_invalid_one_explained(
    tab: Any, tmp_path: Path, dataset: Dataset, submission: Path
) -> None:
    board = board_process.Board(tmp_path / "board", f"sqlite:///{tmp_path / 'board.sqlite'}", dataset)
    token = board.token("ann")
    valid_zip = board_process.zip_folder(submission, tmp_path / "good.zip")
    server, worker = board_process.Server(board), board_process.Process(board, "worker")
    try:

        def send(archive: Path) -> None:
            tab.goto(f"{server.url}/submit")
            tab.get_by_label("Token").fill(token)
            tab.get_by_label("Phase").select_option("development")
            tab.get_by_label("Zip file").set_input_files(archive)
            tab.get_by_role("button", name="Submit").click()

        statuses: list[int] = []
        tab.on("response", lambda answer: statuses.append(answer.status))
        send(valid_zip)
        assert tab.inner_text("h1") == "Submitted"

        def is_in_table() -> bool:
            tab.goto(server.url)
            return "landmark spread" in tab.inner_text("main")

        wait_until(is_in_table)
        tab.get_by_role("link", name="landmark spread").click()
        assert "scored here" in tab.inner_text("main")
        assert tab.get_by_role("img", name="AUC of each person").is_visible()
        assert max(statuses) < 400
    finally:
        worker.stop()
        server.stop()


def test_an_invalid_submission_is_explained_on_the_page(
    chrome: Any, tmp_path: Path, dataset: Dataset, submission: Path
) -> None:
    board = board_process.Board(tmp_path / "board", f"sqlite:///{tmp_path / 'board.sqlite'}", dataset)
    token = board.token("ann")
    (submission / "embeddings" / "test.parquet").unlink()
    invalid_zip = board_process.zip_folder(submission, tmp_path / "bad.zip")
    server, context = board_process.Server(board), chrome.new_context()
    try:
        page = context.new_page()
        page.goto(f"{server.url}/submit")
        page.get_by_label("Token").fill(token)
        page.get_by_label("Zip file").set_input_files(invalid_zip)
        page.get_by_role("button", name="Submit").click()
        assert page.inner_text("h1") == "Not submitted"
        assert "embeddings/test.parquet" in page.get_by_role("alert").inner_text()
    finally:
        context.close()
        server.stop()
