"""The rows of an evaluation's results: cells, shortcuts, null controls, stress levels and what was left out.

Each row has its form in results.json (`to_json`, `from_json`); keys there are data and do not follow renames here.
A section is a set of protocols with the same trials; rows name it by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from benchmark.evaluation.embedding_map import EmbeddingMap
from benchmark.metrics.margin import Margin
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.figure_values import IntervalFigure, TrialCounts, finite_or_none
from benchmark.trial_scores.json_values import FlatValue


@dataclass(frozen=True)
class ValidationSource(FlatValue):
    """The number of validation people whose scores set thresholds; `reason` says why there are none ("": there are)."""

    people: int
    reason: str


@dataclass(frozen=True)
class ShortcutMargin(FlatValue):
    """A method's mean AUC less that of the strongest shortcut, over the targets that both have.

    low, high: the interval, None where there is none, and `reason` says why. near: whether the shortcut comes near the
    method.
    """

    shortcut: str
    value: float
    low: float | None
    high: float | None
    people: int
    near: bool
    reason: str = ""

    @classmethod
    def from_margin(cls, margin: Margin) -> ShortcutMargin:
        """The margin with null in place of NaN."""
        difference = margin.difference
        low, high = finite_or_none(difference.low), finite_or_none(difference.high)
        return cls(margin.shortcut, difference.value, low, high, difference.people, margin.near, difference.reason)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; `reason` only where there is one."""
        content = super().to_json()
        return content if self.reason else {key: value for key, value in content.items() if key != "reason"}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ShortcutMargin:
        """The margin that `to_json` wrote; raises KeyError where a key other than `reason` is missing."""
        return super().from_json({"reason": "", **content})


@dataclass(frozen=True)
class CellResult:
    """One method on one test generator under one protocol.

    generator: the generator, or the name of the pair where trials go across two. relation: how the generator stands to
    the method's training (seen, unseen, selected, mixed or unknown). contaminated: overlaps with the test, in words;
    empty where there are none. evidence: the file that the scores can be recomputed from, "" where none was kept.
    margin, embedding_map: None where there is no shortcut, or no embedding.
    """

    method: str
    section: int
    train_generators: tuple[str, ...]
    generator: str
    relation: str
    protocol: str
    protocol_digest: str
    contaminated: tuple[str, ...]
    evidence: str
    validation: ValidationSource
    figures: CellFigures
    margin: ShortcutMargin | None = None
    embedding_map: EmbeddingMap | None = None

    @property
    def title(self) -> str:
        """The cell in words, such as "cnn on lia (unseen)"."""
        return f"{self.method} on {self.generator} ({self.relation})"

    @property
    def is_near_shortcut(self) -> bool:
        """Whether a shortcut comes near the cell's mean AUC."""
        return self.margin is not None and self.margin.near

    def to_json(self) -> dict[str, Any]:
        """Plain values: the keys of `figures` stand beside those of the cell."""
        content = {
            "method": self.method,
            "section": self.section,
            "train_generators": list(self.train_generators),
            "generator": self.generator,
            "relation": self.relation,
            "protocol": self.protocol,
            "protocol_digest": self.protocol_digest,
            "contaminated": list(self.contaminated),
            "evidence": self.evidence,
            "validation": self.validation.to_json(),
            **self.figures.to_json(),
        }
        if self.margin is not None:
            content["margin"] = self.margin.to_json()
        if self.embedding_map is not None:
            content["map"] = self.embedding_map.to_json()
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CellResult:
        """The cell that `to_json` wrote."""
        return cls(
            method=content["method"],
            section=content["section"],
            train_generators=tuple(content["train_generators"]),
            generator=content["generator"],
            relation=content["relation"],
            protocol=content["protocol"],
            protocol_digest=content["protocol_digest"],
            contaminated=tuple(content["contaminated"]),
            evidence=content["evidence"],
            validation=ValidationSource.from_json(content["validation"]),
            figures=CellFigures.from_json(content),
            margin=ShortcutMargin.from_json(content["margin"]) if "margin" in content else None,
            embedding_map=EmbeddingMap.from_json(content["map"]) if "map" in content else None,
        )


@dataclass(frozen=True)
class ShortcutResult:
    """One shortcut on one test generator, on the trials of the cells; name: the shortcut's."""

    section: int
    name: str
    generator: str
    figures: CellFigures

    def to_json(self) -> dict[str, Any]:
        """Plain values: the keys of `figures` stand beside those of the row."""
        row = {"control": self.name, "generator": self.generator, "section": self.section}
        return row | self.figures.to_json()

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ShortcutResult:
        """The row that `to_json` wrote."""
        return cls(content["section"], content["control"], content["generator"], CellFigures.from_json(content))


@dataclass(frozen=True)
class NullResult:
    """One null control: the figure of scores without information, which must be at `expected`.

    method: whose scores were taken, "" where the control asks the trials alone. p_corrected: p-value corrected for all
    controls of the results. error: standard error of `value`. observed: the same statistic with drivers as they are;
    low, high: 95 % of `permutations` lie between them. None where a control has no such value.
    """

    section: int
    name: str
    figure: str
    generator: str
    method: str
    expected: float
    value: float
    p: float
    p_corrected: float
    passed: bool
    error: float | None = None
    observed: float | None = None
    low: float | None = None
    high: float | None = None
    permutations: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; values that the control does not have are left out."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: value for key, value in content.items() if value is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> NullResult:
        """The row that `to_json` wrote."""
        return cls(**content)


@dataclass(frozen=True)
class TargetWithoutTrials(FlatValue):
    """A target without genuine or without impostor trials on a generator, and why."""

    generator: str
    target: str
    reason: str


@dataclass(frozen=True)
class Exclusions:
    """Videos, windows and targets of a section that were not scored.

    requested_videos: videos of the test people. scored_videos: those that have a window. videos_lost, windows_lost:
    reason -> count. clips_lost, people_lost: reason -> driving clips of which a video was lost, and people who drive
    them; empty where a record is older than these. people_without_videos: people who drive a requested video and no
    scored one.
    """

    section: int
    requested_videos: int
    scored_videos: int
    videos_lost: Mapping[str, int]
    windows_lost: Mapping[str, int]
    targets_without_trials: tuple[TargetWithoutTrials, ...]
    clips_lost: Mapping[str, int] = field(default_factory=dict)
    people_lost: Mapping[str, int] = field(default_factory=dict)
    people_without_videos: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "section": self.section,
            "videos_asked": self.requested_videos,
            "videos_used": self.scored_videos,
            "videos_lost": dict(self.videos_lost),
            "windows_lost": dict(self.windows_lost),
            "clips_lost": dict(self.clips_lost),
            "people_lost": dict(self.people_lost),
            "people_without_videos": self.people_without_videos,
            "targets_without_trials": [target.to_json() for target in self.targets_without_trials],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Exclusions:
        """The row that `to_json` wrote."""
        return cls(
            content["section"],
            content["videos_asked"],
            content["videos_used"],
            dict(content["videos_lost"]),
            dict(content["windows_lost"]),
            tuple(TargetWithoutTrials.from_json(target) for target in content["targets_without_trials"]),
            dict(content.get("clips_lost", {})),
            dict(content.get("people_lost", {})),
            content.get("people_without_videos", 0),
        )


@dataclass(frozen=True)
class UnscoredSection(FlatValue):
    """A section without any trial to score, and why."""

    section: int
    title: str
    reason: str


@dataclass(frozen=True)
class StressLevel:
    """A method's figure at one level of a stress sweep; level 0 is the figure without stress.

    auc_mean: None where no target has trials left. The last three count what the level lost.
    """

    method: str
    sweep: str
    level: float
    generator: str
    auc_mean: IntervalFigure | None
    trials: TrialCounts
    videos: int
    windows: int
    lost_videos: int
    lost_windows: int
    lost_trials: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        auc_mean = None if self.auc_mean is None else self.auc_mean.to_json()
        return content | {"auc_mean": auc_mean, "trials": self.trials.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> StressLevel:
        """The row that `to_json` wrote."""
        auc_mean = content["auc_mean"]
        values = {
            "auc_mean": None if auc_mean is None else IntervalFigure.from_json(auc_mean),
            "trials": TrialCounts.from_json(content["trials"]),
        }
        return cls(**{field.name: content[field.name] for field in fields(cls)} | values)


@dataclass(frozen=True)
class SkippedSweep(FlatValue):
    """A stress sweep that was not run for a method; skipped: the reason."""

    method: str
    sweep: str
    skipped: str


def stress_row_from_json(content: Mapping[str, Any]) -> StressLevel | SkippedSweep:
    """A row of the stress sweeps, of either kind."""
    return SkippedSweep.from_json(content) if "skipped" in content else StressLevel.from_json(content)


@dataclass(frozen=True)
class SeedSpread:
    """Spread of one figure over methods that differ in their training seed alone, on one generator.

    mean, deviation, low, high: over the methods; deviation: standard deviation, None where there is one value.
    """

    methods: tuple[str, ...]
    section: int
    generator: str
    relation: str
    figure: str
    mean: float
    deviation: float | None
    low: float
    high: float
    seeds: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"methods": list(self.methods)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SeedSpread:
        """The row that `to_json` wrote."""
        values = {field.name: content[field.name] for field in fields(cls)}
        return cls(**values | {"methods": tuple(content["methods"])})
