"""Protocol files: everything that decides a benchmark figure apart from the data and the method.

A protocol is a JSON file. Its canonical hash names it, so that two figures are comparable exactly when their hashes
are equal. Choices that the published works leave open are fields here, with our choice as the default.
"""

from __future__ import annotations

import hashlib
import json
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nvfair_tools.errors import NvfairError, Problems

PROTOCOL_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialRule(str, Enum):
    """Which videos are compared, always of one generator; of one face but for the last rule."""

    # NVFAIR's equation 6: genuine are all unordered pairs of self-reenactments of the face, impostor are all pairs of
    # one of them with a video of that face that somebody else drives.
    SELF_SELF_VS_SELF_CROSS = "self-self-vs-self-cross"
    # Both videos are cross-reenactments of the face: genuine where one person drives both. A detector of
    # "the motion does not fit this face" has nothing to hold on to here.
    CROSS_CROSS = "cross-cross"
    # AVAPrintDB's: all unordered pairs of one collection's videos, whatever faces they show, self-reenactments
    # included: genuine where one person drives both.
    SAME_DRIVER = "same-driver"


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


class Trials(_Part):
    """The rule of the headline trials.

    share_driving_clip: whether a genuine pair may come from one driving clip (a near-copy). NVFAIR's rule as published
    lets all unordered pairs of self-reenactments count; within one generator each self-reenactment has its own clip,
    so that `false` changes nothing there, and matters only where a set renders a clip twice (variants of a generator).
    clips_per_driver: at most so many videos of each driver on each face are used, drawn by `seed` (0: all). For
    cross-cross and same-driver trials, whose number grows with the square.
    """

    rule: TrialRule = TrialRule.SELF_SELF_VS_SELF_CROSS
    share_driving_clip: bool = False
    clips_per_driver: int = Field(default=0, ge=0)
    seed: int = 0


class Time(_Part):
    """Tracks are resampled in time to `fps` (a rational, "30000/1001") before windows are cut.

    window: frames a window (71: the length a re-implementation reports). stride: frames between window starts. The
    rate and the stride are not public: 30 and half a window are our choices.
    """

    fps: str = "30/1"
    window: int = Field(default=71, ge=2)
    stride: int = Field(default=35, ge=1)

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
    """

    aggregation: Literal["mean-embedding", "mean-score"] = "mean-embedding"
    score: Literal["negative-euclidean", "cosine"] = "negative-euclidean"
    # What is reported first; every figure is computed whichever this is.
    headline: Literal["mean-auc-over-targets", "pooled-auc"] = "mean-auc-over-targets"
    fmr_targets: tuple[float, ...] = (0.1, 0.01)


class Uncertainty(_Part):
    """Intervals resample people (one weight a person, as target and as driver); permutations permute people."""

    resamples: int = Field(default=1000, ge=0)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    permutations: int = Field(default=1000, ge=0)
    seed: int = 0


class Protocol(_Part):
    """One protocol. `digest` is its identity."""

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

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON of everything that can change a figure (all but name and title)."""
        content = self.model_dump(mode="json", exclude={"name", "title"})
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def to_json(self) -> str:
        """The whole protocol, every default written out."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


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
