import numpy as np
import pytest

from nvfair_tools.landmarks.gaps import GapTooLong, fill_gaps
from nvfair_tools.landmarks.track import Track


def make(valid: str, times: np.ndarray | None = None) -> Track:
    """A track in which "x" marks found frames; point p moves by p pixels a second."""
    valid_frames = np.array([sign == "x" for sign in valid], dtype=bool)
    time = np.arange(len(valid)) / 10 if times is None else times
    mesh = (time[:, None, None] * np.arange(478)[:, None] * np.ones(3)).astype(np.float32)
    mesh[~valid_frames] = np.nan
    reason = np.where(valid_frames, "", "no_face").astype(object)
    return Track(mesh, valid_frames, reason, time, (100, 100), "none", "1")


def test_a_short_gap_is_bridged_on_the_straight_line_in_time():
    times = np.array([0.0, 0.1, 0.15, 0.3, 0.4])
    track = make("xx..x", times)
    mesh, filled = fill_gaps(track, 1.0)
    assert filled.tolist() == [False, False, True, True, False]
    np.testing.assert_allclose(mesh[:, :, 0], times[:, None] * np.arange(478), rtol=1e-5, atol=1e-4)
    assert mesh.dtype == np.float32


def test_found_frames_are_untouched_and_so_is_the_track():
    track = make("x.x")
    before = track.mesh.copy()
    mesh, filled = fill_gaps(track, 1.0)
    np.testing.assert_array_equal(mesh[~filled], before[~filled])
    np.testing.assert_array_equal(track.mesh, before)


def test_ends_hold_the_nearest_found_mesh():
    mesh, filled = fill_gaps(make(".xx.."), 0.2)
    assert filled.tolist() == [True, False, False, True, True]
    np.testing.assert_array_equal(mesh[0], mesh[1])
    np.testing.assert_array_equal(mesh[4], mesh[2])


def test_a_track_without_gaps_needs_nothing():
    mesh, filled = fill_gaps(make("xxx"), 0.0)
    assert not filled.any()
    assert np.isfinite(mesh).all()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_gap_of_just_the_allowed_length_is_bridged_and_a_longer_one_is_not(frames):
    track = make("x" + "." * frames + "x")
    fill_gaps(track, frames * 0.1)
    with pytest.raises(GapTooLong) as caught:
        fill_gaps(track, frames * 0.1 - 0.05)
    assert caught.value.reason == "gap_too_long"
    assert caught.value.seconds == pytest.approx(frames * 0.1)
    assert "frame 1" in str(caught.value)


@pytest.mark.parametrize(
    ("valid", "reason"),
    [("....", "no_face"), ("...x", "gap_at_start"), ("x...", "gap_at_end"), ("", "no_face")],
)
def test_the_reason_says_where_the_gap_is(valid, reason):
    with pytest.raises(GapTooLong) as caught:
        fill_gaps(make(valid), 0.15)
    assert caught.value.reason == reason
