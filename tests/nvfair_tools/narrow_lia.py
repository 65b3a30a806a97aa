"""LIA's real code with a network small enough for every test run."""

from generators.device import DTYPES
from generators.lia.generator import Lia
from tests.generators.lia.networks import narrow_lia


def create(device: str = "auto", dtype: str = "float32") -> Lia:
    """A factory like LIA's own, its weights random."""
    return narrow_lia(dtype=DTYPES[dtype])
