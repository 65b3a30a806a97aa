"""A real Chromium, and the board's pages served to it over HTTP."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# Where NVFAIR_SLOW_PAGES is set, answers and drawings come late, so that a test that does not wait for them fails.
SLOW = bool(os.environ.get("NVFAIR_SLOW_PAGES"))
ANSWER_SECONDS = 0.5
SLOW_FRAMES = """
  const soon = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => setTimeout(() => soon(draw), 300);
"""


def chromium() -> str:
    """Where the browser is; skips the test, in words, where it or playwright is missing."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return program


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of a running server of `app`."""
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(late(app) if SLOW else app, log_level="warning", lifespan="auto"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        for _ in range(600):
            if server.started:
                break
            time.sleep(0.05)
        assert server.started, "the server did not start in 30 seconds"
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
        listening.close()


def late(app: Any) -> Any:
    """An ASGI app that answers each request later than `app`."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(ANSWER_SECONDS)
        await app(scope, receive, send)

    return answer


@contextmanager
def browser() -> Iterator[Any]:
    """A browser without a window."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield SlowBrowser(started) if SLOW else started
        finally:
            started.close()


class SlowBrowser:
    """A browser whose pages draw late."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def new_context(self, **settings: Any) -> Any:
        context = self.browser.new_context(**settings)
        context.add_init_script(SLOW_FRAMES)
        return context

    def new_page(self, **settings: Any) -> Any:
        page = self.browser.new_page(**settings)
        page.add_init_script(SLOW_FRAMES)
        return page


# Texts whose contrast with what is behind them is below what WCAG AA asks (4.5; 3 where the text is large).
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const over = (top, under) => {
    const a = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map((n) => top[n] * a + under[n] * (1 - a));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const layers = [];
    for (let layer = node; layer; layer = layer.parentElement) {
      layers.push(parse(getComputedStyle(layer).backgroundColor));
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const style = getComputedStyle(node);
    if (!hasText || style.visibility === "hidden" || !node.getClientRects().length) continue;
    const back = behind(node);
    const fore = over(parse(node.closest("svg") ? style.fill : style.color), back);
    const [dark, bright] = [light(fore), light(back)].sort((x, y) => x - y);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${node.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
