"""The results of an evaluation as one typed value, and its file, results.json.

Reading results needs neither torch nor a data set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.evaluation.machine import Machine
from benchmark.evaluation.method_record import MethodRecord
from benchmark.evaluation.notebook_table import NotebookRow, notebook_table
from benchmark.evaluation.result_rows import (
    CellResult,
    Exclusions,
    NullResult,
    SeedSpread,
    ShortcutResult,
    SkippedSweep,
    StressLevel,
    UnscoredSection,
    stress_row_from_json,
)
from benchmark.protocols.reading import parse_protocol
from benchmark.protocols.schema import Protocol
from benchmark.stress.rates import StressRate
from benchmark.trial_scores.cell_figures import HEADLINE_FIGURES
from benchmark.trial_scores.figure_values import IntervalFigure
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text
from nvfair_tools.quantities import count_text
from nvfair_tools.unique_keys import load_unique_json

RESULTS_VERSION = 2


@dataclass(frozen=True)
class EvaluatedProtocol:
    """A protocol, its digest, and the number of the section that it belongs to."""

    section: int
    digest: str
    protocol: Protocol

    def to_json(self) -> dict[str, Any]:
        """The protocol's own keys beside `digest` and `section`."""
        return self.protocol.model_dump(mode="json") | {"digest": self.digest, "section": self.section}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EvaluatedProtocol:
        """The protocol that `to_json` wrote; raises Problems where it is none."""
        own_keys = {key: value for key, value in content.items() if key not in ("digest", "section")}
        return cls(content["section"], content["digest"], parse_protocol(own_keys))


@dataclass(frozen=True)
class EvaluatedData:
    """The data set: its name, the sha256 of its dataset.json, and what of it was scored.

    test_people: everybody in the test videos, in either role. videos: scored videos. windows: the most that a section
    scored.
    """

    name: str
    sha256: str
    simulated: bool
    test_people: tuple[str, ...]
    videos: int
    windows: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "simulated": self.simulated,
            "test_people": list(self.test_people),
            "videos": self.videos,
            "windows": self.windows,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EvaluatedData:
        """The value that `to_json` wrote."""
        people = tuple(content["test_people"])
        counts = (content["videos"], content["windows"])
        return cls(content["name"], content["sha256"], content["simulated"], people, *counts)


@dataclass(frozen=True)
class EvaluationResults:
    """All that an evaluation found.

    protocols: every protocol, by sections (protocols with the same trials form one). generators: test generator -> its
    family, "" where it has none. methods: name -> record. cells: figures of each method on each generator. shortcuts:
    figures of the shortcuts on the same trials. unscored: sections without a trial. stress: rows of the stress sweeps.
    stress_rates: rows of the stress tests, error rates at a fixed threshold.
    The descriptions say in words what each shortcut, null control and sweep is. published: published figures, for
    orientation. seed_spreads: spread over training seeds. warnings: what a reader must know before any figure, the
    gravest first.
    """

    protocols: tuple[EvaluatedProtocol, ...]
    data: EvaluatedData
    generators: Mapping[str, str]
    methods: Mapping[str, MethodRecord]
    cells: tuple[CellResult, ...]
    shortcuts: tuple[ShortcutResult, ...]
    nulls: tuple[NullResult, ...]
    exclusions: tuple[Exclusions, ...]
    unscored: tuple[UnscoredSection, ...]
    stress: tuple[StressLevel | SkippedSweep, ...]
    shortcut_descriptions: Mapping[str, str]
    null_descriptions: Mapping[str, str]
    stress_descriptions: Mapping[str, str]
    published: Mapping[str, Any]
    machine: Machine
    seed_spreads: tuple[SeedSpread, ...] = ()
    warnings: tuple[str, ...] = ()
    stress_rates: tuple[StressRate, ...] = ()

    def protocols_of(self, section: int) -> list[Protocol]:
        """The protocols of a section; the first names trials, windows and scores of all of them."""
        return [entry.protocol for entry in self.protocols if entry.section == section]

    def headline_figure(self, section: int) -> str:
        """The figure that a section's protocols put first: "auc_mean" or "auc_pooled"."""
        return HEADLINE_FIGURES[self.protocols_of(section)[0].scoring.headline]

    def headline(self, row: CellResult | ShortcutResult) -> IntervalFigure:
        """The headline AUC of a cell, or of a shortcut."""
        return row.figures.auc(self.headline_figure(row.section))

    def shortcuts_of(self, cell: CellResult) -> list[ShortcutResult]:
        """The shortcuts on the trials of a cell."""
        place = (cell.section, cell.generator)
        return [shortcut for shortcut in self.shortcuts if (shortcut.section, shortcut.generator) == place]

    def strongest_shortcut(self, cell: CellResult) -> ShortcutResult | None:
        """The shortcut with the largest headline AUC on the trials of a cell; None where there is no shortcut."""
        return max(self.shortcuts_of(cell), key=lambda shortcut: self.headline(shortcut).value, default=None)

    def to_json(self) -> dict[str, Any]:
        """Plain values, as results.json holds them."""
        content = {
            "format_version": RESULTS_VERSION,
            "protocols": [protocol.to_json() for protocol in self.protocols],
            "data": self.data.to_json(),
            "generators": dict(self.generators),
            "methods": {name: record.to_json() for name, record in self.methods.items()},
            "cells": [cell.to_json() for cell in self.cells],
            "controls": [shortcut.to_json() for shortcut in self.shortcuts],
            "nulls": [null.to_json() for null in self.nulls],
            "exclusions": [exclusions.to_json() for exclusions in self.exclusions],
            "not_scored": [section.to_json() for section in self.unscored],
            "stress": [row.to_json() for row in self.stress],
            "about_controls": dict(self.shortcut_descriptions),
            "about_nulls": dict(self.null_descriptions),
            "about_stress": dict(self.stress_descriptions),
            "published": dict(self.published),
            "machine": self.machine.to_json(),
            "seeds": [spread.to_json() for spread in self.seed_spreads],
            "notes": list(self.warnings),
        }
        if self.stress_rates:
            content["stress_rates"] = [row.to_json() for row in self.stress_rates]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EvaluationResults:
        """The results that `to_json` wrote; raises KeyError or TypeError where a key is missing or unknown."""
        return cls(
            protocols=tuple(EvaluatedProtocol.from_json(protocol) for protocol in content["protocols"]),
            data=EvaluatedData.from_json(content["data"]),
            generators=dict(content["generators"]),
            methods={name: MethodRecord.from_json(record) for name, record in content["methods"].items()},
            cells=tuple(CellResult.from_json(cell) for cell in content["cells"]),
            shortcuts=tuple(ShortcutResult.from_json(shortcut) for shortcut in content["controls"]),
            nulls=tuple(NullResult.from_json(null) for null in content["nulls"]),
            exclusions=tuple(Exclusions.from_json(exclusions) for exclusions in content["exclusions"]),
            unscored=tuple(UnscoredSection.from_json(section) for section in content["not_scored"]),
            stress=tuple(stress_row_from_json(row) for row in content["stress"]),
            shortcut_descriptions=dict(content["about_controls"]),
            null_descriptions=dict(content["about_nulls"]),
            stress_descriptions=dict(content["about_stress"]),
            published=dict(content["published"]),
            machine=Machine.from_json(content["machine"]),
            seed_spreads=tuple(SeedSpread.from_json(spread) for spread in content["seeds"]),
            warnings=tuple(content["notes"]),
            stress_rates=tuple(StressRate.from_json(row) for row in content.get("stress_rates", ())),
        )

    def _repr_html_(self) -> str:
        """A table of the cells for a notebook: headline AUC beside the strongest shortcut, warnings on top."""
        people, videos = len(self.data.test_people), self.data.videos
        title = (
            f"{self.data.name or 'Data set'}: {count_text(people, 'test person')}, {count_text(videos, 'reenactment')}"
        )
        return notebook_table(title, self.warnings, [self._notebook_row(cell) for cell in self.cells])

    def _notebook_row(self, cell: CellResult) -> NotebookRow:
        auc, shortcut = self.headline(cell), self.strongest_shortcut(cell)
        return NotebookRow(
            protocol=cell.protocol,
            method=cell.method,
            generator=cell.generator,
            relation=cell.relation + (", contaminated" if cell.contaminated else ""),
            auc=f"{auc.value:.3f} ({auc.interval_text})",
            strongest_shortcut="none" if shortcut is None else f"{shortcut.name} {self.headline(shortcut).value:.3f}",
        )


def write_results(path: Path, results: EvaluationResults) -> None:
    """Writes results as JSON, whole or not at all; raises ValueError for NaN rather than writing it."""
    write_text(path, json.dumps(results.to_json(), indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_results(path: Path) -> EvaluationResults:
    """The results in a file that `write_results` wrote.

    Raises NvfairError where it is absent, of another version, or not such a file.
    """
    try:
        content = load_unique_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NvfairError(
            "no report here", where=path, remedy="name the folder that `nvfair evaluate` wrote"
        ) from error
    except ValueError as error:
        raise NvfairError(f"not valid JSON: {error}", where=path, remedy="run `nvfair evaluate` again") from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != RESULTS_VERSION:
        raise NvfairError(
            f"format version {version!r}",
            where=path,
            expected=f"version {RESULTS_VERSION}",
            remedy="run `nvfair evaluate` again",
        )
    try:
        return EvaluationResults.from_json(content)
    except (AttributeError, KeyError, TypeError) as error:
        raise NvfairError(
            f"a key is missing, unknown or of another kind: {error}",
            where=path,
            expected="results that `nvfair evaluate` wrote",
            remedy="run `nvfair evaluate` again",
        ) from error
