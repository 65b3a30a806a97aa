"""The net between the face and the border."""

import numpy as np
import pytest

from generators.warp.backdrop import backdrop, harmonic_weights
from generators.warp.topology import OVAL
from tests.generators.warp.acting import act


def areas(points, triangles):
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


def oval_area(mesh):
    x, y = mesh[OVAL, 0].astype(float), mesh[OVAL, 1].astype(float)
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_net_and_oval_tile_the_picture_without_gap_or_overlap(name, portraits):
    mesh = portraits[name].mesh
    net = backdrop(mesh, 256)
    covered = areas(np.concatenate([mesh[:, :2], net.points]), net.triangles).sum()
    assert covered + oval_area(mesh) == pytest.approx(255.0**2, rel=1e-6)


def test_a_face_that_reaches_over_the_border_still_gets_a_net(hopper):
    mesh = act(hopper.mesh, scale=1.9, shift=(40, -50))
    net = backdrop(mesh, 256)
    weights = harmonic_weights(net, mesh, reach=0.35)
    assert np.isfinite(weights).all()
    assert (net.points >= 0).all()
    assert (net.points <= 255).all()


def test_the_net_follows_the_oval_nearby_fades_outwards_and_is_still_at_the_border(astronaut):
    net = backdrop(astronaut.mesh, 256)
    weights = harmonic_weights(net, astronaut.mesh, reach=0.35)
    follow = weights.sum(axis=1)
    assert (weights >= -1e-12).all()  # a maximum principle: nothing is pushed beyond the oval's own motion
    assert (follow <= 1 + 1e-12).all()
    assert (follow[net.border] == 0).all()
    near, far = follow[net.distance < 0.15], follow[(net.distance > 0.5) & ~net.border]
    assert near.mean() > 0.7
    assert far.mean() < 0.7 * near.mean()
    assert np.corrcoef(net.distance, follow)[0, 1] < -0.8
