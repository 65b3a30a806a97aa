"""Where each pixel comes from."""

import numpy as np
import pytest
from scipy.interpolate import LinearNDInterpolator

from generators.warp.backdrop import backdrop
from generators.warp.scene import Scene
from generators.warp.spread import dense_spread
from generators.warp.topology import EYES, OVAL
from tests.generators.warp.acting import act


@pytest.fixture
def stage(astronaut):
    mesh = astronaut.mesh.astype(np.float64)
    net = backdrop(mesh, 256)
    return mesh, Scene.of(mesh, net, 256), dense_spread(mesh, net)


def paint(stage, mesh):
    rest, scene, spread = stage
    moved = scene.rest[: len(spread)] + spread @ (mesh - rest)[:, :2]
    vertices = scene.vertices(moved)
    places, seen = scene.paint(vertices, mesh[:, 2])
    return vertices, places[..., 0], places[..., 1], seen


def test_at_rest_every_pixel_comes_from_where_it_is(stage):
    _, x, y, _ = paint(stage, stage[0])
    rows, columns = np.mgrid[:256, :256]
    assert np.abs(x - columns).max() < 0.6  # between the lids, whose contour is snapped shut near the corners
    assert np.abs(y - rows).max() < 0.6
    assert np.mean(np.abs(x - columns) + np.abs(y - rows) < 0.01) > 0.995


def test_the_map_agrees_with_scipys_piecewise_linear_interpolation(stage):
    mesh = stage[0]
    moved = mesh.copy()
    moved[:, 0] += 3 * np.sin(mesh[:, 1] / 20)
    moved[:, 1] += 3 * np.cos(mesh[:, 0] / 25)
    vertices, x, y, _ = paint(stage, moved)
    count = len(stage[2])
    transform = LinearNDInterpolator(vertices[:count], stage[1].rest[:count])
    rows, columns = np.mgrid[20:236:3, 20:236:3]
    outside = transform(columns.ravel(), rows.ravel())
    ours = np.c_[x[rows, columns].ravel(), y[rows, columns].ravel()]
    error = np.abs(ours - outside).max(axis=1)
    # The triangulations differ (theirs is Delaunay's), so single pixels may; the maps are of one and the same motion.
    assert np.median(error) < 0.2
    assert np.quantile(error, 0.95) < 1.5


def test_every_pixel_is_covered_in_any_pose(stage):
    mesh, scene, _ = stage
    for change in (
        {"yaw": 40},
        {"yaw": -40},
        {"pitch": 25},
        {"roll": 30},
        {"jaw": 0.5},
        {"scale": 1.3},
        {"scale": 0.7},
    ):
        _, x, y, seen = paint(stage, act(mesh, **change))
        assert np.mean(seen == len(scene.triangles)) < 0.001
        assert np.isfinite(x).all()
        assert np.isfinite(y).all()


def test_shut_lids_hide_the_iris(stage):
    mesh = stage[0]
    _, open_x, open_y, _ = paint(stage, mesh)
    _, shut_x, shut_y, _ = paint(stage, act(mesh, lids=1.0))
    for eye in EYES:
        centre = mesh[eye.iris, :2]

        def shows_iris(x, y, centre=centre):
            return np.sum(np.hypot(x - centre[0], y - centre[1]) < 2.5)

        assert shows_iris(open_x, open_y) > 10
        assert shows_iris(shut_x, shut_y) == 0


def test_in_a_profile_the_near_side_hides_the_far_one(stage):
    mesh = stage[0]
    turned = act(mesh, yaw=60)
    far = 454 if turned[454, 2] > turned[234, 2] else 234
    near = 234 + 454 - far
    _, x, y, _ = paint(stage, turned)
    inside = (mesh[OVAL, 0].min() < x) & (x < mesh[OVAL, 0].max()) & (np.abs(y - mesh[4, 1]) < 25)
    nearer = np.abs(x - mesh[near, 0]) < np.abs(x - mesh[far, 0])
    assert nearer[inside].mean() > 0.8
