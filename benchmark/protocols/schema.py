"""Protocols: everything that decides a benchmark figure apart from the data and the method.

A protocol is a JSON file. Its canonical hash names it, so that two figures are comparable exactly when their hashes
are equal. Choices that the published works leave open are fields here, with our choice as the default.

Fields that came after the first release (`later_fields`) are written, and hashed, only where a protocol uses them, so
that files and hashes from before stay what they were. A protocol may name a sweep over one field, which `expand_sweep`
turns into plain protocols with hashes of their own.
"""

from __future__ import annotations

import hashlib
import json
import re
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from nvfair_tools.schema_problems.lines import problem_lines

# Fields that a sweep cannot change: they name a protocol and do not change its figures.
_NAMING_FIELDS = ("format_version", "name", "title", "sweep")


class _FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # Fields that the first release did not have; at their default they are neither written nor hashed.
    later_fields: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _leave_out_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        unused = [name for name in self.later_fields if getattr(self, name) == type(self).model_fields[name].default]
        return {name: value for name, value in content.items() if name not in unused}


class TrialRule(StrEnum):
    """Which pairs of videos are compared; both show the same face, except under the last two rules."""

    # NVFAIR's equation 6: genuine are all unordered pairs of self-reenactments of the face, impostor are all pairs of
    # one of them with a video of that face that somebody else drives.
    SELF_SELF_VS_SELF_CROSS = "self-self-vs-self-cross"
    # Both videos are cross-reenactments of the face: genuine where one person drives both. A detector of
    # "the motion does not fit this face" gains nothing here.
    CROSS_CROSS = "cross-cross"
    # All unordered pairs of one collection's videos, whatever faces they show, self-reenactments included: genuine
    # where one person drives both. AVAPrintDB asks the same of its published lists of pairs, which hold some of them.
    SAME_DRIVER = "same-driver"
    # A self-reenactment of k against cross-reenactments of other faces of k's collection: genuine where k drives them.
    # Genuine and impostor pairs are self x cross alike, so that a detector of a face that is not the driver's own gains
    # nothing.
    DIFFERENT_FACE = "different-face"


class Relation(StrEnum):
    """Which generators a method is tested on, compared with those that it was trained on."""

    SEEN = "seen"  # a generator that training used
    UNSEEN = "unseen"  # generators that neither training nor selection used
    ANY = "any"


class Split(_FrozenModel):
    """Which split of the data set plays each role."""

    train: str = "train"
    validation: str = "validation"
    test: str = "test"


class Generators(_FrozenModel):
    """Generators of training and testing by name, and how they must relate to each other.

    train: empty for those that the checkpoint was trained on. test: empty for all generators of the data set.
    """

    relation: Relation = Relation.ANY
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


class Template(_FrozenModel):
    """Enrolment by several clips of the target.

    clips: self-reenactments of the target, of different clips, that make one template.
    draws: how many orders of the target's clips are drawn by the trials' seed. Each order gives one template for each
    probe: its first `clips` clips other than the probe's own. So every probe is scored, and larger templates contain
    the smaller ones.
    """

    clips: int = Field(ge=1)
    draws: int = Field(default=1, ge=1)


class Trials(_FrozenModel):
    """Which trials the headline figures are computed on.

    share_driving_clip: whether a genuine pair may come from one driving clip (a near-copy). NVFAIR's rule as published
    counts all unordered pairs of self-reenactments. Within one generator each self-reenactment has its own clip, so
    `false` changes nothing there; it matters only where a set renders a clip twice (variants of a generator).
    only_shared_clips: the only genuine pairs are those that come from one driving clip.
    clips_per_driver: at most so many videos of each driver on each face are used, drawn by `seed` (0: all). Under
    different-face: the videos of so many of each driver's clips, the same on every face and by every generator. It is
    meant for rules whose trials grow with the square of the videos.
    across_generators: the first video is by one generator, the second by another; every ordered pair of generators is
    a cell of its own.
    scenarios: scenario of the first (enrolled) video and of the second (probe); null: any.
    template: how several videos enrol together; null: a single video enrols.
    """

    later_fields = ("only_shared_clips", "across_generators", "scenarios", "template")

    rule: TrialRule = TrialRule.SELF_SELF_VS_SELF_CROSS
    share_driving_clip: bool = False
    clips_per_driver: int = Field(default=0, ge=0)
    seed: int = 0
    only_shared_clips: bool = False
    across_generators: bool = False
    scenarios: tuple[str, str] | None = None
    template: Template | None = None

    @model_validator(mode="after")
    def _check_agreement(self) -> Trials:
        if self.only_shared_clips and not self.share_driving_clip:
            raise ValueError("only_shared_clips asks for pairs that share_driving_clip = false forbids")
        if self.template is not None and self.rule is not TrialRule.SELF_SELF_VS_SELF_CROSS:
            raise ValueError(f"templates are enrolled under {TrialRule.SELF_SELF_VS_SELF_CROSS.value} alone")
        if self.template is not None and self.share_driving_clip:
            raise ValueError("a template never holds the probe's driving clip: share_driving_clip must be false")
        return self


class Time(_FrozenModel):
    """The frame rate that tracks are resampled to, and the windows that are cut from them then.

    fps: frames a second, a rational such as "30000/1001". window: frames a window (71: the length a re-implementation
    reports). stride: frames between window starts. The published rate and stride are not public: 30 and half a window
    are our choices. seconds: only the first so many seconds of each video, enrolled or probe, are used (null: all); a
    shorter video is used whole.
    """

    later_fields = ("seconds",)

    fps: str = "30/1"
    window: int = Field(default=71, ge=2)
    stride: int = Field(default=35, ge=1)
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @field_validator("fps")
    @classmethod
    def _parse_rate(cls, text: str) -> str:
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{text!r} is not a rational number such as '30000/1001'") from error
        if value <= 0:
            raise ValueError(f"{text!r} is not positive")
        return f"{value.numerator}/{value.denominator}"

    @property
    def rate(self) -> Fraction:
        """Frames a second, as an exact fraction."""
        return Fraction(self.fps)

    @property
    def frames(self) -> int | None:
        """Frames of each video that are used, at this rate; None: all."""
        return None if self.seconds is None else int(Fraction(repr(self.seconds)) * self.rate)

    @property
    def window_only(self) -> Time:
        """The same without `seconds`: what a method must have been trained for."""
        return self.model_copy(update={"seconds": None})


class Missing(_FrozenModel):
    """What happens where the landmarker found no face, and with short videos.

    max_gap_frames: gaps of at most so many frames (at the protocol's rate) are interpolated; a window that touches a
    longer gap is excluded and counted. short_videos: a video with fewer frames than a window is excluded and counted
    ("exclude"), or played forwards and backwards until it fills a window ("mirror"), or filled up with its last frame
    ("repeat-last").
    """

    max_gap_frames: int = Field(default=5, ge=0)
    short_videos: Literal["exclude", "mirror", "repeat-last"] = "exclude"


class Scoring(_FrozenModel):
    """How the embeddings of windows become the score of a pair of videos; a larger score means more alike.

    aggregation: "mean-embedding": a video is the mean of its windows' L2-normalised embeddings, normalised again;
    "mean-score": a pair's score is the mean over all pairs of windows. How the paper goes from windows to videos is
    not public.
    score: minus the Euclidean distance of L2-normalised embeddings (NVFAIR), or their cosine.
    template: how a probe is compared with a template of several videos: with the mean of their (normalised) video
    embeddings, normalised again, or by the mean of its scores with each of them.
    """

    later_fields = ("template",)

    aggregation: Literal["mean-embedding", "mean-score"] = "mean-embedding"
    score: Literal["negative-euclidean", "cosine"] = "negative-euclidean"
    # The figure that is reported first; every figure is computed, whichever this is.
    headline: Literal["mean-auc-over-targets", "pooled-auc"] = "mean-auc-over-targets"
    fmr_targets: tuple[float, ...] = (0.1, 0.01)
    template: Literal["mean-embedding", "mean-score"] = "mean-embedding"


class Uncertainty(_FrozenModel):
    """How intervals and permutation tests are computed.

    Intervals resample people (one weight a person, as target and as driver); permutation tests permute people.
    """

    resamples: int = Field(default=1000, ge=0)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    permutations: int = Field(default=1000, ge=0)
    seed: int = 0


class Sweep(_FrozenModel):
    """A field of the protocol, by its path ("time.seconds"), and the values that it takes in turn."""

    field: str
    values: tuple[Any, ...] = Field(min_length=1)


class Protocol(_FrozenModel):
    """A protocol, or a sweep over one of its fields; `digest` is its identity."""

    later_fields = ("sweep",)

    format_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="small letters, digits and -, such as my-protocol")
    title: str = ""
    split: Split = Split()
    generators: Generators = Generators()
    trials: Trials = Trials()
    time: Time = Time()
    missing: Missing = Missing()
    scoring: Scoring = Scoring()
    uncertainty: Uncertainty = Uncertainty()
    sweep: Sweep | None = None

    @model_validator(mode="after")
    def _check_sweep(self) -> Protocol:
        members = expand_sweep(self) if self.sweep is not None else []
        for attribute in ("digest", "name"):
            if len({getattr(member, attribute) for member in members}) < len(members):
                field = self.sweep.field  # type: ignore[union-attr]
                raise ValueError(f"sweep over {field}: two values give one {attribute}")
        return self

    @property
    def digest(self) -> str:
        """The sha256 of the canonical JSON of everything that can change a figure (all but name and title).

        The digest of a sweep is made from its members' digests, and from nothing else.
        """
        content: Any = self.model_dump(mode="json", exclude={"name", "title"})
        if self.sweep is not None:
            content = {"sweep": [member.digest for member in expand_sweep(self)]}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def to_json(self) -> str:
        """The text of a protocol file: every field, also at its default, except unused fields that came later."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


def expand_sweep(protocol: Protocol) -> list[Protocol]:
    """The plain protocols of a sweep, in its order, named NAME-VALUE; a plain protocol gives itself alone.

    Raises ValueError where the sweep names no field of the protocol or a value that the field cannot take; a Protocol
    that was parsed has none of these.
    """
    if protocol.sweep is None:
        return [protocol]
    *sections, field = protocol.sweep.field.split(".")
    members = []
    for value in protocol.sweep.values:
        content = protocol.model_dump(mode="json")
        del content["sweep"]
        section: Any = protocol
        section_content: Any = content
        for name in sections:
            section, section_content = getattr(section, name, None), section_content.get(name)
            if not isinstance(section, _FrozenModel) or not isinstance(section_content, dict):
                raise ValueError(f"sweep over {protocol.sweep.field!r}: this protocol has no part {name!r}")
        if (
            field not in type(section).model_fields
            or isinstance(getattr(section, field), _FrozenModel)
            or (not sections and field in _NAMING_FIELDS)
        ):
            raise ValueError(f"sweep over {protocol.sweep.field!r}: no field that can be swept")
        section_content[field] = value
        content["name"] = f"{protocol.name}-{_slug(value)}"
        content["title"] = f"{protocol.title} ({field}: {_value_text(value)})".strip()
        try:
            members.append(Protocol.model_validate(content))
        except ValidationError as error:
            line = problem_lines(Protocol, content, error)[0]
            raise ValueError(f"sweep over {protocol.sweep.field!r}: {line}") from error
    return members


def _slug(value: Any) -> str:
    """A swept value as part of a protocol's name."""
    return re.sub(r"[^a-z0-9]+", "-", _value_text(value).lower()).strip("-")


def _value_text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_value_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
