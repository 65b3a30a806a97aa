"""Grey pictures of windows: the frame that is shown at each time, also in short videos that are filled up."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmark.methods.embed import window_batches
from benchmark.protocols.schema import Missing, Protocol, Time
from benchmark.windows.cutting import SHORT
from benchmark.windows.grey_frames import with_grey_frames
from benchmark.windows.pictures import grey_picture, shown_frames
from benchmark.windows.window_set import read_windows
from nvfair_tools import media
from nvfair_tools.dataset import Dataset
from tests.benchmark.small_world import World, make
from tests.benchmark.toy_methods import MotionSize

FRAMES = 9


@pytest.fixture(scope="module")
def ramps(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Videos of nine frames that grow brighter by 20 grey levels a frame."""
    folder = tmp_path_factory.mktemp("ramps")
    data = make(folder, World(people=(1, 1, 1), clips=1, frames=FRAMES, generators=("alpha",)))
    frames = [np.full((48, 64, 3), 30 + 20 * number, np.uint8) for number in range(FRAMES)]
    media.encode(folder / "ramp.mp4", frames, Fraction(30))
    return replace(data, videos=data.videos.assign(path="ramp.mp4"))


def ramp_frames(grey: np.ndarray) -> list[int]:
    """Which frame of the ramp each grey picture shows."""
    return np.rint((grey.reshape(len(grey), -1).mean(axis=1) - 30) / 20).astype(int).tolist()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("repeat-last", [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8]),
        ("mirror", [0, 1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 5]),
    ],
)
def test_a_short_videos_pictures_and_landmarks_are_filled_up_alike(
    ramps: Dataset, rule: str, expected: list[int]
) -> None:
    protocol = Protocol(name="a", time=Time(window=12, stride=12), missing=Missing(short_videos=rule))
    windows = read_windows(ramps, protocol)
    assert windows.excluded.empty
    plain = read_windows(ramps, Protocol(name="b", time=Time(window=FRAMES, stride=FRAMES)))
    np.testing.assert_array_equal(windows.landmarks[:12], plain.landmarks[:FRAMES][expected])
    grey = with_grey_frames(windows, ramps).grey
    assert grey is not None
    assert (grey.shape, grey.dtype) == ((12 * len(ramps.videos), 128, 128), np.uint8)
    assert ramp_frames(grey[:12]) == expected

    class Pictures(MotionSize):
        needs = "frames"

    batch = next(iter(window_batches(Pictures(), windows, ramps)))
    assert batch.frames is not None
    assert ramp_frames(batch.frames[0]) == expected


def test_a_short_video_is_left_out_and_counted_unless_a_protocol_fills_it_up(ramps: Dataset) -> None:
    windows = read_windows(ramps, Protocol(name="a", time=Time(window=12, stride=12)))
    assert len(windows) == 0
    assert windows.excluded["reason"].tolist() == [SHORT] * len(ramps.videos)


def test_at_another_rate_a_frame_shows_what_its_video_shows_then(ramps: Dataset) -> None:
    windows = read_windows(ramps, Protocol(name="a", time=Time(fps="15/1", window=4, stride=4)))
    grey = with_grey_frames(windows, ramps).grey
    assert grey is not None
    assert ramp_frames(grey[windows.rows(slice(0, 1))[0]]) == [0, 2, 4, 6]


def test_the_frame_that_began_last_is_shown_and_after_the_end_the_last_one() -> None:
    times = np.array([0.0, 0.04, 0.08])
    assert shown_frames(times, np.array([0.0, 0.039, 0.04, 0.07, 0.08, 5.0])).tolist() == [0, 0, 1, 1, 2, 2]


def test_grey_has_the_weights_of_bt_601_and_nothing_is_cut_off() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[:, :150] = (255, 0, 0)
    picture[:, 150:] = (0, 255, 0)
    grey = grey_picture(picture)
    assert grey.shape == (128, 128)
    # 0.299 x 255 = 76.2 and 0.587 x 255 = 149.7
    assert (set(grey[:, :60].ravel().tolist()), set(grey[:, 68:].ravel().tolist())) == ({76}, {150})


def test_the_rule_is_part_of_a_protocols_hash(tmp_path: Path) -> None:
    rules = [Missing(short_videos=rule) for rule in ("exclude", "mirror", "repeat-last")]
    assert len({Protocol(name="a", missing=rule).digest for rule in rules}) == 3
