"""Values of all frames: the same from a file as from memory, and no more of them in memory than is used."""

from __future__ import annotations

import errno
import os
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.windows.stored_frames import FrameWriter, StoredFrames
from nvfair_tools.errors import NvfairError

LENGTHS = (3, 1, 0, 5, 2)


def parts(dtype=np.float32) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(100 * rng.random((length, 4, 2))).astype(dtype) for length in LENGTHS]


def stored(order: list[int] | None = None, dtype=np.float32, most_bytes: int = 0) -> StoredFrames | np.ndarray:
    writer = FrameWriter((4, 2), dtype, most_bytes)
    for part in parts(dtype):
        writer.append(part)
    return writer.finish(order)


@given(st.permutations(range(len(LENGTHS))), st.data())
def test_any_rows_from_a_file_are_those_of_the_videos_in_their_order(order: list[int], data: st.DataObject) -> None:
    frames, whole = stored(order), np.concatenate([parts()[number] for number in order])
    assert isinstance(frames, StoredFrames)
    rows = data.draw(st.lists(st.integers(-11, 10), max_size=20))
    np.testing.assert_array_equal(frames[np.array(rows, dtype=np.int64)], whole[np.array(rows, dtype=np.int64)])
    first, last = data.draw(st.integers(-12, 12)), data.draw(st.integers(-12, 12))
    np.testing.assert_array_equal(frames[first:last], whole[first:last])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_memory_and_file_give_the_same_array(dtype: type) -> None:
    in_memory, in_file = stored(dtype=dtype, most_bytes=10**6), stored(dtype=dtype)
    assert isinstance(in_memory, np.ndarray)
    assert isinstance(in_file, StoredFrames)
    assert (in_file.shape, in_file.dtype, in_file.nbytes) == (in_memory.shape, in_memory.dtype, in_memory.nbytes)
    np.testing.assert_array_equal(np.asarray(in_file), in_memory)
    grid = np.array([[0, 10], [4, 4]])
    np.testing.assert_array_equal(in_file[grid], in_memory[grid])


def test_rows_beyond_the_end_are_an_error() -> None:
    with pytest.raises(IndexError, match="row 11 of 11"):
        stored()[np.array([11])]


def test_of_no_videos_there_are_no_frames() -> None:
    assert FrameWriter((4, 2)).finish().shape == (0, 4, 2)


def test_what_is_collected_may_change_afterwards() -> None:
    writer, values = FrameWriter((2,)), np.ones((3, 2), np.float32)
    writer.append(values)
    values[:] = 7
    np.testing.assert_array_equal(writer.finish(), np.ones((3, 2)))


def test_a_full_disk_says_which_folder_and_how_to_name_another(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk:
        def write(self, data: memoryview) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def close(self) -> None:
            pass

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: FullDisk())
    with pytest.raises(NvfairError, match=r"(?s)no room.*No space left.*TMPDIR"):
        stored()
