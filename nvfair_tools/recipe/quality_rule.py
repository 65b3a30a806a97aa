"""The keys `quality` and `clip_checks` of a recipe: which rendered videos, and which clips, are good enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

Limit = Annotated[float, Field(ge=0)] | None
Correlation = Annotated[float, Field(ge=-1, le=1)] | None
Action = Literal["flag", "reject"]

# Check of a clip -> the limit that a recipe gets which states none. They are our choice: beyond all but a few of the
# real clips whose distributions docs/clip_checks.md prints.
DEFAULT_LIMITS = {
    "face_size": 96.0,
    "whole": 0.95,
    "yaw": 40.0,
    "pitch": 20.0,
    "roll": 30.0,
    "sharpness": 0.12,
    "luminance": 50.0,
    "dark": 0.15,
    "bright": 0.05,
    "repeated": 0.1,
    "frozen": 0.5,
    "jitter": 0.005,
    "same_person": 0.3,
}


class QualityRule(BaseModel):
    """Limits beyond which a rendered video is rejected, with its reason; a limit that is left out rejects nothing.

    least_face_share: of frames with a face. least_correlation, least_amplitude, most_amplitude: of the video's facial
    motion and its driver's, medians over what the driver moves. least_identity: ArcFace's mean cosine with the
    portrait (it needs `landmarks.recogniser`). most_flicker: grey levels beyond the driver's. least_sharpness: over the
    portrait's. docs/quality.md explains each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_face_share: Annotated[float, Field(ge=0, le=1)] | None = None
    least_correlation: Correlation = None
    least_amplitude: Limit = None
    most_amplitude: Limit = None
    least_identity: Correlation = None
    most_flicker: Limit = None
    least_sharpness: Limit = None


class ClipCheck(BaseModel):
    """A check of clips with a limit. action: what happens with a clip beyond it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[float, Field(ge=-1)]
    action: Action


class CutCheck(BaseModel):
    """The check for hard cuts and faces that jump. action: what happens with a clip that has any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action


class PeopleCheck(BaseModel):
    """The check of how many faces a clip shows. policy: "one" allows no second face; "largest" allows others, as long
    as the followed face is the largest. action: what happens with a clip that breaks it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Literal["one", "largest"] = "one"
    action: Action


class IdentityCheck(BaseModel):
    """The check of names by faces, over all clips of a data set; it needs a recognition network.

    confirm: the least cosine of two clips of one person. two_names: the cosine from which on two names are taken for
    one person's. action: what happens with clips whose name is not confirmed, or whose person has two names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    confirm: Annotated[float, Field(ge=-1, le=1)] = 0.3
    two_names: Annotated[float, Field(ge=-1, le=1)] = 0.4
    action: Action


LimitCheck = Annotated[
    ClipCheck | None, Field(description="a limit, flag, reject, the keys limit and action with both, or false")
]


class ClipCheckRule(BaseModel):
    """Checks of each clip, all of them with their own limits unless a recipe changes or leaves out some.

    A check is a limit, an action ("flag" or "reject"), both as {limit, action}, or false where it is left out. action:
    that of checks that state none. pack: an InsightFace pack on disk, its folder, or an .onnx file; without it the
    detector and the recogniser of `landmarks` are used, where there are any. docs/clip_checks.md explains each check.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action = "flag"
    pack: str | None = None
    face_size: LimitCheck
    whole: LimitCheck
    yaw: LimitCheck
    pitch: LimitCheck
    roll: LimitCheck
    sharpness: LimitCheck
    luminance: LimitCheck
    dark: LimitCheck
    bright: LimitCheck
    repeated: LimitCheck
    frozen: LimitCheck
    jitter: LimitCheck
    same_person: LimitCheck
    cuts: Annotated[CutCheck | None, Field(description="flag, reject, or false")]
    people: Annotated[
        PeopleCheck | None, Field(description="one, largest, flag, reject, the keys policy and action, or false")
    ]
    identity: Annotated[
        IdentityCheck | None, Field(description="flag, reject, the keys confirm, two_names and action, or false")
    ]

    @model_validator(mode="before")
    @classmethod
    def _add_defaults(cls, content: Any) -> Any:
        """Gives every check that is not stated, or only in part, its own limit and the common action."""
        if content is None or content is True:
            content = {}
        if not isinstance(content, Mapping):
            return content
        action = content.get("action", "flag")
        action = action if _is_action(action) else "flag"  # which is wrong once, not in every check
        checks = {
            name: _whole_check(name, content.get(name, True), action)
            for name in (*DEFAULT_LIMITS, "cuts", "people", "identity")
        }
        return {**content, **checks}

    @field_validator(*DEFAULT_LIMITS)
    @classmethod
    def _check_limit(cls, check: ClipCheck | None, info: ValidationInfo) -> ClipCheck | None:
        if check is not None and check.limit < 0 and info.field_name != "same_person":
            raise ValueError("a limit is at least 0")
        return check

    def limit_of(self, name: str) -> ClipCheck | None:
        """The check of this name that has a limit; None where it is left out."""
        check: ClipCheck | None = getattr(self, name)
        return check


def _whole_check(name: str, value: Any, action: Any) -> Any:
    """A check as a mapping with all its keys; None where it is left out."""
    if value is False or value is None or value == "off":
        return None
    defaults: dict[str, Any] = {"action": action}
    if name in DEFAULT_LIMITS:
        defaults["limit"] = DEFAULT_LIMITS[name]
    if value is True:
        return defaults
    if isinstance(value, Mapping):
        return defaults | dict(value)
    if name in DEFAULT_LIMITS and isinstance(value, int | float):
        return defaults | {"limit": value}
    if name == "people" and value in ("one", "largest"):
        return defaults | {"policy": value}
    return defaults | {"action": value} if _is_action(value) else value


def _is_action(value: Any) -> bool:
    return value in get_args(Action) if isinstance(value, str) else False
