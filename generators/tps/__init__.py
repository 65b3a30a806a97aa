"""TPS, the thin-plate-spline motion model (Zhao and Zhang, CVPR 2022): our own implementation for public weights."""

from generators.tps.generator import Motion, Source, Tps, create
from generators.tps.layout import LAYOUT

__all__ = ["LAYOUT", "Motion", "Source", "Tps", "create"]
