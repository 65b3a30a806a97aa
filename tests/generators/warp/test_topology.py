"""The mesh's facts, checked against MediaPipe's own tables."""

from itertools import combinations

import pytest

from generators.warp import topology
from tests.mediapipe_here import connections


def edges(triangles):
    return {frozenset(pair) for triangle in triangles.tolist() for pair in combinations(triangle, 2)}


def loop(points):
    return {frozenset(pair) for pair in zip(points, [*points[1:], points[0]], strict=True)}


@pytest.fixture(scope="module")
def mediapipe_edges():
    return lambda name: {frozenset(edge) for edge in connections(name)}


def test_the_skin_has_exactly_mediapipes_edges_and_is_a_disc_with_three_holes(mediapipe_edges):
    triangles = topology.skin_triangles()
    assert edges(triangles) == mediapipe_edges("TESSELATION")
    assert 468 - len(edges(triangles)) + len(triangles) == 1 - 3  # Euler's characteristic


def test_the_oval_and_the_contours_of_the_openings_are_mediapipes(mediapipe_edges):
    assert loop(topology.OVAL.tolist()) == mediapipe_edges("FACE_OVAL")
    assert loop(topology.MOUTH.contour) <= mediapipe_edges("LIPS")
    assert loop(topology.RIGHT_EYE.contour) == mediapipe_edges("RIGHT_EYE")
    assert loop(topology.LEFT_EYE.contour) == mediapipe_edges("LEFT_EYE")


@pytest.mark.parametrize("opening", [topology.MOUTH, *topology.EYES])
def test_each_openings_strip_fills_exactly_its_hole(opening):
    strip = opening.strip()
    assert len(strip) == len(opening.contour) - 2
    assert loop(opening.contour) <= edges(strip)
    assert set(strip.ravel().tolist()) == set(opening.contour)


def test_rows_of_an_opening_pair_up_and_no_point_is_in_two_rows():
    for opening in (topology.MOUTH, *topology.EYES):
        rows = [opening.corners, opening.upper, opening.lower, *opening.upper_rings, *opening.lower_rings]
        assert {len(row) for row in rows[1:]} == {len(opening.upper)}
        assert len({i for row in rows for i in row}) == sum(map(len, rows))
