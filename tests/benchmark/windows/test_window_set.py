"""Windows of a data set, and what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.protocols.schema import Protocol
from benchmark.protocols.shipped import load
from benchmark.windows.cutting import MISSING, SHORT, TIMES, window_starts
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make

PROTOCOL = Protocol(name="test", time={"window": 71, "stride": 35}, missing={"max_gap_frames": 5})


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 12), st.integers(1, 12))
def test_windows_are_whole_on_the_stride_and_none_is_forgotten(valid: list[bool], length: int, stride: int) -> None:
    starts, lost = window_starts(np.array(valid, dtype=bool), length, stride)
    expected = [s for s in range(0, len(valid), stride) if s + length <= len(valid)]
    assert [s for s in expected if all(valid[s : s + length])] == list(starts)
    assert lost == len(expected) - len(starts)


def test_windows_hold_the_videos_own_frames(small: Dataset) -> None:
    ids = list(small.videos["video"])[3:9]
    windows = read_windows(small, PROTOCOL, videos=ids)
    assert list(windows.videos["video"]) == sorted(ids)
    assert len(windows) == len(ids) * 2  # 110 frames: windows at 0 and 35
    table = small.tracks(sorted(ids))
    for number in range(len(windows)):
        video, first = windows.video[number], windows.start[number]
        rows = table.rows(video)
        start = windows.start_frame[number]
        np.testing.assert_array_equal(windows.landmarks[first : first + 71], table.landmarks[rows][start : start + 71])


def test_every_loss_is_counted_with_its_reason(tmp_path: Path) -> None:
    broken = {"alpha-00-clip-00-0": "gap", "alpha-00-clip-00-1": "short", "alpha-00-clip-00-2": "failed"}
    data = make(tmp_path, World(people=(2, 1, 1), generators=("alpha",), frames=150), breaks=broken)
    windows = read_windows(data, PROTOCOL, videos=data.videos["video"])
    reasons = windows.excluded.set_index("video")["reason"].to_dict()
    assert reasons == {
        "alpha-00-clip-00-0": MISSING,
        "alpha-00-clip-00-1": SHORT,
        "alpha-00-clip-00-2": "render_failed",
    }
    gap = windows.excluded.set_index("video").loc["alpha-00-clip-00-0"]
    assert (gap["windows_lost"], gap["windows_kept"]) == (2, 1)  # starts 0 and 35 touch 40..59, 70 does not
    stored = set(windows.videos["video"])
    assert stored == set(data.videos["video"]) - {"alpha-00-clip-00-1", "alpha-00-clip-00-2"}
    assert not np.isnan(windows.landmarks[windows.start[:, None] + np.arange(71)]).any()


@pytest.mark.parametrize("mesh", [False, True])
def test_a_video_whose_times_start_anew_is_counted_and_the_others_are_read(tmp_path: Path, mesh: bool) -> None:
    world = World(people=(2, 1, 1), generators=("alpha",), mesh=mesh)
    data = make(tmp_path, world, breaks={"alpha-00-clip-00-0": "times"})
    windows = read_windows(data, PROTOCOL, videos=data.videos["video"], mesh=mesh)
    assert windows.excluded[["video", "reason"]].values.tolist() == [["alpha-00-clip-00-0", TIMES]]
    assert set(windows.videos["video"]) == set(data.videos["video"]) - {"alpha-00-clip-00-0"}
    assert not np.isnan(windows.landmarks[windows.start[:, None] + np.arange(71)]).any()


def test_short_videos_may_be_mirrored(tmp_path: Path) -> None:
    data = make(tmp_path, World(people=(1, 1, 1), generators=("alpha",), frames=40))
    rule = Protocol(name="test", missing={"short_videos": "mirror"})
    windows = read_windows(data, rule, videos=data.videos["video"])
    assert len(windows) == len(data.videos)
    first_window = windows.landmarks[:71]
    np.testing.assert_array_equal(first_window[39 + 3], first_window[39 - 3])
    assert len(read_windows(data, PROTOCOL, videos=data.videos["video"])) == 0


def test_a_window_is_the_same_time_at_another_frame_rate(tmp_path: Path) -> None:
    slow = make(tmp_path / "slow", World(people=(1, 1, 1), frames=120, fps=(25, 1)))
    windows = read_windows(slow, PROTOCOL, videos=slow.videos["video"])
    assert np.diff(windows.offsets)[0] == int(119 / 25 * 30) + 1


def test_a_folder_and_a_protocols_name_do_as_well_and_all_videos_are_read_by_default(small: Dataset) -> None:
    windows = read_windows(str(small.folder), "nvfair-seen")
    expected = read_windows(small, load("nvfair-seen"), videos=small.videos["video"])
    assert windows.videos["video"].tolist() == sorted(small.videos["video"])
    np.testing.assert_array_equal(windows.landmarks, expected.landmarks)
    np.testing.assert_array_equal(windows.start, expected.start)


def test_unknown_videos_are_named(small: Dataset) -> None:
    with pytest.raises(NvfairError, match="nobody"):
        read_windows(small, PROTOCOL, videos=["nobody"])


def test_only_the_first_seconds_of_each_video_are_used(small: Dataset) -> None:
    videos = small.videos[small.videos["split"] == "test"]["video"].head(4)
    window = {"window": 20, "stride": 10}
    whole = read_windows(small, Protocol(name="a", time=window), videos=videos)
    part = read_windows(small, Protocol(name="a", time=window | {"seconds": 1.5}), videos=videos)
    more = read_windows(small, Protocol(name="a", time=window | {"seconds": 100}), videos=videos)
    assert np.diff(part.offsets).tolist() == [45] * 4
    assert np.diff(whole.offsets).tolist() == [110] * 4
    assert part.start_frame.tolist() == [0, 10, 20] * 4
    for number in range(4):
        first = part.landmarks[part.offsets[number] : part.offsets[number + 1]]
        assert (first == whole.landmarks[whole.offsets[number] : whole.offsets[number] + 45]).all()
    assert (more.landmarks == whole.landmarks).all()


def test_too_few_seconds_for_a_window_are_counted_or_mirrored(small: Dataset) -> None:
    videos = small.videos[small.videos["split"] == "test"]["video"].head(2)
    time = {"window": 71, "seconds": 1}
    assert read_windows(small, Protocol(name="a", time=time), videos=videos).excluded["reason"].tolist() == [SHORT] * 2
    result = read_windows(small, Protocol(name="a", time=time, missing={"short_videos": "mirror"}), videos=videos)
    assert np.diff(result.offsets).tolist() == [71] * 2
    assert (result.landmarks[30] == result.landmarks[28]).all()  # it turns round at the last of 30 frames


def test_a_sweep_is_refused_with_its_members_names(small: Dataset) -> None:
    sweep = Protocol(name="long", sweep={"field": "time.seconds", "values": [1, 2]})
    with pytest.raises(NvfairError, match="long-1, long-2"):
        read_windows(small, sweep, videos=small.videos["video"].head(1))
