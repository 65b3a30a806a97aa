"""Gross differences are seen, people of the same kind are not, and the statistics are those of known movements."""

import numpy as np
import pytest

from benchmark.verification.likeness import STATISTICS, Likeness, Recording, window_statistics
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.base_mesh import base_mesh

FACE = base_mesh()[SCHEME_126.indices, :2].astype(np.float64)


def window(random: np.random.Generator, *, width: float = 100.0, motion: float = 1.0, tremble: float = 0.001):
    """A face of so many pixels that moves; every person a little otherwise."""
    times = np.arange(71) / 30
    width *= random.uniform(0.8, 1.25)
    scale = width / np.linalg.norm(FACE[SCHEME_126.position(33)] - FACE[SCHEME_126.position(263)])
    wave = motion * random.uniform(0.7, 1.4) * np.sin(2 * np.pi * random.uniform(0.5, 2) * times + random.uniform(0, 6))
    points = np.repeat(FACE[None] * scale, 71, axis=0)
    lips = SCHEME_126.position(14)
    points[:, lips, 1] += 0.1 * width * np.abs(wave)
    points += 0.03 * width * wave[:, None, None] + random.normal(0, tremble * width, points.shape)
    return points + 200


def statistics(random: np.random.Generator, **changes: float) -> np.ndarray:
    return np.stack([window_statistics(window(random, **changes)) for _ in range(3)])


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    random = np.random.default_rng(0)
    made = Likeness.fit([statistics(random) for _ in range(40)], [f"p{n // 2}" for n in range(40)])
    assert made is not None
    assert made.people == 20
    return made


def test_statistics_of_a_still_face_are_those_of_its_shape() -> None:
    still = np.repeat(FACE[None] * 50.0, 71, axis=0)
    values = dict(zip(STATISTICS, window_statistics(still), strict=True))
    corners = np.linalg.norm(FACE[SCHEME_126.position(33)] - FACE[SCHEME_126.position(263)])
    assert values["size of the face"] == pytest.approx(np.log(50 * corners))
    assert values["tilt of the head"] == pytest.approx(0, abs=0.02)
    assert [values[name] for name in STATISTICS[3:]] == pytest.approx([np.log(1e-4)] * 5, abs=1e-6)
    turned = still @ np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]])
    assert window_statistics(turned)[2] == pytest.approx(0.5, abs=0.02)
    # The other statistics do not see a turn of the picture.
    np.testing.assert_allclose(
        np.delete(window_statistics(turned), 2), np.delete(window_statistics(still), 2), atol=1e-6
    )


@pytest.mark.parametrize(
    ("changes", "statistic"),
    [
        ({"motion": 0.0}, "movement"),
        ({"tremble": 0.03}, "trembling"),
        ({"width": 8.0}, "size"),
        ({"motion": 30.0}, "movement"),
    ],
)
def test_what_is_grossly_unlike_is_seen_and_named(likeness: Likeness, changes: dict, statistic: str) -> None:
    difference = likeness.difference(statistics(np.random.default_rng(5), **changes))
    assert statistic in difference
    assert "20 people" in difference


def test_new_people_of_the_same_kind_pass_as_often_as_counted(likeness: Likeness) -> None:
    random = np.random.default_rng(9)
    refused = sum(bool(likeness.difference(statistics(random))) for _ in range(100))
    assert likeness.refused == 0
    # None of 20 were refused when they were left out: the 95 % bound of that is 14 in 100.
    assert refused <= 14


def test_a_person_who_is_unlike_the_others_is_counted() -> None:
    random = np.random.default_rng(2)
    videos = [statistics(random) for _ in range(10)] + [statistics(random, width=8.0)]
    made = Likeness.fit(videos, [f"p{n}" for n in range(11)])
    assert made is not None
    assert (made.people, made.refused) == (11, 1)


def test_too_few_people_say_nothing() -> None:
    random = np.random.default_rng(0)
    assert Likeness.fit([statistics(random) for _ in range(8)], [f"p{n % 4}" for n in range(8)]) is None


def test_a_recording_of_another_rate_or_size_is_named() -> None:
    recording = Recording((25.0, 30.0), (256, 256))
    assert recording.differences(24.0, 400) == recording.differences(36.0, 130) == []
    (slow,) = recording.differences(15.0, 256)
    assert "15.0 frames a second" in slow
    assert "25 to 30" in slow
    (large,) = recording.differences(25.0, 1080)
    assert "1080 lines" in large
    assert "those of the calibration 256:" in large
