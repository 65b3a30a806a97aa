import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import pdist

from nvfair_tools.errors import NvfairError
from nvfair_tools.features import SCALES, distances, facial_scale, pair_indices, scaled_landmarks


def faces(frames: int, landmarks: int = 126, size: float = 60.0, offset: float = 300.0, seed: int = 0) -> np.ndarray:
    shape = (frames, landmarks, 2)
    return (np.random.default_rng(seed).normal(size=shape) * size + offset).astype(np.float32)


def reference_scale(points: np.ndarray, scale: str, eyes: tuple[int, int]) -> np.ndarray:
    """Written from the definitions, in float64."""
    exact = points.astype(np.float64)
    if scale == "overall":
        return np.array([np.sqrt(np.mean(np.sum((face - face.mean(axis=0)) ** 2, axis=1))) for face in exact])
    if scale == "interocular":
        return np.array([np.linalg.norm(face[eyes[0]] - face[eyes[1]]) for face in exact])
    if scale == "box":
        return np.array([np.linalg.norm(np.ptp(face, axis=0)) for face in exact])
    return np.ones(len(exact))


def reference(points: np.ndarray, scale: str = "overall", eyes: tuple[int, int] = (41, 53)) -> np.ndarray:
    """SciPy's distances in float64."""
    length = reference_scale(points, scale, eyes)
    return np.stack([pdist(face) / size for face, size in zip(points.astype(np.float64), length, strict=True)])


@pytest.mark.parametrize(
    ("size", "offset"), [(60, 300), (60, 4000), (0.5, 4000), (3, -4000), (1e-6, 0), (1e-20, 0), (200, 1e5), (1e15, 0)]
)
def test_distances_are_exact_to_a_millionth_wherever_and_however_large_the_face(size, offset):
    points = faces(20, size=size, offset=offset)
    assert np.abs(distances(points) - reference(points)).max() < 1e-6


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_its_definition(scale):
    points = faces(12, offset=4000)
    length = reference_scale(points, scale, (41, 53))
    np.testing.assert_allclose(facial_scale(points, scale), length, rtol=2e-7)
    expected = reference(points, scale)
    np.testing.assert_allclose(distances(points, scale), expected, atol=1e-6 * max(1.0, expected.max()), rtol=5e-7)


@pytest.mark.parametrize("frames", [1, 2, 271, 272, 273, 520, 521, 1100])
def test_block_borders_leave_no_trace_and_scaled_landmarks_give_the_same_bits(frames):
    points = faces(frames)
    rows = distances(points)
    assert rows.shape == (frames, 7875)
    for n in {0, frames // 2, min(271, frames - 1), min(272, frames - 1), frames - 1}:
        np.testing.assert_array_equal(rows[n], distances(points[n : n + 1])[0])
    units, (first, second) = scaled_landmarks(points), pair_indices(126)
    assert units.shape == points.shape
    difference = units[:, second] - units[:, first]
    squares = difference * difference
    np.testing.assert_array_equal(rows, np.sqrt(squares[..., 0] + squares[..., 1]))


@pytest.mark.parametrize("landmarks", [1, 2, 3, 68, 109, 300])
def test_any_number_of_landmarks_in_the_order_of_the_pairs(landmarks):
    points = faces(5, landmarks)
    first, second = pair_indices(landmarks)
    assert len(first) == landmarks * (landmarks - 1) // 2
    assert (first < second).all()
    exact = points.astype(np.float64)
    expected = np.linalg.norm(exact[:, first] - exact[:, second], axis=2)
    np.testing.assert_allclose(distances(points, "none"), expected, rtol=3e-6, atol=1e-4)


def test_pairs_come_in_the_order_of_the_upper_triangle():
    first, second = pair_indices(4)
    assert first.tolist() == [0, 0, 0, 1, 1, 2]
    assert second.tolist() == [1, 2, 3, 2, 3, 3]


def test_no_frame_gives_no_row():
    assert distances(faces(0)).shape == (0, 7875)
    assert scaled_landmarks(faces(0)).shape == (0, 126, 2)
    assert facial_scale(faces(0)).shape == (0,)


@pytest.mark.parametrize("scale", SCALES)
def test_a_frame_with_a_missing_landmark_is_nan_and_its_neighbours_are_not(scale):
    points = faces(5)
    points[2, 17, 0] = np.nan
    points[4, 3, 1] = np.inf
    rows = distances(points, scale)
    assert np.isnan(rows[[2, 4]]).all()
    np.testing.assert_array_equal(rows[[0, 1, 3]], distances(points[[0, 1, 3]], scale))


@pytest.mark.parametrize("scale", ["overall", "interocular", "box"])
def test_a_face_without_extent_is_nan(scale):
    points = faces(3)
    points[1] = 123.4
    rows = distances(points, scale)
    assert np.isnan(rows[1]).all()
    assert np.isfinite(rows[[0, 2]]).all()
    assert facial_scale(points, scale)[1] == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_another_precision_is_the_float32_result_rounded(dtype):
    points = faces(300)
    assert distances(points, dtype=dtype).dtype == dtype
    np.testing.assert_array_equal(distances(points, dtype=dtype), distances(points).astype(dtype))


def test_half_precision_is_rounded_to_the_nearest_and_ties_to_even():
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)  # every one of them from 0 on
    between = (halves[:-1] + halves[1:]) / 2
    lengths = np.sort(
        np.concatenate([halves, between, np.nextafter(between, 0), np.nextafter(between, np.float32(9e9))])
    )
    points = np.zeros((len(lengths), 2, 2), np.float32)
    points[:, 1, 0] = lengths
    np.testing.assert_array_equal(distances(points, "none")[:, 0], lengths)
    rounded = distances(points, "none", dtype=np.float16)[:, 0]
    np.testing.assert_array_equal(rounded.view(np.uint16), lengths.astype(np.float16).view(np.uint16))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_landmarks_of_another_type_are_read_as_float32(dtype):
    points = faces(4, size=50, offset=300).astype(dtype)
    np.testing.assert_array_equal(distances(points), distances(points.astype(np.float32)))


def test_an_output_array_is_filled_and_returned_and_the_landmarks_are_untouched():
    points = faces(30)
    before = points.copy()
    rows = np.full((30, 7875), -1, np.float16)
    assert distances(points, out=rows) is rows
    np.testing.assert_array_equal(rows, distances(points, dtype=np.float16))
    np.testing.assert_array_equal(points, before)
    part = np.full((60, 8000), -1, np.float32)
    distances(points, out=part[::2, 100:7975])
    np.testing.assert_array_equal(part[::2, 100:7975], distances(points))
    assert (part[1::2] == -1).all()
    assert (part[:, :100] == -1).all()


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(NvfairError, match="unknown"):
        distances(faces(2), "shoe size")  # type: ignore[arg-type]
    with pytest.raises(NvfairError, match="unknown"):
        facial_scale(faces(2), "shoe size")  # type: ignore[arg-type]
    with pytest.raises(NvfairError, match=r"\(T, L, 2\)"):
        distances(np.zeros((3, 126, 3)))
    with pytest.raises(NvfairError, match=r"\(2, 7875\)"):
        distances(faces(2), out=np.empty((7875, 2), np.float32))

    with pytest.raises(NvfairError, match="eyes="):
        distances(faces(2, 68), "interocular")
    assert np.isfinite(distances(faces(2, 68), "interocular", eyes=(36, 45))).all()


coordinates = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(3, 12), st.just(2)), elements=st.floats(-100, 100, width=32)
).filter(lambda points: (np.ptp(points, axis=1).max(axis=1) > 1).all())


@settings(max_examples=60, deadline=None)
@given(
    coordinates,
    st.floats(-4000, 4000),
    st.floats(-4000, 4000),
    st.floats(0.05, 50),
    st.floats(0, 2 * np.pi),
    st.sampled_from(["overall", "interocular"]),
)
def test_moving_resizing_and_turning_a_face_change_nothing(points, x, y, factor, angle, scale):
    points[:, 1, 0] = points[:, 0, 0] + 5  # the two eyes lie apart
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points @ turn.T * factor + (x, y)
    # float32 holds a coordinate about 4000 to 2.4e-4: what that does to a distance, in units of the scale.
    extent = facial_scale(points, scale, (0, 1)).min() * factor
    rounding = 4 * np.spacing(np.float32(np.abs(moved).max())) / extent
    before = distances(points, scale, eyes=(0, 1))
    after = distances(moved, scale, eyes=(0, 1))
    tolerance = (rounding + 1e-6) * (1 + before.max())
    np.testing.assert_allclose(after, before, atol=float(tolerance), rtol=0)


@settings(max_examples=40, deadline=None)
@given(coordinates)
def test_distances_are_a_metric(points):
    count = points.shape[1]
    first, second = pair_indices(count)
    for row in distances(points):
        full = np.zeros((count, count))
        full[first, second] = full[second, first] = row
        assert (full >= 0).all()
        assert (full[:, :, None] <= full[:, None, :] + full[None, :, :].transpose(0, 2, 1) + 1e-5).all()


def test_the_mean_squared_distance_at_the_overall_scale_is_known():
    """The mean over all ordered pairs of d^2 is twice the mean squared distance from the centroid, here 1."""
    rows = distances(faces(10)).astype(np.float64)
    np.testing.assert_allclose(np.square(rows).sum(axis=1) * 2 / 126**2, 2.0, rtol=1e-6)
