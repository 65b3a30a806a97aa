"""A person who is enrolled once, from two short clips, for all tests that only ask about videos."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.benchmark.verification.clips import clip
from tests.mediapipe_here import skip_without_landmarker


@pytest.fixture(scope="session")
def landmarker() -> Iterator:
    skip_without_landmarker("finds landmarks: pip install 'nvfair-tools[verify]'")
    from nvfair_tools.landmarks.landmarker import create_landmarker

    made = create_landmarker()
    yield made
    made.close()


@pytest.fixture(scope="session")
def enrolled(tmp_path_factory: pytest.TempPathFactory, landmarker) -> Path:
    """The folder of `ann.enrolment` and its clips enrolled-0.mp4 and enrolled-1.mp4, and another clip, video.mp4."""
    import benchmark

    folder = tmp_path_factory.mktemp("enrolled")
    videos = [clip(folder / f"enrolled-{n}.mp4", start=40 * n) for n in range(2)]
    clip(folder / "video.mp4", frames=107, start=20)
    consent = benchmark.stated_consent("form 12", date(2026, 1, 1), scope=["research"])
    benchmark.enrol("lab:ann", videos, consent=consent, out=folder / "ann.enrolment", landmarker=landmarker)
    return folder
