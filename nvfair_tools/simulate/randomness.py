"""Random numbers that depend on names alone, so that every process draws the same numbers in any order."""

from __future__ import annotations

import hashlib

import numpy as np


def digest(*names: object, size: int = 12) -> str:
    """The hex digest (2 x `size` characters) of `names`, in order."""
    return hashlib.blake2b("\x1f".join(map(str, names)).encode(), digest_size=size).hexdigest()


def random_generator(*names: object) -> np.random.Generator:
    """A random generator whose seed is the digest of `names`."""
    return np.random.Generator(np.random.SFC64(int(digest(*names, size=16), 16)))
