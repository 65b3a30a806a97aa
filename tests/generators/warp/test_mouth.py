"""The inside of a mouth that the portrait does not show."""

import numpy as np
import pytest

from generators import create
from generators.warp.mouth import Mouth
from tests.generators.warp.acting import act

VARIANTS = ("warp-dense", "warp-tps", "warp-parts")


def patch(frame, mesh, share):
    """Mean colour around the point at `share` of the way from the upper to the lower lip."""
    x, y = (mesh[13] + share * (mesh[14] - mesh[13]))[:2].round().astype(int)
    return frame[y - 1 : y + 2, x - 1 : x + 2].mean()


@pytest.mark.parametrize("name", VARIANTS)
def test_closed_lips_open_on_a_dark_mouth_with_lighter_teeth_above(name, hopper):
    generator = create(name)
    source = generator.encode_source(hopper)
    mesh = act(hopper.mesh, jaw=0.35)
    (frame,) = generator.render_meshes(source, [mesh])
    skin = frame[int(mesh[50, 1]), int(mesh[50, 0])].mean()
    deep, teeth = patch(frame, mesh, 0.6), patch(frame, mesh, 0.2)
    assert deep < 0.35 * skin
    assert teeth > 1.5 * deep


def test_teeth_that_the_portrait_shows_stay_where_they_were(astronaut):
    generator = create("warp-dense")
    source = generator.encode_source(astronaut)
    mesh = astronaut.mesh
    opened = act(mesh, jaw=0.25)
    (frame,) = generator.render_meshes(source, [opened])
    x, y = mesh[13, :2].round().astype(int)
    rows, columns = np.s_[y + 2 : y + 5], np.s_[x - 6 : x + 7]
    teeth = astronaut.image[rows, columns].astype(float)
    assert np.abs(frame[rows, columns] - teeth).mean() < 15
    assert patch(frame, opened, 0.8) < 0.4 * teeth.mean()


def test_a_mouth_no_more_open_than_the_portraits_is_left_alone(astronaut):
    image = astronaut.image.astype(np.float32)
    mouth = Mouth.of(image, astronaut.mesh)
    frame = image.copy()
    mouth.fill(frame, np.ones((256, 256), bool), astronaut.mesh[:, :2].astype(np.float64), astronaut.mesh)
    np.testing.assert_array_equal(frame, image)


def test_only_the_surroundings_of_the_lips_are_painted(hopper):
    image = hopper.image.astype(np.float32)
    mesh = act(hopper.mesh, jaw=0.3)
    mouth, opened = Mouth.of(image, hopper.mesh), mesh[:, :2]
    frame = image.copy()
    mouth.fill(frame, np.ones((256, 256), bool), opened, mesh)
    rows, columns = np.nonzero(np.abs(frame - image).sum(axis=2))
    assert len(rows) > 50
    assert opened[[13, 78], 1].min() - 6 < rows.min()
    assert rows.max() < opened[14, 1] + 6
    assert opened[78, 0] - 6 < columns.min()
    assert columns.max() < opened[308, 0] + 6
