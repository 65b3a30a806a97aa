"""The plan of the study: everything that decides a figure, written down and hashed before the tracks are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nvfair_tools.simulate.settings import YamlSettings

# Aggregates over fewer recorded people may not leave the folder of the tracks.
FEWEST_RECORDED_PEOPLE = 10
PUBLISHED, OURS, CHANCE = "published", "ours", "chance"
SHORTCUTS = (
    "mean face shape",
    "head pose only",
    "still frame",
    "jitter",
    "driver's face width",
    "length",
    "mean yaw",
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Faces(_Frozen):
    """The simulated faces that are driven: the first `count` people of a simulated collection of this seed."""

    seed: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(ge=2, le=9)] = 3


class PublishedNetwork(_Frozen):
    """One of AVAPrintDB's published graph networks, by its file and the file's sha256."""

    file: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    @property
    def name(self) -> str:
        """Its name in tables, such as "graph cremad gagavatar"."""
        return Path(self.file).stem.replace("checkpoint_graph_trained_", "graph ").replace("_", " ")


class Contrast(_Frozen):
    """A difference of two figures by one generator: `first` less `second`.

    figure: "mean": mean over people of each person's AUC; "pooled": AUC of all trials together. first, second: "ours",
    "published" (the mean of the published networks' figures), "chance" (0.5, second only), another method, or a
    shortcut.
    """

    generator: str
    figure: Literal["mean", "pooled"] = "mean"
    first: str = OURS
    second: str = PUBLISHED

    @property
    def text(self) -> str:
        """The contrast in words, for tables."""
        second = "mean of the published" if self.second == PUBLISHED else self.second
        first = "mean of the published" if self.first == PUBLISHED else self.first
        return f"{first} - {second}, {self.generator}, {self.figure} AUC"


class Coverage(_Frozen):
    """The simulation that measures how often the interval holds the truth with so many people.

    experiments: simulated data sets. resamples: of people, in each. separation: of the methods' people, in clips'
    deviations. advantage: added to ours in the second scenario. spread: deviation of the logarithm of people's own
    factors of separation. dimensions: of an embedding. shared: share of the variance that methods have in common.
    """

    experiments: Annotated[int, Field(ge=10)] = 400
    resamples: Annotated[int, Field(ge=50)] = 400
    separation: float = 0.3
    advantage: float = 0.35
    spread: float = 0.6
    dimensions: Annotated[int, Field(ge=1)] = 8
    shared: Annotated[float, Field(ge=0, le=1)] = 0.5


class Plan(YamlSettings):
    """The plan of one study.

    title: of the study. people: whether the tracks are of recorded or of simulated people. known: what was known of the
    outcome when the plan was written. fewest_clips: a person with fewer listed clips takes no part. fewest_people:
    with fewer people no figure is printed. generators: those of the warp family that render; pictures and clips are
    the same for all. ours, others: methods by the names that `benchmark.as_candidate` takes. our_sha256: of the
    weights of `ours`. primary: the one contrast that the study is for. exploratory: all others, in this order; their
    p-values are corrected for their number (Holm).
    """

    title: str
    people: Literal["recorded", "simulated"]
    known: str
    fewest_clips: Annotated[int, Field(ge=2)] = 4
    fewest_people: Annotated[int, Field(ge=3)] = FEWEST_RECORDED_PEOPLE
    faces: Faces
    generators: Annotated[tuple[Literal["warp-dense", "warp-tps", "warp-parts"], ...], Field(min_length=1)]
    ours: str = "pretrained:motion-signature"
    our_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    published: Annotated[tuple[PublishedNetwork, ...], Field(min_length=1)]
    others: tuple[str, ...] = ()
    our_protocol: str = "nvfair-cross-cross"
    published_protocol: str = "avaprintdb-seen"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=50)] = 2000
    seed: Annotated[int, Field(ge=0)] = 0
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    primary: Contrast
    exploratory: tuple[Contrast, ...] = ()
    coverage: Coverage = Coverage()

    @model_validator(mode="after")
    def _check_agreement(self) -> Plan:
        if self.people == "recorded" and self.fewest_people < FEWEST_RECORDED_PEOPLE:
            raise ValueError(
                f"fewest_people is {self.fewest_people}; at least {FEWEST_RECORDED_PEOPLE} recorded people"
            )
        known = {OURS, PUBLISHED, *self.others, *SHORTCUTS, *(network.name for network in self.published)}
        for contrast in (self.primary, *self.exploratory):
            if contrast.generator not in self.generators:
                raise ValueError(f"generator {contrast.generator!r} is not rendered; expected one of {self.generators}")
            for name in {contrast.first, contrast.second} - known - {CHANCE}:
                raise ValueError(f"{name!r} is unknown; expected one of {', '.join(sorted(known))}")
            if contrast.first == CHANCE:
                raise ValueError("chance comes second in a contrast")
        return self


@dataclass(frozen=True)
class HashedPlan:
    """A plan and the sha256 of its file, which names it in the log."""

    plan: Plan
    sha256: str


def read_plan(path: Path) -> HashedPlan:
    """Reads a plan with the hash of its file; raises NvfairError with every problem of the file."""
    plan = Plan.read(path)
    return HashedPlan(plan, hashlib.sha256(path.read_bytes()).hexdigest())
