"""The stored landmarks of one video as bytes for the page, and its motion over time beside its driver's.

Legend: T frames, L landmarks (126), C channels of `nvfair_tools.quality.motion`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.quality.motion import CHANNELS, compare_motion, motion_series
from nvfair_tools.viewer.open_set import OpenSet

# Channel -> its name and unit on the page. "E" is the distance of the outer eye corners.
TITLES = {
    "mouth_open": ("Mouth opening", "E"),
    "mouth_width": ("Mouth width", "E"),
    "eyes_open": ("Eye opening", "E"),
    "brows": ("Brow height", "E"),
    "yaw": ("Head yaw (place of the nose tip)", "E"),
    "pitch": ("Head pitch (place of the nose tip)", "E"),
    "roll": ("Head roll", "rad"),
}


def landmarks_of(state: OpenSet, video: str) -> np.ndarray:
    """The landmarks float32 (T, L, 2) of a video in pixels; NaN where there is no face.

    Raises NvfairError where the set has no frames of it, or the part is missing or damaged.
    """
    number = state.number(video)
    row = state.dataset.videos.iloc[[number]]
    if not isinstance(row["part"].iloc[0], str):
        raise NvfairError("the set has no landmarks of this video", where=video)
    # A rejected row keeps its frames in no part; one that is refused today still has its own.
    return state.with_rows(row.assign(state="ok")).tracks([video]).landmarks


def series_of(state: OpenSet, video: str) -> dict[str, Any]:
    """The channels of a video over time, and how well each follows its driver's; null where it cannot be said."""
    landmarks = landmarks_of(state, video)
    row = state.row(video)
    driver = _driver_landmarks(state, str(row["clip"])) if row["kind"] != "real" else None
    transfer = None
    if driver is not None and len(driver) == len(landmarks):
        transfer = compare_motion(landmarks, driver)
    series = motion_series(landmarks)
    return {
        "channels": [
            {
                "name": name,
                "title": TITLES[name][0],
                "unit": TITLES[name][1],
                "values": _rounded(series[:, number]),
                "correlation": None if transfer is None else _finite(transfer.correlation[name]),
                "amplitude": None if transfer is None else _finite(transfer.amplitude[name]),
            }
            for number, name in enumerate(CHANNELS)
        ]
    }


def _driver_landmarks(state: OpenSet, clip: str) -> np.ndarray | None:
    try:
        return landmarks_of(state, clip)
    except NvfairError:  # the clip is not in the set, or its frames are damaged: its own panel says so
        return None


def _rounded(values: np.ndarray) -> list[float | None]:
    return [None if not np.isfinite(value) else round(float(value), 4) for value in values]


def _finite(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
