"""The authors' brightness stretch: a clip's darkest value becomes black, its brightest white.

It ties every frame to the whole clip and marks LIA's videos for any detector, so nothing here asks for it by default;
it exists to compare with videos made by the authors' script. Two passes over the frames are needed; between them they
lie in a temporary file, so that memory does not grow with the clip.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np


def stretched(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames float32 (H, W, 3) around -1..1 -> the same clamped, stretched and cut to the 256 levels of a picture.

    level = floor(255 * (clamp(v) - min) / (max - min)) over the clip; the value returned is level / 127.5 - 1, which
    rounds back to that very level. A clip of one value only becomes black.
    """
    low, high, count = np.inf, -np.inf, 0
    shape: tuple[int, ...] = ()
    with tempfile.TemporaryFile() as spool:
        for frame in frames:
            clamped = np.clip(frame, -1.0, 1.0).astype(np.float32, copy=False)
            low, high = min(low, float(clamped.min())), max(high, float(clamped.max()))
            shape, count = clamped.shape, count + 1
            spool.write(np.ascontiguousarray(clamped).data)
        spool.seek(0)
        for _ in range(count):
            values = np.frombuffer(spool.read(4 * int(np.prod(shape))), dtype=np.float32).reshape(shape)
            yield _levels(values, np.float32(low), np.float32(high)) / np.float32(127.5) - np.float32(1.0)


def _levels(values: np.ndarray, low: np.float32, high: np.float32) -> np.ndarray:
    if high <= low:
        return np.zeros_like(values)
    return np.floor((values - low) / (high - low) * np.float32(255.0))
