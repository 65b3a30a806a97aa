"""Whose motion a frame shows: the algebra of LIA's motion codes.

Legend: T frames, M motion dimensions. A frame's latent vector is the source's style vector plus the dictionary times a
code; these functions give the codes (T, M), float32. The dictionary is linear, so sums of its images are images of
sums (Wang et al. 2022, equation 3 and section 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from generators.errors import GeneratorError

# What the authors' manipulation figures step through along one dimension.
SWEEP = tuple(-3.0 + 6.0 * step / 16.0 for step in range(16))


def absolute(driving: np.ndarray) -> np.ndarray:
    """Codes (T, M) of the driver as they are."""
    return np.asarray(driving, dtype=np.float32)


def relative(driving: np.ndarray, reference: int, source: np.ndarray) -> np.ndarray:
    """The source's own code (M,) plus the driver's change (T, M) since its frame `reference`."""
    return np.asarray(driving - driving[reference] + source, dtype=np.float32)


def manipulated(source: np.ndarray, deltas: Mapping[int, float | Sequence[float]], frames: int) -> np.ndarray:
    """The source's own code (M,) plus `deltas` {dimension: one number, or one for each frame} -> (frames, M).

    Raises GeneratorError for a dimension the dictionary lacks, a value that is not finite, or another number of values.
    """
    codes = np.tile(np.asarray(source, dtype=np.float32), (frames, 1))
    if not isinstance(deltas, Mapping):
        raise GeneratorError(f"linear_manipulation must be {{dimension: delta}}; got {deltas!r}")
    for dimension, delta in deltas.items():
        codes[:, _index(dimension, codes.shape[1])] += _values(dimension, delta, frames)
    return codes


def _index(dimension: object, count: int) -> int:
    # YAML keeps whole-number keys, JSON turns them into text.
    text = str(dimension)
    if isinstance(dimension, bool) or not text.isascii() or not text.isdigit() or int(text) >= count:
        raise GeneratorError(f"linear_manipulation: {dimension!r} is no dimension; there are 0..{count - 1}")
    return int(text)


def _values(dimension: object, delta: object, frames: int) -> np.ndarray:
    try:
        values = np.asarray(delta, dtype=np.float32)
    except (TypeError, ValueError):
        values = np.full((), np.nan, dtype=np.float32)
    if values.shape not in ((), (frames,)) or not np.isfinite(values).all():
        raise GeneratorError(
            f"linear_manipulation, dimension {dimension}: expected a finite number or {frames} of them (one a frame); "
            f"got {delta!r}"
        )
    return values
