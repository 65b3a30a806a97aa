"""The page for people who do not read tables: choices by rule, pictures of simulated people alone, a real browser."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import benchmark
from benchmark.evaluation.result_rows import ShortcutMargin
from benchmark.evaluation.results import EvaluationResults, read_results
from benchmark.protocols.schema import TrialRule
from benchmark.report.previews import pictures_refused, video_preview
from benchmark.report.single_videos import SingleVideos, judge_single_videos
from benchmark.report.single_videos_page import render_single_videos_page, write_single_videos_page
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.invented_results import results as invented_results
from tests.benchmark.stress.angle_world import PROTOCOL, Angle, score, write_angles
from tests.leaderboard.browser import browser

ANGLES = {
    ("A", "A"): [0, 2, 5],
    ("B", "A"): [40, 50, 60],
    ("C", "A"): [3, 70, 80],  # the first is taken for A
    ("B", "B"): [100, 102, 140],  # the last is unlike the others: all three fall below the threshold
    ("A", "B"): [150, 160, 170],
    ("C", "B"): [130, 180],
    ("C", "C"): [200, 202, 205],
    ("A", "C"): [240, 250, 260],
    ("B", "C"): [270, 280],
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("single") / "report"
    dataset = write_angles(folder.parent / "set", ANGLES)
    lines: list[str] = []
    benchmark.evaluate(dataset, Angle(), out=folder, protocols=PROTOCOL, progress=lines.append)
    assert not any("no page of single videos" in text for text in lines)
    return folder


@pytest.fixture(scope="module")
def results(report: Path) -> EvaluationResults:
    return read_results(report / "results.json")


@pytest.fixture(scope="module")
def judged(report: Path, results: EvaluationResults) -> SingleVideos:
    return judge_single_videos(results, report / "evidence")


@pytest.fixture(scope="module")
def simulated(report: Path) -> Dataset:
    """The same data set with one video file for all rows, and a real clip for each driven one."""
    from nvfair_tools.media import encode

    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    image = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.full((64, 64), 90, np.uint8)], axis=2)
    dataset = Dataset.open(report.parent / "set")
    encode(dataset.folder / "a.mp4", [np.roll(image, 3 * n, axis=1) for n in range(30)], Fraction(25))
    clips = dataset.videos.drop_duplicates("clip")
    real = clips.assign(video=clips["clip"], kind="real", target=clips["driver"])
    videos = pd.concat([dataset.videos, real], ignore_index=True).assign(path="a.mp4")
    return replace(dataset, videos=videos, meta={**dataset.meta, "simulated": True})


def test_a_score_is_the_mean_of_the_comparisons_and_the_threshold_that_of_the_others(judged: SingleVideos) -> None:
    people = {person.person: person for person in judged.people}
    scores = {video.video: video.score for video in people["A"].videos}
    assert scores["A-A-0"] == pytest.approx((score(2) + score(5)) / 2, abs=1e-6)
    assert scores["A-C-0"] == pytest.approx((score(3) + score(1) + score(2)) / 3, abs=1e-6)
    assert len(scores) == 9
    # For A: of the others' six genuine scores one (140 degrees) is low. Down to the first of their ten impostor scores
    # (130 on B) the rates are 1/6 and 1/10; one further (150 on B) they would cross, with a larger sum.
    assert people["A"].threshold == pytest.approx((score(30) + score(28) + score(10)) / 3, abs=1e-6)
    # For C the same with A's impostor of 3 degrees above: the rates cross between B at 100 and 130 on B.
    assert people["C"].threshold == pytest.approx((score(2) + score(40)) / 2, abs=1e-6)
    # For B: down to the last of the others' genuine scores, one of eleven impostors is accepted.
    assert people["B"].threshold == pytest.approx((score(5) + score(3)) / 2, abs=1e-6)


def test_the_person_in_the_middle_and_the_middle_of_each_outcome_are_shown(judged: SingleVideos) -> None:
    assert [person.person for person in judged.people] == ["B", "A", "C"]  # 5 of 8, 8 of 9 and 8 of 8 are right
    assert judged.person.person == "A"
    assert {outcome: video and video.video for outcome, video in judged.examples.items()} == {
        (True, True): "A-A-0",  # of A-A-1, A-A-0, A-A-2
        (False, False): "A-B-2",  # 60 of 40, 50, 60, 70 and 80 degrees
        (False, True): "A-C-0",
        (True, False): "B-B-0",  # A and C have none; of B-B-1, B-B-0, B-B-2
    }
    assert [judged.count(*outcome) for outcome in ((True, False), (False, True))] == [3, 1]


def test_the_page_says_how_often_it_is_wrong_and_shows_no_real_person(report: Path, results: EvaluationResults) -> None:
    page = (report / "who-drives.html").read_text()
    assert "<b>4 of 25</b>" in page
    assert "misses 3 of 9 videos that the enrolled person drives, and lets in 1 of 16" in page
    assert "pictures are shown of simulated people only" in page
    assert "data:image" not in page
    assert 'href="who-drives.html"' in (report / "index.html").read_text()
    assert "These people do not exist" not in page


def test_a_shortcut_that_comes_near_is_named_above_the_examples(
    results: EvaluationResults, judged: SingleVideos
) -> None:
    words = "comes near the method on these videos"
    margin = ShortcutMargin("head pose only", 0.01, None, None, 3, True)
    near = replace(judged, cell=replace(judged.cell, margin=margin))
    assert words in render_single_videos_page(results, near, None).partition("One of each kind")[0]
    far = replace(judged, cell=replace(judged.cell, margin=replace(margin, near=False)))
    assert words not in render_single_videos_page(results, far, None)


def test_where_single_videos_cannot_be_judged_no_page_is_left_and_the_reason_is_given(
    tmp_path: Path, report: Path, results: EvaluationResults
) -> None:
    (tmp_path / "who-drives.html").write_text("of an earlier evaluation")
    assert write_single_videos_page(tmp_path, invented_results(), None) == "no embeddings were kept"
    assert not (tmp_path / "who-drives.html").exists()
    entry = results.protocols[0]
    rule = entry.protocol.trials.model_copy(update={"rule": TrialRule.CROSS_CROSS})
    other = replace(entry, protocol=entry.protocol.model_copy(update={"trials": rule}))
    with pytest.raises(NvfairError, match="does not compare"):
        judge_single_videos(replace(results, protocols=(other,)), report / "evidence")


def test_two_people_are_too_few_for_a_threshold(tmp_path: Path) -> None:
    angles = {pair: values for pair, values in ANGLES.items() if "C" not in pair}
    lines: list[str] = []
    out = tmp_path / "report"
    benchmark.evaluate(
        write_angles(tmp_path / "set", angles), Angle(), out=out, protocols=PROTOCOL, progress=lines.append
    )
    assert lines[-1] == "no page of single videos: 2 people have videos of both kinds; three are needed for a threshold"
    assert not (out / "who-drives.html").exists()


def test_pictures_are_marked_as_synthetic_in_pixels_and_metadata(simulated: Dataset) -> None:
    import base64
    import io

    from PIL import Image

    preview = video_preview(simulated, "A-B-2", "synthetic")
    assert preview is not None
    loop = Image.open(io.BytesIO(base64.b64decode(preview.loop.partition(",")[2])))
    assert loop.n_frames == 10  # 1.2 seconds at 8 frames a second, the first included
    assert (loop.width, loop.height) == (preview.width, preview.height) == (144, 144)
    assert loop.getexif()[0x010E].startswith("synthetic: video A-B-2")
    red, green, blue = loop.convert("RGB").getpixel((2, 134))
    assert red > 120 > 60 > max(green, blue)
    assert video_preview(simulated, "unknown", "synthetic") is None
    assert pictures_refused(replace(simulated, meta={})) != ""
    assert "landmarks only" in pictures_refused(replace(simulated, videos=simulated.videos.assign(path=None)))


@pytest.mark.browser
def test_a_browser_shows_it_in_light_and_dark_and_on_a_phone(
    tmp_path: Path, results: EvaluationResults, judged: SingleVideos, simulated: Dataset
) -> None:
    path = tmp_path / "who-drives.html"
    html = render_single_videos_page(replace(results, data=replace(results.data, simulated=True)), judged, simulated)
    path.write_text(html, encoding="utf-8")
    assert path.stat().st_size < 2_000_000
    requests: list[str] = []
    problems: list[str] = []
    backgrounds = set()
    with browser() as chromium:
        for width, scheme, motion in ((1100, "light", "no-preference"), (360, "dark", "reduce")):
            page = chromium.new_page(
                viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion=motion
            )
            page.on("request", lambda request: requests.append(request.url))
            page.on("console", lambda message: problems.append(message.text))
            page.goto(path.as_uri())
            page.wait_for_function("[...document.images].every(image => image.complete)")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            pictures: list[Any] = page.evaluate("[...document.images].map(i => [i.naturalWidth, i.currentSrc.length])")
            assert len(pictures) == 4 * 3 + 9  # three in each card, one a video of the person in the middle
            assert all(natural > 0 for natural, _ in pictures)
            backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            first = page.locator(".card img").first.evaluate("image => image.currentSrc")
            assert (first in html) is True
            is_still = first in {line.split('"')[0] for line in html.split('srcset="')[1:]}
            assert is_still is (motion == "reduce")
            assert page.locator(".card").count() == 4
            assert page.locator(".card .chip.no").count() == 2
            # A bar is past its mark where the answer is yes.
            bars = page.evaluate(
                "[...document.querySelectorAll('.bar')].map(b => [b.classList.contains('in'),"
                " ...['i', 'b'].map(part => b.querySelector(part).getBoundingClientRect().right)])"
            )
            assert all(accepted == (end >= mark - 2.5) for accepted, end, mark in bars)
            page.close()
    assert len(backgrounds) == 2
    assert problems == []
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
