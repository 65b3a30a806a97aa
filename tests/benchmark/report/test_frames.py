"""Sample frames come from the videos themselves, and a video that cannot be decoded says so."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="decoding needs the media extra")
media = pytest.importorskip("nvfair_tools.media", reason="decoding needs the media extra")
Image = pytest.importorskip("PIL.Image", reason="pictures need the media extra")

from benchmark.report.frames import sample_frames  # noqa: E402
from benchmark.report.names import NOT_NAMED  # noqa: E402
from benchmark.report.page import write_report  # noqa: E402
from nvfair_tools.dataset import Dataset  # noqa: E402
from nvfair_tools.dataset.consents import write_consents  # noqa: E402
from nvfair_tools.governance.uses import Answer, Consent  # noqa: E402
from tests.benchmark.invented_results import results  # noqa: E402


@pytest.fixture
def filmed(small: Dataset, tmp_path: Path) -> Dataset:
    """The small data set with videos for one test face: red where it drives itself, blue where another does."""
    videos = small.videos.copy()
    face = sorted(videos.loc[videos["split"] == "test", "target"])[0]
    chosen = videos[(videos["target"] == face) & (videos["generator"] == "alpha")]
    for kind, colour in (("self", (200, 20, 20)), ("cross", (20, 20, 200))):
        video = chosen[chosen["kind"] == kind].sort_values("video").iloc[0]["video"]
        frames = [np.full((64, 64, 3), colour, np.uint8)] * 12
        media.encode(tmp_path / f"{kind}.mp4", frames, Fraction(30))
        videos.loc[videos["video"] == video, ["path", "frames"]] = [f"{kind}.mp4", 12]
    return replace(small, folder=tmp_path, videos=videos)


def test_frames_of_self_and_cross_reenactments_are_shown(filmed: Dataset) -> None:
    samples = {sample.kind: sample for sample in sample_frames(filmed)}
    assert set(samples) == {"self", "cross"}
    for kind, channel in (("self", 0), ("cross", 2)):
        assert len(samples[kind].frames) == 3
        data = base64.b64decode(samples[kind].frames[0].partition(",")[2])
        picture = np.asarray(Image.open(io.BytesIO(data)))
        assert picture.reshape(-1, 3).mean(axis=0).argmax() == channel


def test_a_broken_video_is_shown_with_its_reason(filmed: Dataset) -> None:
    (filmed.folder / "self.mp4").write_bytes(b"not a video")
    problem = next(sample for sample in sample_frames(filmed) if sample.kind == "self")
    assert problem.frames == ()
    assert "not decoded" in problem.problem


def test_data_sets_without_videos_have_no_samples(small: Dataset) -> None:
    assert sample_frames(small) == []


def test_frames_are_not_shown_where_the_permitted_use_forbids_it(filmed: Dataset) -> None:
    videos = filmed.videos.assign(permitted_use="research only; no display; no publication")
    samples = sample_frames(replace(filmed, videos=videos))
    assert [sample.frames for sample in samples] == [(), ()]
    assert all("permitted use says 'no display'" in sample.problem for sample in samples)


def test_frames_of_people_who_were_asked_stand_with_their_names_or_without(filmed: Dataset, tmp_path: Path) -> None:
    write_report(tmp_path / "index.html", results(), filmed)
    assert "nobody was asked whether they may be shown" in (tmp_path / "index.html").read_text()
    (self_video, cross_video) = sample_frames(filmed)
    yes = Answer("yes", scope=frozenset({"research"}))
    agreed = dict.fromkeys(filmed.identities["identity"], Consent.of({}, yes))
    write_consents(filmed.folder, agreed | {cross_video.driver: Consent.of({"display": Answer("no")}, yes)})
    again = sample_frames(filmed)
    assert [sample.driver for sample in again] == [self_video.driver, NOT_NAMED]
    assert again[0].frames
    assert (again[1].frames, again[1].problem) == ((), "not shown: driver: no consent to display: the answer is no")
    write_report(tmp_path / "index.html", results(), filmed)
    page = (tmp_path / "index.html").read_text()
    assert cross_video.driver not in page
    assert "nobody was asked whether they may be shown" not in page
