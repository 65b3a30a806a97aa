"""The list in a real browser: filters, words, keys, phone width, light and dark, a set that changes on disk."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nvfair_tools.dataset import Dataset
from tests.leaderboard.browser import CONTRAST
from tests.nvfair_tools.viewer.browser_steps import (
    READY,
    counts,
    focused_video,
    heading,
    open_list,
    open_scene,
    rendering,
    wait,
)
from tests.nvfair_tools.viewer.conftest import Site, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_filters_narrow_the_list_counts_follow_and_the_address_keeps_them(tab: Any, site: Site, built: Path) -> None:
    videos = Dataset.open(built).videos
    open_list(tab, site)
    assert heading(tab) == f"{len(videos)} videos"
    assert counts(tab, "kind") == videos["kind"].value_counts().to_dict()
    tab.get_by_role("checkbox", name="warp-parts").check()
    tab.wait_for_url("**generator=warp-parts*")
    wait(tab, "document.querySelectorAll('a.card').length === 4")
    assert heading(tab) == f"4 of {len(videos)} videos"
    assert counts(tab, "kind") == {"cross": 2, "self": 2}
    assert counts(tab, "generator")["warp-dense"] == 4  # what it would show in place of the chosen one
    tab.get_by_role("checkbox", name="self").check()
    wait(tab, "document.querySelectorAll('a.card').length === 2")
    tab.go_back()
    wait(tab, "document.querySelectorAll('a.card').length === 4")
    assert not tab.get_by_role("checkbox", name="self").is_checked()
    tab.reload()
    tab.wait_for_selector(READY.format("list"))
    assert tab.get_by_role("checkbox", name="warp-parts").is_checked()
    tab.get_by_role("button", name="Remove the filter generator: warp-parts").click()
    wait(tab, f"document.querySelectorAll('a.card').length === {len(videos)}")


def test_words_search_while_they_are_typed_and_nothing_that_fits_is_said(tab: Any, site: Site) -> None:
    open_list(tab, site)
    tab.keyboard.press("/")
    tab.keyboard.type("truncated")
    wait(tab, "document.querySelectorAll('a.card').length === 1")
    assert "failed: truncated" in tab.inner_text("a.card")
    tab.keyboard.type(" nonsense")
    tab.get_by_text("No video fits these filters.").wait_for()
    tab.locator("main").get_by_role("button", name="Clear all filters").click()
    wait(tab, "document.querySelectorAll('a.card').length > 8")
    assert tab.input_value("#search") == ""


def test_thumbnails_of_renderings_say_synthetic(tab: Any, site: Site) -> None:
    open_list(tab, site, "kind=cross")
    wait(tab, "[...document.images].every((image) => image.complete && image.naturalWidth > 100)")
    assert tab.locator("a.card").count() == tab.locator("a.card .synthetic").count() == 4
    open_list(tab, site, "kind=real")
    assert tab.locator("a.card .synthetic").count() == 0


def test_the_keyboard_alone_goes_through_list_scene_and_filters(tab: Any, site: Site) -> None:
    open_list(tab, site, "kind=cross")
    tab.keyboard.press("j")
    first = focused_video(tab)
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("ArrowRight")
    second = focused_video(tab)
    assert len({first, second, ""}) == 3
    tab.keyboard.press("k")
    assert focused_video(tab) == first
    tab.keyboard.press("Enter")
    tab.wait_for_selector(READY.format(first))
    tab.keyboard.press("j")
    tab.wait_for_selector(READY.format(second))
    assert "2 of 4" in tab.inner_text(".steps")
    tab.keyboard.press("Escape")
    tab.wait_for_selector(READY.format("list"))
    assert focused_video(tab) == second
    for key, facet in (("g", "generator"), ("d", "driver"), ("t", "target")):
        tab.keyboard.press(key)
        assert tab.evaluate("document.activeElement.closest('.facet')?.dataset.facet") == facet
        tab.keyboard.press("Escape")
    tab.keyboard.press("?")
    assert tab.get_by_role("dialog").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.get_by_role("dialog").is_visible()
    tab.keyboard.press("x")
    wait(tab, "!location.search.includes('kind')")


def test_other_faces_and_other_drivers_are_one_click_away(tab: Any, site: Site, built: Path) -> None:
    open_scene(tab, site, rendering(built))
    assert "hopper drives astronaut" in heading(tab)
    tab.locator(".strip", has_text="The same clip on other faces").get_by_role("link", name="hopper").click()
    tab.get_by_role("heading", name="hopper drives themselves").wait_for()
    tab.get_by_role("link", name="all 2 in the list").last.click()
    tab.wait_for_selector(READY.format("list"))
    assert "target=museum%3Ahopper" in tab.url


def test_a_set_that_is_being_rebuilt_says_so_and_comes_back(chrome: Any, copy: Path) -> None:
    with closing(serve(copy)) as sites:
        page = chrome.new_page()
        page.set_default_timeout(60_000)
        open_list(page, next(sites))
        (copy / "dataset.json").rename(copy / "aside.json")
        page.keyboard.press("]")
        page.reload()
        page.get_by_role("heading", name="This data set cannot be read now").wait_for()
        assert "run `nvfair build` again" in page.inner_text("pre.note")
        (copy / "aside.json").rename(copy / "dataset.json")
        page.get_by_role("button", name="Try again").click()
        page.wait_for_selector("a.card")
        page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways_and_text_can_be_read_in_light_and_dark(
    tab: Any, site: Site, built: Path, width: int
) -> None:
    def check(name: str) -> None:
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            red = int(tab.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
            assert (red > 200) == (scheme == "light")
            # Buttons take a moment to change their colours.
            wait(tab, "document.getAnimations().length === 0")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, (name, scheme)
            poor = tab.evaluate(CONTRAST)
            assert poor == [], (name, scheme, poor[:5])

    tab.set_viewport_size({"width": width, "height": 844})
    open_list(tab, site, "state=ok&state=failed")
    check("list")
    if width < 700:
        assert not tab.locator("[data-facet=kind]").is_visible()
        tab.get_by_role("button", name="Filters").click()
    assert tab.locator("[data-facet=kind]").is_visible()
    check("filters")
    open_scene(tab, site, rendering(built))
    check("scene")
