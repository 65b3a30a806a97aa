"""What tells the members of the family apart: how motion spreads."""

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

from generators.warp.backdrop import backdrop
from generators.warp.spread import CONTROLS, dense_spread, parts_spread, thin_plate_spread
from generators.warp.topology import OVAL
from tests.generators.warp.acting import act

SPREADS = {"dense": dense_spread, "thin_plate": thin_plate_spread, "parts": parts_spread}


@pytest.fixture(params=["astronaut", "hopper"])
def scene(request, portraits):
    mesh = portraits[request.param].mesh.astype(np.float64)
    return mesh, backdrop(mesh, 256)


@pytest.mark.parametrize("name", SPREADS)
def test_the_border_never_moves_and_the_face_does(name, scene):
    mesh, net = scene
    matrix = SPREADS[name](mesh, net)
    assert matrix.shape == (478 + len(net.points), 478)
    assert (matrix[478:][net.border] == 0).all()
    shifted = matrix[:478] @ np.full((478, 2), [6.0, -3.0])
    np.testing.assert_allclose(shifted, np.broadcast_to([6.0, -3.0], (478, 2)), atol=0.8)


@pytest.mark.parametrize("name", SPREADS)
def test_a_dropped_jaw_and_shut_eyes_are_carried(name, scene):
    mesh, net = scene
    moved = act(mesh, jaw=0.25, lids=1.0)
    moved += (mesh - moved)[10]
    carried = mesh[:, :2] + SPREADS[name](mesh, net)[:478] @ (moved - mesh)[:, :2]
    opening = moved[14, 1] - moved[13, 1]
    assert carried[14, 1] - carried[13, 1] == pytest.approx(opening, rel=0.25)
    for upper, lower in ((159, 145), (386, 374)):
        assert carried[lower, 1] - carried[upper, 1] < 0.4 * (mesh[lower, 1] - mesh[upper, 1])


def test_members_have_ranks_of_different_kinds(scene):
    mesh, net = scene
    rank = {name: np.linalg.matrix_rank(spread(mesh, net)[:478], tol=1e-6) for name, spread in SPREADS.items()}
    assert rank["dense"] == 478
    assert rank["thin_plate"] == len(CONTROLS)
    assert rank["parts"] <= 4 + 3 * 19
    assert rank["parts"] < rank["thin_plate"] < rank["dense"]


def test_the_thin_plate_is_scipys(astronaut):
    mesh = astronaut.mesh.astype(np.float64)
    mesh[:, 1] += np.where(mesh[:, 1] > mesh[14, 1] - 1, 40, 0)  # an open mouth, which needs no unfolding
    net = backdrop(mesh, 256)
    stiffness = 1e-3
    matrix = thin_plate_spread(mesh, net, stiffness)
    unit = np.linalg.norm(np.ptp(mesh[OVAL, :2], axis=0)) / 2
    nails = np.flatnonzero(net.border)[::2]
    known = np.concatenate([mesh[CONTROLS, :2], net.points[nails]]) / unit
    motion = np.random.default_rng(5).normal(size=(478, 2))
    values = np.concatenate([motion[CONTROLS], np.zeros((len(nails), 2))])
    # scipy's kernel is r^2 log r, half of ours, and its plane is rescaled; so is the smoothing.
    outside = RBFInterpolator(known, values, kernel="thin_plate_spline", smoothing=stiffness / 2)
    checked = np.r_[np.arange(0, 478, 9), 478 + np.flatnonzero(~net.border)]
    everywhere = np.concatenate([mesh[:, :2], net.points]) / unit
    np.testing.assert_allclose((matrix @ motion)[checked], outside(everywhere[checked]), atol=1e-6)


def test_no_mesh_point_is_in_two_places_among_the_controls():
    assert len(set(CONTROLS.tolist())) == len(CONTROLS)
