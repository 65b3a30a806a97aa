"""Steps in the viewer that the browser tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.dataset import Dataset
from tests.nvfair_tools.viewer.conftest import Site

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


def ink(canvas: Any) -> np.ndarray:
    """Where a canvas has ink, once it has some (it is drawn with the next picture of the screen): (spots, 2)."""
    for _ in range(1200):
        if spots := canvas.evaluate(INK):
            return np.array(spots)
        canvas.page.wait_for_timeout(50)
    raise AssertionError(f"nothing was drawn in a minute: {canvas}")


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
