"""Protocol files: everything that decides a benchmark figure apart from the data and the method.

A protocol is a JSON file. Its canonical hash names it, so that two figures are comparable exactly when their hashes
are equal. Choices that the published works leave open are fields here, with our choice as the default.

Fields that came after the first release (`later`) are written, and hashed, only where a protocol uses them: files and
hashes from before stay what they were. A protocol may name a sweep over one field, which `expand` turns into plain
protocols with hashes of their own.
"""

from __future__ import annotations

import hashlib
import json
import re
from enum import Enum
from fractions import Fraction
from pathlib import Path
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

from nvfair_tools.errors import NvfairError, Problems

PROTOCOL_VERSION = 1


# What a sweep cannot change: it names the protocol rather than its figures.
_NAMES = ("format_version", "name", "title", "sweep")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # Fields that the first release did not have; at their default they are left out of what is written and hashed.
    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        unused = [name for name in self.later if getattr(self, name) == type(self).model_fields[name].default]
        return {name: value for name, value in content.items() if name not in unused}


class TrialRule(str, Enum):
    """Which videos are compared; of one face but for the last two rules."""

    # NVFAIR's equation 6: genuine are all unordered pairs of self-reenactments of the face, impostor are all pairs of
    # one of them with a video of that face that somebody else drives.
    SELF_SELF_VS_SELF_CROSS = "self-self-vs-self-cross"
    # Both videos are cross-reenactments of the face: genuine where one person drives both. A detector of
    # "the motion does not fit this face" has nothing to hold on to here.
    CROSS_CROSS = "cross-cross"
    # AVAPrintDB's: all unordered pairs of one collection's videos, whatever faces they show, self-reenactments
    # included: genuine where one person drives both.
    SAME_DRIVER = "same-driver"
    # A self-reenactment of k against cross-reenactments of other faces of k's collection: genuine where k drives them.
    # Genuine and impostor are self x cross alike, so that nothing is to be had from noticing a face that is not the
    # driver's own.
    DIFFERENT_FACE = "different-face"


class Relation(str, Enum):
    """How the generators of training and of testing must stand to each other."""

    SEEN = "seen"  # tested on a generator that was trained on
    UNSEEN = "unseen"  # tested on generators that neither training nor selection touched
    ANY = "any"


class Split(_Part):
    """Names of the data set's splits that play each role."""

    train: str = "train"
    validation: str = "validation"
    test: str = "test"


class Generators(_Part):
    """`train`, `test`: names of generators; empty: whatever the checkpoint was trained on, whatever the data holds."""

    relation: Relation = Relation.ANY
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


class Template(_Part):
    """Enrolment by several clips.

    clips: self-reenactments of the target, of different clips, that make one template. draws: how many orders of the
    target's clips are drawn by the trials' seed; each gives one template for each probe: its first `clips` clips other
    than the probe's own, so that every probe is scored and larger templates hold the smaller ones.
    """

    clips: int = Field(ge=1)
    draws: int = Field(default=1, ge=1)


class Trials(_Part):
    """The rule of the headline trials.

    share_driving_clip: whether a genuine pair may come from one driving clip (a near-copy). NVFAIR's rule as published
    lets all unordered pairs of self-reenactments count; within one generator each self-reenactment has its own clip,
    so that `false` changes nothing there, and matters only where a set renders a clip twice (variants of a generator).
    only_shared_clips: genuine pairs are those alone that come from one driving clip.
    clips_per_driver: at most so many videos of each driver on each face are used, drawn by `seed` (0: all); under
    different-face, the videos of so many of each driver's clips, the same on every face and by every generator. For
    rules whose trials grow with the square of the videos.
    across_generators: the first video is by one generator, the second by another; every ordered pair of generators is
    a cell of its own.
    scenarios: of the first (enrolled) video and of the second (probe); null: any. template: null: single videos.
    """

    later = ("only_shared_clips", "across_generators", "scenarios", "template")

    rule: TrialRule = TrialRule.SELF_SELF_VS_SELF_CROSS
    share_driving_clip: bool = False
    clips_per_driver: int = Field(default=0, ge=0)
    seed: int = 0
    only_shared_clips: bool = False
    across_generators: bool = False
    scenarios: tuple[str, str] | None = None
    template: Template | None = None

    @model_validator(mode="after")
    def _agreeing(self) -> Trials:
        if self.only_shared_clips and not self.share_driving_clip:
            raise ValueError("only_shared_clips asks for pairs that share_driving_clip = false forbids")
        if self.template is not None and self.rule is not TrialRule.SELF_SELF_VS_SELF_CROSS:
            raise ValueError(f"templates are enrolled under {TrialRule.SELF_SELF_VS_SELF_CROSS.value} alone")
        if self.template is not None and self.share_driving_clip:
            raise ValueError("a template never holds the probe's driving clip: share_driving_clip must be false")
        return self


class Time(_Part):
    """Tracks are resampled in time to `fps` (a rational, "30000/1001") before windows are cut.

    window: frames a window (71: the length a re-implementation reports). stride: frames between window starts. The
    rate and the stride are not public: 30 and half a window are our choices. seconds: of each video, enrolled or probe,
    only the first so many are used (null: all); a shorter video is used whole.
    """

    later = ("seconds",)

    fps: str = "30/1"
    window: int = Field(default=71, ge=2)
    stride: int = Field(default=35, ge=1)
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @field_validator("fps")
    @classmethod
    def _rational(cls, text: str) -> str:
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{text!r} is not a rational number such as '30000/1001'") from error
        if value <= 0:
            raise ValueError(f"{text!r} is not positive")
        return f"{value.numerator}/{value.denominator}"

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.fps)

    @property
    def frames(self) -> int | None:
        """How many frames of each video are used, at this rate; None: all."""
        return None if self.seconds is None else int(Fraction(repr(self.seconds)) * self.rate)

    @property
    def window_only(self) -> Time:
        """What a method must have been trained for: the same without `seconds`, which says how much is looked at."""
        return self.model_copy(update={"seconds": None})


class Missing(_Part):
    """What happens where the face was not found.

    max_gap_frames: gaps of at most so many frames (at the protocol's rate) are interpolated; a window that touches a
    longer one is excluded and counted. short_videos: a video with fewer frames than a window is excluded and counted
    ("exclude"), or played forwards and backwards until it fills one ("mirror").
    """

    max_gap_frames: int = Field(default=5, ge=0)
    short_videos: Literal["exclude", "mirror"] = "exclude"


class Scoring(_Part):
    """From windows to the score of a pair of videos; larger means more alike.

    aggregation: "mean-embedding": a video is the mean of its windows' L2-normalised embeddings, normalised again;
    "mean-score": a pair's score is the mean over all pairs of windows. How the paper goes from windows to videos is
    not public. score: minus the Euclidean distance of L2-normalised embeddings (NVFAIR), or their cosine.
    template: how a probe is compared with a template of several videos: with the mean of their (normalised) video
    embeddings, normalised again, or by the mean of its scores with each.
    """

    later = ("template",)

    aggregation: Literal["mean-embedding", "mean-score"] = "mean-embedding"
    score: Literal["negative-euclidean", "cosine"] = "negative-euclidean"
    # What is reported first; every figure is computed whichever this is.
    headline: Literal["mean-auc-over-targets", "pooled-auc"] = "mean-auc-over-targets"
    fmr_targets: tuple[float, ...] = (0.1, 0.01)
    template: Literal["mean-embedding", "mean-score"] = "mean-embedding"


class Uncertainty(_Part):
    """Intervals resample people (one weight a person, as target and as driver); permutations permute people."""

    resamples: int = Field(default=1000, ge=0)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    permutations: int = Field(default=1000, ge=0)
    seed: int = 0


class Sweep(_Part):
    """One field of the protocol, by its path ("time.seconds"), and the values that it takes in turn."""

    field: str
    values: tuple[Any, ...] = Field(min_length=1)


class Protocol(_Part):
    """One protocol. `digest` is its identity."""

    later = ("sweep",)

    format_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
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
    def _sweeping(self) -> Protocol:
        members = expand_sweep(self) if self.sweep is not None else []
        for what in ("digest", "name"):
            if len({getattr(one, what) for one in members}) < len(members):
                raise ValueError(f"sweep over {self.sweep.field}: two values give one {what}")  # type: ignore[union-attr]
        return self

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON of everything that can change a figure (all but name and title).

        That of a sweep is made from its members' digests, and from nothing else.
        """
        content: Any = self.model_dump(mode="json", exclude={"name", "title"})
        if self.sweep is not None:
            content = {"sweep": [one.digest for one in expand_sweep(self)]}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def to_json(self) -> str:
        """The whole protocol: every default written out but those of fields that came later."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


def expand_sweep(protocol: Protocol) -> list[Protocol]:
    """The plain protocols that a sweep stands for, in its order, named NAME-VALUE; a plain protocol stands for itself.

    Raises ValueError where the sweep names no field of the protocol or a value that the field cannot take; a Protocol
    that was parsed has none of these.
    """
    if protocol.sweep is None:
        return [protocol]
    *way, leaf = protocol.sweep.field.split(".")
    members = []
    for value in protocol.sweep.values:
        content = protocol.model_dump(mode="json")
        del content["sweep"]
        part: Any = protocol
        inner: Any = content
        for step in way:
            part, inner = getattr(part, step, None), inner.get(step)
            if not isinstance(part, _Part) or not isinstance(inner, dict):
                raise ValueError(f"sweep over {protocol.sweep.field!r}: this protocol has no part {step!r}")
        if (
            leaf not in type(part).model_fields
            or isinstance(getattr(part, leaf), _Part)
            or (not way and leaf in _NAMES)
        ):
            raise ValueError(f"sweep over {protocol.sweep.field!r}: no field that can be swept")
        inner[leaf] = value
        content["name"] = f"{protocol.name}-{_slug(value)}"
        content["title"] = f"{protocol.title} ({leaf}: {_shown(value)})".strip()
        try:
            members.append(Protocol.model_validate(content))
        except ValidationError as error:
            raise ValueError(f"sweep over {protocol.sweep.field!r}: {error.errors()[0]['msg']} ({value!r})") from error
    return members


def _slug(value: Any) -> str:
    """A value as part of a name."""
    return re.sub(r"[^a-z0-9]+", "-", _shown(value).lower()).strip("-")


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse_protocol(content: Any, *, where: object = "protocol") -> Protocol:
    """A protocol from parsed JSON; raises Problems that list every wrong field."""
    if isinstance(content, dict) and content.get("format_version", PROTOCOL_VERSION) != PROTOCOL_VERSION:
        raise NvfairError(
            f"protocol format version {content.get('format_version')!r}",
            where=where,
            expected=f"version {PROTOCOL_VERSION}",
            remedy="use the release that wrote it",
        )
    try:
        return Protocol.model_validate(content)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(step) for step in item['loc']) or 'file'}: {item['msg']} (found {item['input']!r})"
            for item in error.errors()
        ]
        raise Problems(where, problems, remedy="compare with the protocols that ship with the package") from error


def read_protocol(path: str | Path) -> Protocol:
    """Reads a protocol file; raises NvfairError where it is absent, not JSON, or not a protocol."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NvfairError("no such protocol file", where=path) from error
    except json.JSONDecodeError as error:
        raise NvfairError(f"not valid JSON: {error}", where=path) from error
    return parse_protocol(content, where=path)
