"""Whether a rendered video is good enough by the limits of a recipe, and if not, why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nvfair_tools.pipeline.items import ItemResult, rejected
from nvfair_tools.recipe.quality_rule import QualityRule

# Limit of the rule -> what is compared, whether it is the least, the reason, and what the video is then, in words.
LIMITS = {
    "least_face_share": ("face_share", True, "face_lost", "its share of frames with a face"),
    "least_correlation": ("correlation", True, "motion_not_transferred", "the correlation with the driver's motion"),
    "least_amplitude": ("amplitude", True, "motion_not_transferred", "the amplitude of the driver's motion"),
    "most_amplitude": ("amplitude", False, "motion_exaggerated", "the amplitude of the driver's motion"),
    "least_identity": ("identity_arcface", True, "identity_lost", "the likeness to the portrait"),
    "most_flicker": ("flicker_excess", False, "flickering", "the flicker in grey levels beyond the driver's"),
    "least_sharpness": ("sharpness_ratio", True, "blurred", "the sharpness over the portrait's"),
}


def derived(measures: Mapping[str, Any]) -> dict[str, float]:
    """The measures of a video, and those made of two: NaN where one of the two is not known.

    flicker_excess: the video's flicker less the driver's, at least 0; sharpness_ratio: the video's over the portrait's.
    """
    values = {name: float(value) for name, value in measures.items() if isinstance(value, (int, float))}
    unknown = math.nan
    excess = values.get("flicker", unknown) - values.get("driver_flicker", unknown)
    portrait = values.get("portrait_sharpness", unknown)
    ratio = values.get("sharpness", unknown) / portrait if portrait > 0 else unknown
    return {**values, "flicker_excess": max(excess, 0.0) if excess == excess else unknown, "sharpness_ratio": ratio}


def judge(measures: Mapping[str, Any], rule: QualityRule) -> ItemResult | None:
    """The rejection of a video that breaks a limit, with all broken limits in its detail; None for a good one.

    A measure that is not known breaks no limit: of a video without a face, only the share of frames with one is known.
    """
    values = derived(measures)
    broken = []
    for limit, (name, is_least, reason, words) in LIMITS.items():
        bound, value = getattr(rule, limit), values.get(name, math.nan)
        if bound is None or value != value:
            continue
        if value < bound if is_least else value > bound:
            broken.append((reason, f"{words} is {value:.3g}; {'at least' if is_least else 'at most'} {bound:g}"))
    if not broken:
        return None
    return rejected(broken[0][0], "; ".join(text for _, text in broken))
