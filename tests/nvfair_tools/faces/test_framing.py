import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.framing import clip_crop, crop_square, face_box, frame_face, transform_points
from tests.nvfair_tools.clips import astronaut


def mesh_in(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    mesh = np.random.default_rng(0).uniform(size=(478, 3))
    mesh[:2] = ((0, 0, 0), (1, 1, 0))
    return (mesh * (right - left, bottom - top, 10) + (left, top, 0)).astype(np.float32)


def test_a_whole_square_at_its_own_size_is_the_picture_itself():
    image = astronaut()[:200, :200]
    crop, matrix = crop_square(image, (100, 100), 200, 200)
    np.testing.assert_array_equal(crop, image)
    np.testing.assert_allclose(matrix, [[1, 0, 0], [0, 1, 0]])


def test_a_crop_of_whole_pixels_is_a_slice():
    crop, matrix = crop_square(astronaut(), (250, 150), 100, 100)
    np.testing.assert_array_equal(crop, astronaut()[100:200, 200:300])
    np.testing.assert_allclose(
        transform_points(np.array([[200.0, 100.0], [300.0, 200.0]]), matrix), [[0, 0], [100, 100]]
    )


@settings(max_examples=30, deadline=None)
@given(x=st.floats(60, 440), y=st.floats(60, 440), side=st.floats(20, 400), size=st.integers(16, 300))
def test_the_matrix_takes_a_bright_spot_to_where_it_is_drawn(x, y, side, size):
    """The picture is dark but for a wide bright disc, whose centre of mass must follow the matrix."""
    rows, columns = np.mgrid[:500, :500] + 0.5
    radius = side / 8
    disc = np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1)
    image = np.repeat((disc * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    centre = (x + side / 7, y - side / 9)
    crop, matrix = crop_square(image, centre, side, size)
    weight = crop[:, :, 0].astype(float)
    expected = transform_points(np.array([[x, y]]), matrix)[0]
    rows, columns = np.mgrid[:size, :size] + 0.5
    centre_of_mass = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    assert np.abs(centre_of_mass - expected).max() < 0.15 + 0.5 * size / side / max(radius, 1)


def test_both_axes_have_one_scale():
    _, matrix = crop_square(astronaut()[:200], (256, 100), 180, 64)
    assert matrix[0, 0] == matrix[1, 1] == pytest.approx(64 / 180)
    assert matrix[0, 1] == matrix[1, 0] == 0


@pytest.mark.parametrize(
    ("border", "expected"), [("replicate", [5, 5, 5, 5, 5, 10]), ("reflect", [20, 15, 10, 5, 5, 10])]
)
def test_what_lies_outside_repeats_or_mirrors_the_picture(border, expected):
    """Whole pixels: four columns outside, of a ramp 5, 10, 15, ..."""
    ramp = np.repeat((np.arange(1, 21, dtype=np.uint8) * 5)[None, :, None], 20, axis=0).repeat(3, axis=2)
    crop, _ = crop_square(ramp, (2, 10), 12, 12, border=border)
    assert crop[6, :6, 0].tolist() == expected


def test_downscaling_does_not_alias():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    crop, _ = crop_square(stripes, (256, 256), 400, 50)
    assert np.abs(crop[5:-5, 5:-5].astype(int) - 127).max() < 10


@pytest.mark.parametrize(
    ("centre", "side", "size"),
    [((10, 10), 0, 10), ((10, 10), -5, 10), ((10, 10), 5, 0), ((900, 10), 20, 10), ((float("nan"), 10), 20, 10)],
)
def test_an_impossible_square_is_refused(centre, side, size):
    with pytest.raises(NvfairError, match="square"):
        crop_square(astronaut(), centre, side, size)


def test_the_face_is_framed_by_its_longer_side_and_shifted():
    mesh = mesh_in(200, 100, 280, 200)
    crop, moved = frame_face(astronaut(), mesh, scale=1.9, shift_y=-0.06, size=256)
    assert crop.shape == (256, 256, 3)
    assert crop.dtype == np.uint8
    assert moved.dtype == np.float32
    box = face_box(moved)
    assert box[3] - box[1] == pytest.approx(256 / 1.9, abs=1e-3)
    assert box[2] - box[0] == pytest.approx(0.8 * 256 / 1.9, abs=1e-3)
    assert (box[0] + box[2]) / 2 == pytest.approx(128, abs=1e-3)
    # The crop moved up, so the face lies below its middle.
    assert (box[1] + box[3]) / 2 == pytest.approx(128 + 0.06 * 256, abs=1e-3)
    assert np.ptp(moved[:, 2]) == pytest.approx(np.ptp(mesh[:, 2]) * 256 / 190, rel=1e-5)


def test_a_still_clip_is_framed_like_a_single_picture():
    mesh = mesh_in(200, 100, 280, 200)
    centre, side = clip_crop(np.stack([mesh] * 4), 1.9, -0.06, (512, 512))
    assert side == pytest.approx(190)
    assert centre == pytest.approx((240, 150 - 0.06 * 190))


def test_one_crop_holds_a_moving_head_in_every_frame_and_skips_missing_ones():
    meshes = np.stack([mesh_in(50 + 30 * n, 100, 130 + 30 * n, 200) for n in range(10)])
    meshes[4] = np.nan
    centre, side = clip_crop(meshes, 1.9, -0.06, (512, 512))
    low = np.array(centre) - side / 2
    valid = meshes[np.isfinite(meshes).all(axis=(1, 2))][:, :, :2]
    assert (valid >= low - 1e-3).all()
    assert (valid <= low + side + 1e-3).all()
    with pytest.raises(NvfairError, match="no frame"):
        clip_crop(np.full((3, 478, 3), np.nan), 1.9, 0.0, (512, 512))


@pytest.mark.parametrize("place", [(200, 0), (5, 180), (420, 400)])
def test_a_crop_is_moved_so_as_to_stay_within_the_picture(place):
    left, top = place
    mesh = mesh_in(left, top, left + 80, top + 100)
    _, moved = frame_face(astronaut(), mesh, 1.9, -0.06, 190)
    low = mesh[:, :2].min(axis=0) - moved[:, :2].min(axis=0)  # the crop's corner in the picture: nothing is rescaled
    assert (low >= -1e-3).all()
    assert (low + 190 <= 512 + 1e-3).all()
    assert np.ptp(moved[:, 1]) == pytest.approx(100, abs=1e-3)


def test_a_crop_larger_than_the_picture_is_tightened_but_never_below_one_and_a_half_faces():
    picture = astronaut()[:260, :260]
    _, moved = frame_face(picture, mesh_in(60, 60, 200, 200), 1.9, 0.0, 260)
    assert np.ptp(moved[:, 1]) == pytest.approx(140, abs=1e-3)  # 266 would reach beyond; 260 does not
    _, moved = frame_face(picture, mesh_in(10, 10, 230, 230), 1.9, 0.0, 330)
    assert np.ptp(moved[:, 1]) == pytest.approx(220, abs=1e-3)  # 330 is 1.5 x 220


def test_a_real_face_is_found_in_its_own_frame_where_the_mesh_says():
    from nvfair_tools.landmarks.landmarker import create_landmarker

    landmarker = create_landmarker()
    landmarker.start()
    (mesh,) = landmarker.find(astronaut())
    crop, moved = frame_face(astronaut(), mesh, 1.9, -0.06, 256)
    landmarker.start()
    (again,) = landmarker.find(crop)
    landmarker.close()
    assert np.median(np.linalg.norm(again[:, :2] - moved[:, :2], axis=1)) < 2.5
