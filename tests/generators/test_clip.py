"""Faces on their way into a network: sizes, batches, meshes."""

from __future__ import annotations

import numpy as np
import pytest

from generators.clip import encode_clip, portrait_picture
from generators.errors import GeneratorError
from generators.face import MESH_POINTS, Face


def face(value: int, side: int = 8, mesh: bool = False) -> Face:
    points = np.full((MESH_POINTS, 3), value, dtype=np.float64) if mesh else None
    return Face(np.full((side, side, 3), value, dtype=np.uint8), points)


def means(driving, batch=2):
    return encode_clip(driving, lambda x: x.mean(axis=(1, 2, 3)).tolist(), batch=batch, generator="tiny", size=8)


def test_batches_are_full_but_for_the_last_and_in_order():
    encoded, meshes = means(face(value) for value in range(5))
    assert encoded == [[0, 1], [2, 3], [4]]
    assert meshes is None


def test_no_more_is_read_than_a_batch_needs():
    read = []

    def clip():
        for value in range(6):
            read.append(value)
            yield face(value)

    seen = []
    encode_clip(clip(), lambda pictures: seen.append((len(read), len(pictures))), batch=2, generator="tiny", size=8)
    assert seen == [(2, 2), (4, 2), (6, 2)]


def test_meshes_come_along_where_every_frame_has_one():
    _, meshes = means([face(1, mesh=True), face(2, mesh=True), face(3, mesh=True)])
    assert meshes.shape == (3, MESH_POINTS, 3)
    assert meshes.dtype == np.float32
    np.testing.assert_array_equal(meshes[:, 5, 1], [1, 2, 3])
    assert means([face(1, mesh=True), face(2)])[1] is None


def test_another_size_is_refused_by_the_frames_own_number():
    with pytest.raises(GeneratorError, match=r"tiny: driving frame 3 is 9x9 pixels, expected 8x8"):
        means([face(0), face(1), face(2), face(3, side=9)])
    with pytest.raises(GeneratorError, match="tiny: the portrait is 4x4 pixels, expected 8x8"):
        portrait_picture(face(0, side=4), generator="tiny", size=8)


def test_a_clip_without_frames_is_refused():
    with pytest.raises(GeneratorError, match="tiny: the driving clip has no frames"):
        means([])
