"""A perceptual hash of a video: nearly the same after another encoding, size or frame rate, not for another motion.

Videos of a data set show few faces many times, so that a hash of single pictures would take one driver's video for
another's. This one has two parts: the low frequencies of a small grey picture (its cosine transform, as in pHash:
Zauner 2010, "Implementation and benchmarking of perceptual image hash functions") of the mean of some pictures, and
those of each picture's *change* from that mean, which is what the driver does. The values are kept in four bits and
compared by correlation: where nothing moves, their signs alone would be noise.

Legend: N hashes of an index; K pictures of a video, one each 0.2 s, at most 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from nvfair_tools.media.decoding import decode

_INTERVAL, _MOST_PICTURES = 0.2, 16  # seconds; the first three seconds are compared
_SIDE, _FREQUENCIES = 32, 8  # of the grey picture in pixels, and of its cosine transform in each direction
_VALUES = _FREQUENCIES**2 - 1  # of a picture; the mean grey does not count
_STEPS = 2.5  # of the four-bit values in a standard deviation: the largest are three deviations from zero
# Distances (1 - correlation) of motion and of appearance up to which a video is a copy: see docs/marking.md.
MOST_MOTION, MOST_APPEARANCE = 0.25, 0.15


def hash_of_video(path: Path) -> str:
    """The hash as hex digits: 63 for the mean of the K pictures, 63 for each picture's change from it.

    Raises MediaError where the video cannot be decoded so far.
    """
    pieces: list[np.ndarray] = []
    last = None
    for frame in decode(path):
        while last is not None and len(pieces) < _MOST_PICTURES and frame.time > len(pieces) * _INTERVAL + 1e-3:
            pieces.append(_low_frequencies(last))
        if len(pieces) == _MOST_PICTURES:
            break
        last = frame.image
    if len(pieces) < _MOST_PICTURES and last is not None:
        pieces.append(_low_frequencies(last))
    pictures = np.array(pieces)
    mean = pictures.mean(axis=0)
    values = np.vstack([_in_steps(mean[None]), _in_steps(pictures - mean)])
    return "".join(f"{value + 8:x}" for value in values.ravel())


def is_hash(text: str) -> bool:
    """Whether a text has the form of a hash."""
    try:
        return len(hash_values(text)) > 1
    except ValueError:
        return False


class HashIndex:
    """The hashes of known videos, to find the one that a video is a copy of."""

    def __init__(self, hashes: Sequence[tuple[str, str]]) -> None:
        """Takes (name, hash) of each video. Raises ValueError where a text is no hash."""
        self._names = [name for name, _ in hashes]
        self._values = np.zeros((len(hashes), _MOST_PICTURES + 1, _VALUES), np.int8)
        self._lengths = np.zeros(len(hashes), np.int64)
        for place, (_, text) in enumerate(hashes):
            values = hash_values(text)
            self._values[place, : len(values)], self._lengths[place] = values, len(values)

    def nearest(self, text: str) -> tuple[str, float] | None:
        """The name of the known video that is most like the one with this hash, and the distance of their motion (0 for
        the same, 1 for motion that has nothing in common); None where none is a copy. Of several as near, the first."""
        distances = self.distances(text)
        motion = np.where((distances <= (MOST_APPEARANCE, MOST_MOTION)).all(axis=1), distances[:, 1], np.inf)
        place = int(np.argmin(motion)) if len(motion) else 0
        return (self._names[place], float(motion[place])) if len(motion) and np.isfinite(motion[place]) else None

    def distances(self, text: str) -> np.ndarray:
        """The distances of appearance and of motion to each known video, float (N, 2): 1 - correlation, over the
        pictures that both have; infinite where one has more than a picture more than the other."""
        values = hash_values(text)
        both = np.minimum(self._lengths, len(values))
        distances = np.full((len(self._names), 2), np.inf)
        # A frame rate that differs moves the end by a picture at most.
        for length in np.unique(both[np.abs(self._lengths - len(values)) <= 1]):
            rows = np.flatnonzero((both == length) & (np.abs(self._lengths - len(values)) <= 1))
            distances[rows, 0] = _one_less_correlation(self._values[rows, :1], values[:1])
            distances[rows, 1] = _one_less_correlation(self._values[rows, 1:length], values[1:length])
        return distances


def _one_less_correlation(several: np.ndarray, single: np.ndarray) -> np.ndarray:
    """1 - the correlation (without means) of each of (N, ...) with (...), (N,); 1 where one of the two is all zero."""
    flat, other = several.reshape(len(several), -1).astype(np.float32), single.ravel().astype(np.float32)
    norms = np.linalg.norm(flat, axis=1) * np.linalg.norm(other)
    return 1.0 - (flat @ other) / np.where(norms > 0, norms, 1.0)


def _in_steps(values: np.ndarray) -> np.ndarray:
    """Values as whole numbers from -8 to 7, in steps of a share of their root mean square; zeros where all are zero."""
    scale = np.sqrt(np.mean(values**2))
    return np.clip(np.rint(values * (_STEPS / scale if scale > 0 else 0.0)), -8, 7).astype(np.int64)


def _low_frequencies(image: np.ndarray) -> np.ndarray:
    """The low frequencies of a picture's grey values, without their mean. image: uint8 (H, W, 3). Returns (63,)."""
    from PIL import Image

    small = Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    basis = _cosines()
    return (basis @ np.asarray(small, np.float64) @ basis.T).ravel()[1:]


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """The first rows of the cosine transform (DCT-II), (8, 32)."""
    places = np.pi * (2 * np.arange(_SIDE) + 1) / (2 * _SIDE)
    return np.cos(np.arange(_FREQUENCIES)[:, None] * places[None])


def hash_values(text: str) -> np.ndarray:
    """The values of a hash, int8 (K + 1, 63): the mean's, then each picture's. ValueError where the text is no hash.

    Value n of the 63 has the horizontal frequency (n + 1) % 8; a mirror changes the signs of the odd ones.
    """
    pictures, rest = divmod(len(text), _VALUES)
    if rest or not 2 <= pictures <= _MOST_PICTURES + 1:
        raise ValueError(f"{text[:80]!r} is no perceptual hash of a video")
    return np.array([int(digit, 16) - 8 for digit in text], np.int8).reshape(pictures, _VALUES)
