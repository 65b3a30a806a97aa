"""LIA (Latent Image Animator, Wang et al., ICLR 2022), 256 x 256: our own implementation for public weights."""

from generators.lia.generator import Lia, Motion, Source, create
from generators.lia.layout import LAYOUT

__all__ = ["LAYOUT", "Lia", "Motion", "Source", "create"]
