"""Moving a portrait along any sequence of meshes, which makes videos of simulated people.

Legend: T frames, S side of the picture in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from nvfair_tools.errors import MissingExtra


def animate(image: np.ndarray, mesh: np.ndarray, meshes: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Warps a portrait onto each of `meshes`; yields uint8 RGB frames (S, S, 3).

    image: uint8 RGB (S, S, 3), S from 64 to 2048. mesh: float32 (478, 3) in its pixels. meshes: each (478, 3) in
    pixels of the frame. Raises GeneratorError where a mesh has another shape or is not finite, MissingExtra where
    the warp generator's packages are not installed.
    """
    try:
        from generators.face import Face, to_uint8
        from generators.warp import dense
    except ImportError as error:
        raise MissingExtra(str(error.name), "curate", str(error)) from error
    generator = dense(image.shape[0])
    source = generator.encode_source(Face(image, np.asarray(mesh, dtype=np.float32)))
    for frame in generator.render_meshes(source, meshes):
        yield to_uint8(frame, generator.value_range)
