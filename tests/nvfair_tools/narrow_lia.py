"""LIA's real code with a network small enough for every test run."""

from generators.lia.generator import Lia
from tests.generators.lia_networks import seeded


def create(device: str = "auto", dtype: str = "float32") -> Lia:
    """A factory like LIA's own, its weights random."""
    return Lia(seeded(), weights_sha256="seeded")
