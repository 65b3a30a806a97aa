"""Trials that are published as a list: AVAPrintDB's `evaluation_pairs_{collection}_{GEN}.csv`.

The columns are `enrolment_sample`, `test_sample` (file names) and `label` (1: one person drives both, 0: two people).
A list is not a rule: which pairs it leaves out cannot be derived, so it is named by the sha256 of its file.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from benchmark.protocols.schema import TrialRule
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.landmarks.avaprintdb_files import SampleName, parse_sample_name

COLUMNS = ("enrolment_sample", "test_sample", "label")
_REMEDY = "name one of the release's evaluation_pairs_*.csv"


@dataclass(frozen=True)
class PairList:
    """A list of K trials.

    name: stem of its file, with the generator's name where it was changed. samples: every sample, by stem.
    enrolment, test: stems (K,). genuine: (K,) bool. sha256: of the file as it was published.
    """

    name: str
    sha256: str
    samples: dict[str, SampleName]
    enrolment: tuple[str, ...]
    test: tuple[str, ...]
    genuine: np.ndarray

    def __len__(self) -> int:
        return len(self.enrolment)

    @property
    def people(self) -> frozenset[str]:
        """Everybody in the list, as a driver or as a target."""
        return frozenset(person for name in self.samples.values() for person in (name.driver, name.target))

    @property
    def collection(self) -> str:
        """The namespace that all people in the list belong to."""
        return next(iter(self.samples.values())).collection

    @property
    def generator(self) -> str:
        """The generator that made all samples, as it is written in their names."""
        return next(iter(self.samples.values())).generator

    @property
    def generator_label(self) -> str:
        """The generator as a data set that was imported from the release names it."""
        return next(iter(self.samples.values())).generator_label

    def by(self, generator: str) -> PairList:
        """The same trials on another generator's videos: the endings of both names are replaced, as its authors do."""
        if generator == self.generator:
            return self
        stems = {stem: name.by(generator) for stem, name in self.samples.items()}
        return replace(
            self,
            name=f"{self.name} as {generator}",
            samples={stems[stem]: parse_sample_name(stems[stem]) for stem in self.samples},
            enrolment=tuple(stems[stem] for stem in self.enrolment),
            test=tuple(stems[stem] for stem in self.test),
        )


def read_pair_list(path: str | Path) -> PairList:
    """Reads a list.

    Raises NvfairError where it is no such table, and Problems that name every row with an unknown name, a label that is
    not 0 or 1 or that contradicts the drivers in the two names, a video paired with itself, or a second collection or
    generator.
    """
    path = Path(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or []
            missing = [name for name in COLUMNS if name not in header]
            if twice := sorted({name for name in header if header.count(name) > 1}):
                raise NvfairError(f"the list has the column {twice[0]} twice", where=path, expected="each column once")
            if missing:
                raise NvfairError(
                    f"the list has no column {', '.join(missing)}", where=path, expected=", ".join(COLUMNS)
                )
            rows = []
            for row in reader:
                first, second, label = ((row[name] or "").strip() for name in COLUMNS)
                rows.append((reader.line_num, first, second, label))
    except FileNotFoundError as error:
        raise NvfairError("no such file", where=path, remedy=_REMEDY) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NvfairError(f"not a CSV file that can be read: {error}", where=path, remedy=_REMEDY) from error
    if not rows:
        raise NvfairError("the list has no row", where=path, remedy=_REMEDY)
    samples: dict[str, SampleName] = {}
    problems: list[str] = []
    for line, first, second, label in rows:
        problems += [f"row {line}: {problem}" for problem in _row_problems(first, second, label, samples)]
    for kind in ("collection", "generator"):
        values = sorted({getattr(name, kind) for name in samples.values()})
        if len(values) > 1:
            problems.append(f"samples of several {kind}s: {', '.join(values)}; a list has one")
    if problems:
        raise Problems(path, problems, remedy=_REMEDY)
    return PairList(
        path.stem,
        sha256_of(path),
        samples,
        tuple(_stem(first) for _, first, _, _ in rows),
        tuple(_stem(second) for _, _, second, _ in rows),
        np.array([label == "1" for _, _, _, label in rows]),
    )


def _row_problems(first: str, second: str, label: str, samples: dict[str, SampleName]) -> list[str]:
    """What is wrong with a row, in words; its samples are added to `samples`."""
    problems = []
    for text in (first, second):
        if _stem(text) not in samples:
            try:
                samples[_stem(text)] = parse_sample_name(_stem(text))
            except NvfairError as error:
                problems.append(str(error).splitlines()[0])
    if label not in ("0", "1"):
        problems.append(f"label is {label!r}, expected 0 or 1")
    if problems:
        return problems
    if _stem(first) == _stem(second):
        return [f"{first} is paired with itself"]
    drivers = [samples[_stem(text)].driver for text in (first, second)]
    if (drivers[0] == drivers[1]) != (label == "1"):
        return [f"label is {label}, but the drivers in the names are {' and '.join(drivers)}"]
    return []


def _stem(sample: str) -> str:
    return PurePosixPath(sample).stem


def listed_trials(pairs: PairList, stems: Sequence[str]) -> list[TargetTrials]:
    """The trials of a list among the videos `stems`, one block for each driver of an enrolled video.

    Rows with another video are left out; count them by `len(pairs)`. Pairs hold positions in `stems`.
    """
    position = {stem: number for number, stem in enumerate(stems)}
    rows = [
        (pairs.samples[first].driver, position[first], position[second], bool(genuine))
        for first, second, genuine in zip(pairs.enrolment, pairs.test, pairs.genuine, strict=True)
        if first in position and second in position
    ]
    blocks: dict[str, dict[bool, list[tuple[int, int]]]] = {}
    for driver, first, second, genuine in rows:
        blocks.setdefault(driver, {True: [], False: []})[genuine].append((first, second))
    trials = []
    for driver, by_kind in sorted(blocks.items()):
        genuine_pairs, impostor_pairs = (
            np.array(by_kind[kind], dtype=np.int64).reshape(-1, 2) for kind in (True, False)
        )
        trials.append(TargetTrials(driver, pairs.generator, genuine_pairs, impostor_pairs, rule=TrialRule.SAME_DRIVER))
    return trials
