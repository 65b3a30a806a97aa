"""The viewer in a real browser: filters, keys, playback in step, landmarks on faces, phone width, light and dark."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nvfair_tools.dataset import Dataset
from tests.leaderboard.browser import CONTRAST, browser
from tests.nvfair_tools.viewer.conftest import FRAMES, Site, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOPPER, ASTRONAUT = "museum:hopper", "museum:astronaut"
FPS = 25
READY = "main[data-ready='{}']"
PLAYED = "[...document.querySelectorAll('.panel video')]"
# Each panel's video stands in the middle of the frame that the clock shows, and has presented it.
STANDS = """(frame) => [...document.querySelectorAll('.panel video')].every((video) => !video.seeking && video.paused
  && Math.abs(video.currentTime * 25 - frame - 0.5) < 0.4)
  && [...document.querySelectorAll('canvas.overlay')].every((canvas) => Number(canvas.dataset.frame) === frame)"""
# Where a canvas has ink: x and y in CSS pixels of the canvas.
INK = """(canvas) => {
  const {width, height} = canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const scale = canvas.clientWidth / width;
  const spots = [];
  for (let n = 0; n < width * height; n += 1) {
    if (pixels[4 * n + 3] > 100) spots.push([(n % width + 0.5) * scale, (Math.floor(n / width) + 0.5) * scale]);
  }
  return spots;
}"""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture
def tab(chrome: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page whose console must stay silent."""
    context = chrome.new_context(**{"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})})
    page = context.new_page()
    page.set_default_timeout(60_000)
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    yield page
    context.close()
    # These tests read the canvas more often than the page does.
    assert [text for text in messages if "willReadFrequently" not in text] == []


def open_list(tab: Any, site: Site, filters: str = "") -> None:
    tab.goto(site.entry + (f"&{filters}" if filters else ""))
    tab.wait_for_selector(READY.format("list"))


def open_scene(tab: Any, site: Site, video: str) -> None:
    tab.goto(f"{site.entry}&video={video}")
    tab.wait_for_selector(READY.format(video))


def wait(tab: Any, expression: str, arg: Any = None) -> None:
    """Waits until an expression is true. (Playwright's own way needs `eval`, which the page forbids.)"""
    for _ in range(1200):
        if tab.evaluate(expression, arg):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"not in a minute: {expression} {arg or ''}")


def rendering(folder: Path, generator: str = "warp-dense", driver: str = HOPPER, target: str = ASTRONAUT) -> str:
    """The id of a rendering."""
    videos = Dataset.open(folder).videos
    rows = videos[(videos["generator"] == generator) & (videos["driver"] == driver) & (videos["target"] == target)]
    return str(rows["video"].iloc[0])


def heading(tab: Any) -> str:
    text: str = tab.inner_text("main h1")
    return text


def focused_video(tab: Any) -> str:
    video: str = tab.evaluate("document.activeElement.dataset.video || ''")
    return video


def counts(tab: Any, facet: str) -> dict[str, int]:
    """The choices of a facet with their counts, as the page shows them."""
    items = tab.locator(f"[data-facet={facet}] li")
    return {
        items.nth(n).locator(".value").inner_text(): int(items.nth(n).locator(".count").inner_text())
        for n in range(items.count())
    }


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


def test_source_and_renderings_play_in_step_and_pause_on_one_frame(tab: Any, site: Site, built: Path) -> None:
    open_scene(tab, site, rendering(built))
    titles = tab.locator(".panel-name b").all_inner_texts()
    assert titles == ["Source", "Portrait", "warp-dense", "warp-parts"]
    assert tab.locator(".panel .synthetic").count() == 2
    assert tab.locator(".portrait img").evaluate("(image) => image.naturalWidth") > 50
    tab.get_by_label("Speed").select_option("0.25")
    tab.keyboard.press("Space")
    wait(tab, f"{PLAYED}.every((video) => !video.paused && video.currentTime > 0.4)")
    seen = []
    for _ in range(6):
        seen.append(tab.evaluate(f"{PLAYED}.map((video) => video.currentTime)"))
        tab.wait_for_timeout(60)
    apart = np.ptp(np.array(seen), axis=1)
    assert seen[-1][0] > seen[0][0]
    assert apart.max() < 2.5 / FPS, seen
    tab.keyboard.press("Space")
    frame = int(tab.input_value("input[type=range]"))
    assert frame >= 9
    wait(tab, STANDS, arg=frame)
    tab.keyboard.press(".")
    wait(tab, STANDS, arg=frame + 1)
    tab.keyboard.press(",")
    tab.keyboard.press(",")
    wait(tab, STANDS, arg=frame - 1)
    tab.keyboard.press("End")
    wait(tab, STANDS, arg=FRAMES - 1)
    assert f"{FRAMES} / {FRAMES}" in tab.inner_text(".clock")


def test_a_loop_begins_again_and_without_it_the_end_is_the_last_frame(tab: Any, site: Site, built: Path) -> None:
    open_scene(tab, site, rendering(built))
    tab.get_by_label("loop").uncheck()
    tab.evaluate("document.activeElement.blur()")
    tab.get_by_label("Frame", exact=True).fill(str(FRAMES - 6))
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("Space")
    wait(tab, STANDS, arg=FRAMES - 1)
    tab.get_by_label("loop").check()
    tab.get_by_label("Frame", exact=True).fill(str(FRAMES - 6))
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("Space")
    wait(tab, f"{PLAYED}.every((video) => !video.paused && video.currentTime < 0.8)")


def test_landmarks_lie_on_the_faces_that_the_browser_shows(tab: Any, site: Site, built: Path) -> None:
    """The picture on the screen is tracked anew; the ink on the canvas is where that finds the face."""
    from nvfair_tools.landmarks.landmarker import create_landmarker
    from nvfair_tools.landmarks.scheme import SCHEME_126

    frame = 17
    video = rendering(built)
    open_scene(tab, site, video)
    tab.get_by_label("Frame", exact=True).fill(str(frame))
    wait(tab, STANDS, arg=frame)
    landmarker = create_landmarker()
    for place in (0, 1):  # the source and the first rendering
        stage = tab.locator(".panel:not(.portrait) .stage").nth(place)
        ink = np.array(stage.locator("canvas").evaluate(INK))
        tab.get_by_label("landmarks").uncheck()
        wait(
            tab,
            "document.querySelector('.overlay').getContext('2d').getImageData(0, 0, 300, 300).data.every((v) => !v)",
        )
        with Image.open(io.BytesIO(stage.screenshot())) as shot:
            picture = np.array(shot.convert("RGB"))
        landmarker.start()
        for _ in range(4):  # a tracker settles on a still picture
            (mesh,) = landmarker.find(picture)
        expected = mesh[SCHEME_126.indices, :2]
        assert abs(ink.min(axis=0) - expected.min(axis=0)).max() < 4
        assert abs(ink.max(axis=0) - expected.max(axis=0)).max() < 4
        nearest = np.linalg.norm(ink[None] - expected[:, None], axis=2).min(axis=1)
        assert np.median(nearest) < 1.5
        assert nearest.max() < 6
        tab.get_by_label("landmarks").check()
    landmarker.close()


def test_the_distance_of_two_picked_points_is_drawn(tab: Any, site: Site, built: Path) -> None:
    video = rendering(built)
    data = Dataset.open(built)
    landmarks, width = data.tracks([video]).landmarks[0], data.videos.set_index("video").loc[video, "width"]
    open_scene(tab, site, video)
    tab.get_by_role("button", name="Distance of two landmarks").click()
    tab.get_by_role("button", name="Pick two points on a face").click()
    stage = tab.locator(f".panel[data-video='{video}'] .stage")
    scale = stage.evaluate("(stage) => stage.clientWidth") / width
    for point in (80, 90):  # the corners of the outer lips
        x, y = (landmarks[point] * scale).tolist()
        stage.click(position={"x": x, "y": y})
    assert tab.locator(".pair input").evaluate_all("(inputs) => inputs.map((input) => input.value)") == ["80", "90"]
    distance = np.linalg.norm(landmarks[80] - landmarks[90]) / np.linalg.norm(landmarks[41] - landmarks[53])
    reading = tab.locator(".legend li", has_text="warp-dense").locator(".reading").inner_text()
    assert float(reading.split()[0]) == pytest.approx(distance, abs=2e-3)
    curves = tab.locator(".curves").evaluate(INK)
    assert len(curves) > 500
    tab.locator(".chart").click(position={"x": 600, "y": 80})
    wait(tab, "document.querySelector('input[type=range]').value > 10")


def test_other_faces_and_other_drivers_are_one_click_away(tab: Any, site: Site, built: Path) -> None:
    open_scene(tab, site, rendering(built))
    assert "hopper drives astronaut" in heading(tab)
    tab.locator(".strip", has_text="The same clip on other faces").get_by_role("link", name="hopper").click()
    tab.get_by_role("heading", name="hopper drives themselves").wait_for()
    tab.get_by_role("link", name="all 2 in the list").last.click()
    tab.wait_for_selector(READY.format("list"))
    assert "target=museum%3Ahopper" in tab.url


def test_simulated_people_without_videos_are_animated(tab: Any, cohort_site: Site, cohort: Path) -> None:
    videos = Dataset.open(cohort).videos
    video = videos[videos["kind"] == "cross"]["video"].iloc[0]
    open_list(tab, cohort_site)
    wait(tab, "document.querySelector('a.card img.drawn').naturalWidth > 0")
    open_scene(tab, cohort_site, video)
    assert tab.locator(".panel video").count() == 0
    before = tab.locator("canvas.overlay").last.evaluate(INK)
    assert len(before) > 200
    tab.keyboard.press("Space")
    wait(tab, "document.querySelector('input[type=range]').value >= 8")
    tab.keyboard.press("Space")
    assert tab.locator("canvas.overlay").last.evaluate(INK) != before


@pytest.mark.parametrize("tab", [{"reduced_motion": "reduce"}, {"reduced_motion": "no-preference"}], indirect=True)
def test_where_less_motion_is_asked_for_nothing_plays_by_itself(
    tab: Any, site: Site, built: Path, request: pytest.FixtureRequest
) -> None:
    goes_on = request.node.callspec.params["tab"]["reduced_motion"] == "no-preference"
    open_scene(tab, site, rendering(built))
    tab.keyboard.press("Space")
    wait(tab, f"{PLAYED}.every((video) => !video.paused)")
    tab.locator(".strip").first.get_by_role("link", name="hopper").click()
    tab.get_by_role("heading", name="hopper drives themselves").wait_for()
    tab.wait_for_selector(READY.format(rendering(built, target=HOPPER)))
    if goes_on:
        wait(tab, f"{PLAYED}.every((video) => !video.paused)")
    else:
        assert tab.evaluate(f"{PLAYED}.every((video) => video.paused)")
        assert tab.inner_text(".play") == "Play"


def test_a_damaged_video_says_so_and_the_others_play(chrome: Any, copy: Path) -> None:
    video, other = rendering(copy), rendering(copy, "warp-parts")
    path = copy / Dataset.open(copy).videos.set_index("video").loc[video, "path"]
    path.unlink()
    path.write_bytes(b"no video" * 500)
    with closing(serve(copy)) as sites:
        page = chrome.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        open_scene(page, next(sites), video)
        page.get_by_text("This browser cannot play the file").wait_for()
        assert len(page.locator(f".panel[data-video='{video}'] canvas").evaluate(INK)) > 200
        page.keyboard.press("Space")
        wait(page, f"document.querySelector('.panel[data-video=\"{other}\"] video').currentTime > 0.2")
        page.close()


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
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_and_text_can_be_read(
    chrome: Any, site: Site, built: Path, width: int, scheme: str
) -> None:
    context = chrome.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(60_000)

    def check(name: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        poor = page.evaluate(CONTRAST)
        assert poor == [], (name, poor[:5])

    open_list(page, site, "state=ok&state=failed")
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (red > 200) == (scheme == "light")
    check("list")
    if width < 700:
        page.get_by_role("button", name="Filters").click()
    assert page.locator("[data-facet=kind]").is_visible()
    check("filters")
    open_scene(page, site, rendering(built))
    check("scene")
    context.close()
