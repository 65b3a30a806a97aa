"""The local page in a real Chromium: a video is sent, the answer appears; phone, dark and light; no script at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page: pip install 'nvfair-tools[verify]'")

from benchmark.verification.enrolment import Enrolment
from benchmark.verification.page.app import create_app
from tests.benchmark.verification.made import calibration
from tests.leaderboard.browser import browser, chromium, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(enrolled: Path) -> Iterator[tuple[str, Any]]:
    chromium()
    ann = Enrolment.load(enrolled / "ann.enrolment")
    spread = np.linspace(-0.2, 0.2, 24)
    people = calibration(list(-0.6 + spread), list(-1.3 + spread), people=12)
    people = replace(people, method=ann.method, landmarker=ann.landmarker, protocol_digest=ann.protocol.digest)
    people.save(enrolled / "people.calibration")
    app = create_app(enrolled)
    with served(app) as address:
        yield address, app


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as started:
        yield started


def shot(page: Any, name: str) -> None:
    """A picture to look at, where NVFAIR_SCREENSHOTS names a folder."""
    if folder := os.environ.get("NVFAIR_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def overflow(page: Any) -> int:
    """Pixels by which the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_a_video_is_verified_on_a_phone_in_the_dark_and_on_a_screen(site, chrome, enrolled: Path) -> None:
    address, app = site
    messages: list[str] = []
    context = chrome.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(address)
    assert page.locator("script").count() == 0
    assert page.locator("label[for=video]").inner_text().startswith("The video")
    shot(page, "ask")
    page.set_input_files("#video", str(enrolled / "video.mp4"))
    page.click("button")
    page.wait_for_url("**/answer/*")
    shot(page, "wait")
    page.wait_for_selector("p.verdict", timeout=120_000)
    assert "Consistent with lab:ann" in page.locator("p.verdict").inner_text()
    assert "lie above" in page.locator("dl").inner_text()
    assert "A score is not proof" in page.locator("main").inner_text()
    # The timeline is really drawn.
    assert page.evaluate("document.querySelector('picture img').naturalWidth") > 400
    shot(page, "answer")
    assert list(app.state.jobs.folder.iterdir()) == []
    # The same answer on a phone in the dark.
    url = page.url
    phone = chrome.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark")
    small = phone.new_page()
    for name, place in (("answer", url), ("ask", address)):
        small.goto(place)
        assert overflow(small) == 0
        shot(small, f"phone-{name}")
    background = small.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(18, 22, 27)"
    assert messages == []
    context.close()
    phone.close()


def test_another_site_can_neither_send_a_form_nor_frame_the_page(site, chrome, enrolled: Path) -> None:
    address, app = site
    context = chrome.new_context()
    page = context.new_page()
    page.goto(address)
    # The worst case: the other site knows the secret.
    secret = page.locator("input[name=secret]").get_attribute("value")
    form = (
        f'<form method="post" action="{address}/verify" enctype="multipart/form-data">'
        f'<input name="secret" value="{secret}"><input name="enrolment" value="ann.enrolment">'
        '<input name="calibration" value=""><input id="video" name="video" type="file"><button>go</button></form>'
        f'<iframe src="{address}/"></iframe>'
    )
    page.route("http://other.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://other.test/", wait_until="load")
    assert page.frames[1].locator("form").count() == 0
    page.set_input_files("#video", str(enrolled / "video.mp4"))
    with page.expect_response("**/verify") as sent:
        page.click("button", no_wait_after=True)
    assert sent.value.status == 403
    assert list(app.state.jobs.folder.iterdir()) == []
    context.close()
