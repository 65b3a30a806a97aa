"""Bytes that a data set takes a frame, as measured on real clips."""

from __future__ import annotations

from nvfair_tools.recipe.recipe import Recipe

VIDEO_BYTES = 3_000  # of a rendered 256 x 256 frame
ROW_BYTES = 1_100  # of a frame's row while the build goes on
TRACK_BYTES = 5_800  # of a source frame's track while the build goes on
_LANDMARK_BYTES, _DISTANCE_BYTES = 450, 8_200  # of a frame in a part


def feature_bytes(recipe: Recipe) -> int:
    """Bytes of a frame in the parts: its landmarks and, where the recipe stores them, its distances."""
    return _LANDMARK_BYTES + (_DISTANCE_BYTES if recipe.features.distances != "none" else 0)
