"""A small set of two public-domain portraits, rendered by two warps, with one clip of every state; and its page."""

from __future__ import annotations

import csv
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from tests.leaderboard.browser import browser, served
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.moving_portraits import write_clip
from tests.nvfair_tools.small_build import PEOPLE, write_recipe

FRAMES = 36
COHORT = CohortSettings(
    sources=(SourceSettings(name="sim", train=3, validation=0, test=2, texts=2, emotions=("neutral", "happy")),),
    clips=2,
    frames=30,
    seed=5,
)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the set; not to be changed. One clip is cut off (failed), one has a forbidden use (rejected)."""
    skip_without_landmarker()
    from nvfair_tools.curate.build import build

    folder = tmp_path_factory.mktemp("viewed")
    rows = []
    for person, identity in PEOPLE.items():
        for number in range(2):
            name = f"{person}-{number}.mp4"
            write_clip(folder / name, person, number, frames=FRAMES)
            rows.append({"path": name, "identity": identity, "emotion": "neutral" if number else ""})
    whole = write_clip(folder / "whole.mp4", "hopper", 9, frames=20).read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    write_clip(folder / "secret.mp4", "hopper", 6)
    rows += [
        {"path": "cut.mp4", "identity": PEOPLE["hopper"]},
        {"path": "secret.mp4", "identity": PEOPLE["hopper"], "permitted_use": "viewing only"},
    ]
    with open(folder / "clips.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "identity", "split", "emotion", "permitted_use"])
        writer.writeheader()
        for row in rows:
            writer.writerow({"split": "train", "permitted_use": "research"} | row)
    recipe = write_recipe(
        folder / "recipe.yaml",
        folder / "clips.csv",
        workers=0,
        generators=[{"name": "warp-dense"}, {"name": "warp-parts"}],
    )
    build(recipe)
    shutil.rmtree(folder / "dataset" / ".build")
    return folder / "dataset"


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """A copy of the set that a test may damage."""
    return Path(shutil.copytree(built, tmp_path / "copy"))


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated people, landmarks only: five of them, two clips each, on every face of their split."""
    folder = tmp_path_factory.mktemp("cohort") / "cohort"
    write_cohort(folder, COHORT, workers=1)
    return folder


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Site:
    """A running viewer. address: without a slash at its end."""

    address: str
    token: str

    @property
    def entry(self) -> str:
        """The address that the command prints."""
        return f"{self.address}/?token={self.token}"

    def get(self, path: str, *, knows_token: bool = True, method: str = "GET", **headers: str) -> Answer:
        """Asks for a path as a browser with the cookie does."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        if knows_token:
            opener.open(self.entry, timeout=60).close()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.address + path, method=method, headers=names)
        try:
            with opener.open(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


@pytest.fixture(scope="session")
def site(built: Path) -> Iterator[Site]:
    """The running viewer of the set."""
    yield from serve(built)


@pytest.fixture(scope="session")
def cohort_site(cohort: Path) -> Iterator[Site]:
    """The running viewer of the simulated people."""
    yield from serve(cohort)


def serve(folder: Path, **options: bool) -> Iterator[Site]:
    """A running viewer of a folder, until the iterator is closed."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    from nvfair_tools.viewer.app import create_app
    from nvfair_tools.viewer.open_set import Watched

    token = "a-token-of-the-tests"
    with served(create_app(Watched(folder, **options), token)) as address:
        yield Site(address, token)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture
def tab(chrome: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page whose console must stay silent."""
    context = chrome.new_context(**{"viewport": {"width": 1100, "height": 750}, **getattr(request, "param", {})})
    page = context.new_page()
    page.set_default_timeout(60_000)
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    yield page
    context.close()
    # These tests read the canvas more often than the page does.
    assert [text for text in messages if "willReadFrequently" not in text] == []
