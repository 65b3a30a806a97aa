"""The authors' brightness stretch, against its formula over the whole clip at once."""

import tracemalloc

import numpy as np

from generators.face import to_uint8
from generators.lia.stretch import stretched


def clip(frames: int = 6, side: int = 16) -> np.ndarray:
    return np.random.default_rng(1).normal(0.1, 0.5, size=(frames, side, side, 3)).astype(np.float32)


def test_stretch_equals_the_formula_and_survives_the_conversion_to_a_picture():
    frames = clip()
    whole = np.clip(frames.astype(np.float64), -1.0, 1.0) * 0.8  # no value at the clamp: the clip's own range counts
    expected = np.floor(255.0 * (whole - whole.min()) / (whole.max() - whole.min()))
    ours = np.stack([to_uint8(frame, (-1.0, 1.0)) for frame in stretched(iter(whole.astype(np.float32)))])
    # float32 against float64: a value on the edge of a level may fall either way, by one level.
    assert (ours == expected).mean() > 0.999
    assert np.abs(ours - expected).max() <= 1
    assert ours.min() == 0
    assert ours.max() == 255


def test_values_beyond_the_range_are_clamped_before_the_range_is_measured():
    frames = np.zeros((2, 4, 4, 3), dtype=np.float32)
    frames[0, 0, 0, 0], frames[1, 0, 0, 0] = -7.0, 0.5
    low, high = (to_uint8(frame, (-1.0, 1.0)) for frame in stretched(frames))
    assert low[0, 0, 0] == 0
    assert high[0, 0, 0] == 255
    assert low[1, 1, 1] == int(255 * (1.0 / 1.5))


def test_a_clip_of_one_value_becomes_black_without_dividing_by_zero():
    frames = [to_uint8(frame, (-1.0, 1.0)) for frame in stretched(np.full((3, 2, 2, 3), 0.4, dtype=np.float32))]
    assert len(frames) == 3
    assert not np.any(frames)


def test_an_empty_clip_stays_empty():
    assert list(stretched([])) == []


def test_memory_does_not_grow_with_the_clip():
    def peak(count: int) -> int:
        frame = clip(1, 64)[0]
        tracemalloc.start()
        for _ in stretched(frame * (index % 7 / 7.0) for index in range(count)):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(200) < peak(10) + 64 * 64 * 3 * 4 * 5
