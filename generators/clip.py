"""A portrait and a driving clip on their way into a network: sizes checked, frames batched, meshes kept.

Legend: B batch, T driving frames, S the generator's size; pictures are uint8 RGB (B, S, S, 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from generators.errors import GeneratorError
from generators.face import Face

Encoded = TypeVar("Encoded")


def portrait_picture(portrait: Face, *, generator: str, size: int) -> np.ndarray:
    """The portrait as a batch of one. Raises GeneratorError unless it is `size` x `size` pixels."""
    return _stacked([portrait], ["the portrait"], generator, size)


def encode_clip(
    driving: Iterable[Face], encode: Callable[[np.ndarray], Encoded], *, batch: int, generator: str, size: int
) -> tuple[list[Encoded], np.ndarray | None]:
    """`encode` of every `batch` pictures of a clip, in order; its meshes float32 (T, 478, 3) if every frame has one.

    The clip is read once, as a stream: no more than `batch` faces are held at a time.
    Raises GeneratorError, with the frame's number, for another size, and for a clip without frames.
    """
    encoded: list[Encoded] = []
    meshes: list[np.ndarray | None] = []
    stream = iter(driving)
    while faces := list(islice(stream, batch)):
        names = [f"driving frame {len(meshes) + index}" for index in range(len(faces))]
        encoded.append(encode(_stacked(faces, names, generator, size)))
        meshes += [None if face.mesh is None else face.mesh.astype(np.float32) for face in faces]
    if not meshes:
        raise GeneratorError(f"{generator}: the driving clip has no frames: give at least one")
    known = [mesh for mesh in meshes if mesh is not None]
    return encoded, np.stack(known) if len(known) == len(meshes) else None


def _stacked(faces: Sequence[Face], names: Sequence[str], generator: str, size: int) -> np.ndarray:
    for face, name in zip(faces, names, strict=True):
        height, width = face.image.shape[:2]
        if (height, width) != (size, size):
            raise GeneratorError(
                f"{generator}: {name} is {width}x{height} pixels, expected {size}x{size}: frame the face by the "
                "generator's `framing` first"
            )
    return np.stack([face.image for face in faces])
