"""Classical reenactment by warping a portrait with a face mesh: needs no weights, no torch and no GPU.

Three members that share a mesh and a painter but not the way motion spreads: `dense` (piecewise-affine, every point by
itself), `thin_plate` (a thin-plate spline through few control points) and `parts` (blended affine parts, low rank).
Results across them are results *within the warp family*.
"""

from generators.warp.generator import Motion, Source, Warp
from generators.warp.spread import dense_spread, parts_spread, thin_plate_spread

__all__ = ["Motion", "Source", "Warp", "dense", "parts", "thin_plate"]


def dense(size: int = 256, mouth: str = "plain") -> Warp:
    """`warp-dense`: every mesh point moves by itself (piecewise-affine). See `Warp` for `size` and `mouth`."""
    return Warp("warp-dense", dense_spread, size, mouth)


def thin_plate(size: int = 256, mouth: str = "plain") -> Warp:
    """`warp-tps`: a thin-plate spline through few control points. See `Warp` for `size` and `mouth`."""
    return Warp("warp-tps", thin_plate_spread, size, mouth)


def parts(size: int = 256, mouth: str = "plain") -> Warp:
    """`warp-parts`: affine motion of the head and its parts, blended. See `Warp` for `size` and `mouth`."""
    return Warp("warp-parts", parts_spread, size, mouth)
