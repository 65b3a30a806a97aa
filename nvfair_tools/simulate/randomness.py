"""Randomness that depends on names only: whoever draws it, in whatever order and process, gets the same numbers."""

from __future__ import annotations

import hashlib

import numpy as np


def digest(*names: object, size: int = 12) -> str:
    """Hex digest (2 x `size` characters) of `names`, in order."""
    return hashlib.blake2b("\x1f".join(map(str, names)).encode(), digest_size=size).hexdigest()


def random_of(*names: object) -> np.random.Generator:
    """The random generator that belongs to `names`."""
    return np.random.Generator(np.random.SFC64(int(digest(*names, size=16), 16)))
