"""Mapped landmarks are those of the parts, are decoded once, and never those of a part that has changed."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.row_removal import place_rows, remove_rows
from nvfair_tools.dataset.writer import finish_dataset
from nvfair_tools.errors import NvfairError
from tests.nvfair_tools.dataset.landmark_videos import IDENTITIES, LENGTHS, write_dataset


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    data = Dataset.open(write_dataset(tmp_path_factory.mktemp("dataset"), rows_per_part=15))
    return data, data.memory_map(tmp_path_factory.mktemp("cache"))


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(LENGTHS)), st.integers(-14, 14), st.none() | st.integers(-14, 14))
def test_a_slice_of_mapped_frames_is_the_one_that_is_read(mapped, video, start, stop):
    data, tracks = mapped
    expected = data.frames(video, start, stop)
    for slice_read, name in zip(tracks.track(video, start, stop), ("landmarks", "valid", "time"), strict=True):
        np.testing.assert_array_equal(slice_read, getattr(expected, name))
        assert slice_read.dtype == getattr(expected, name).dtype


def test_a_slice_is_a_view_of_the_file_and_writing_into_it_reaches_no_file(mapped):
    data, tracks = mapped
    first, again = tracks.track("v2", 2, 6)[0], tracks.track("v2", 0, 12)[0]
    assert np.shares_memory(first, again)
    first[0, 0, 0] = -1
    assert data.memory_map(tracks._folder).track("v2", 2, 3)[0][0, 0, 0] == data.frames("v2", 2, 3).landmarks[0, 0, 0]


def test_all_videos_come_one_after_the_other_and_many_slices_at_once(mapped):
    data, tracks = mapped
    assert len(tracks) == 5
    videos = [video for video, *_ in tracks]
    assert sorted(videos) == sorted(LENGTHS)
    slices = [("v2", 3, 9), ("v0", 0, None), ("v2", -2, None)]
    copied, expected = tracks.slices(slices), data.slices(slices)
    for name in ("videos", "offsets", "landmarks", "valid", "time"):
        np.testing.assert_array_equal(getattr(copied, name), getattr(expected, name))


def test_another_process_maps_the_files_itself(mapped):
    data, tracks = mapped
    tracks.track("v0")
    sent = pickle.dumps(tracks)
    assert len(sent) < 5_000
    np.testing.assert_array_equal(pickle.loads(sent).track("v0")[0], data.frames("v0").landmarks)


def test_torch_takes_a_slice_without_a_copy(mapped):
    torch = pytest.importorskip("torch")
    landmarks = mapped[1].track("v2", 0, 4)[0]
    assert torch.from_numpy(landmarks).data_ptr() == landmarks.ctypes.data


def test_parts_are_decoded_once_and_the_others_files_stay(tmp_path):
    data, cache = Dataset.open(write_dataset(tmp_path / "set", rows_per_part=15)), tmp_path / "cache"
    steps = []
    data.memory_map(cache, progress=lambda done, all: steps.append((done, all)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    (cache / "notes.txt").write_text("mine")
    times = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(times) == 10
    data.memory_map(cache)
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == times


def test_what_was_decoded_of_somebody_who_has_withdrawn_goes_and_the_rest_stays(tmp_path):
    folder, cache = write_dataset(tmp_path / "set", rows_per_part=15), tmp_path / "cache"
    data = Dataset.open(folder)
    expected = {video: data.frames(video).landmarks for video in LENGTHS}
    data.memory_map(cache)
    before = {path.name for path in cache.iterdir()}
    part = folder / data.videos.set_index("video").loc["v3", "part"]
    remove_rows(part, {"v3"}, "nobody")
    finish_dataset(folder, IDENTITIES, place_rows(folder, data.videos[data.videos["video"] != "v3"]), {"name": "toy"})
    tracks = Dataset.open(folder).memory_map(cache)
    with pytest.raises(NvfairError, match="'v3'"):
        tracks.track("v3")
    for video in set(LENGTHS) - {"v3"}:
        np.testing.assert_array_equal(tracks.track(video)[0], expected[video])
    after = {path.name for path in cache.iterdir()}
    assert len(before - after) == len(after - before) == 3
    for path in cache.glob("*.landmarks.npy"):
        rows = np.load(path).reshape(-1, 252)
        assert not any((rows == frame.reshape(-1)).all(axis=1).any() for frame in expected["v3"])


def test_a_damaged_part_or_one_of_other_videos_is_refused(tmp_path):
    data = Dataset.open(write_dataset(tmp_path / "set", rows_per_part=1000))
    swapped = data.videos.assign(video=data.videos["video"].replace({"v0": "v1", "v1": "v0"}))
    with pytest.raises(NvfairError, match="other frames"):
        replace(data, videos=swapped).memory_map(tmp_path / "cache")
    name = data.usable()["part"].iloc[0]
    part = data.folder / name
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with pytest.raises(NvfairError, match=r"part-00000\.parquet: .*another SHA-256"):
        data.memory_map(tmp_path / "cache")
    assert list((tmp_path / "cache").glob(f"*{data.meta['files'][name]}*")) == []
