"""Whether a clip is good enough by the recipe's key `clip_checks`, and if not, what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from nvfair_tools.recipe.quality_rule import Action, ClipCheckRule

# Check -> what is compared, whether the limit is the least, the flag, and what the clip is then, in words.
LIMITS = {
    "face_size": ("face_size", True, "small_face", "the face's longer side in pixels"),
    "whole": ("whole_share", True, "face_cut_off", "the share of frames with the whole face"),
    "yaw": ("yaw", False, "turned_away", "the head's yaw in degrees"),
    "pitch": ("pitch", False, "turned_away", "the head's pitch in degrees"),
    "roll": ("roll", False, "turned_away", "the head's roll in degrees"),
    "sharpness": ("sharpness", True, "blurred", "the face's sharpness"),
    "luminance": ("luminance", True, "underexposed", "the face's mean grey level"),
    "dark": ("dark_share", False, "underexposed", "the share of the face that is black"),
    "bright": ("bright_share", False, "overexposed", "the share of the face that is white"),
    "repeated": ("repeated_share", False, "repeated_frames", "the share of pictures that repeat the one before"),
    "frozen": ("frozen_seconds", False, "frozen", "the longest time in seconds without a new picture"),
    "jitter": ("jitter", False, "shaky_landmarks", "the landmarks' noise over the face's size"),
    "same_person": ("frame_cosine", True, "identity_changes", "the least cosine of two frames' faces"),
}
CHECKS = (*LIMITS, "cuts", "people", "identity")
# The flags of tracks and files that mean a cut.
_CUT_FLAGS = ("hard_cut", "face_jumped")
# Tracking takes another face for larger by chance in as many frames.
_MAX_SMALLER_SHARE = 0.05


@dataclass(frozen=True)
class BrokenCheck:
    """A check that a clip does not pass. flag: the word for it, a reason where action is "reject". detail: why."""

    check: str
    flag: str
    detail: str
    action: Action


def broken_checks(measures: Mapping[str, float], flags: Collection[str], rule: ClipCheckRule) -> Iterator[BrokenCheck]:
    """The checks that a clip does not pass, in the order of CHECKS; those of identity are `identity_of_clips`'s.

    measures: those that are known; a check whose measure is not known is passed. flags: of the clip's track and file.
    """
    for name, (measure, is_least, flag, words) in LIMITS.items():
        check, value = rule.limit_of(name), measures.get(measure)
        if check is None or value is None or (value >= check.limit if is_least else value <= check.limit):
            continue
        bound = "at least" if is_least else "at most"
        yield BrokenCheck(name, flag, f"{words} is {value:.3g}; {bound} {check.limit:g}", check.action)
    if rule.cuts is not None and (cuts := [flag for flag in _CUT_FLAGS if flag in flags]):
        yield BrokenCheck("cuts", cuts[0], "the picture or the face changes at once", rule.cuts.action)
    if rule.people is not None and (text := _people_problem(measures, flags, rule.people.policy)):
        yield BrokenCheck("people", "several_faces", text, rule.people.action)


def is_measured(name: str, measures: Mapping[str, float]) -> bool:
    """Whether the check of this name could be made of a clip with these measures."""
    if name in LIMITS:
        return LIMITS[name][0] in measures
    return True


def _people_problem(measures: Mapping[str, float], flags: Collection[str], policy: str) -> str:
    if policy == "one":
        share = max(measures.get("several_share", 0.0), measures.get("detected_several_share", 0.0))
        is_broken = share > 0 or "several_faces" in flags
        return f"a second face in {share:.0%} of the frames looked at; the policy is one face" if is_broken else ""
    share = max(measures.get("smaller_share", 0.0), measures.get("detected_smaller_share", 0.0))
    if share <= _MAX_SMALLER_SHARE:
        return ""
    return f"another face is larger in {share:.0%} of the frames looked at; the policy is the largest face"
