"""Trials: the pairs of videos that a rule compares, one target (or, under the same-driver rule, one driver) at a time.

Legend: N videos of the table, G genuine and I impostor trials of one target, K pairs, T templates, k clips a template.
Canonical order: targets by id (where pairs go beyond one face: by collection, then by id), genuine before impostor,
pairs by first then second video, videos by id, templates by their videos; where drivers take the place of targets, an
impostor pair's second video comes by its driver, then by its id.

A cell is the generator that made both videos, or `cell_name` of the enrolled video's and the probe's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.protocols.schema import TrialRule, Trials
from benchmark.trials.rules import NO_TEMPLATE, TrialBlock, make_blocks
from nvfair_tools.errors import NvfairError

NO_GENUINE = "target_without_genuine_pair"
NO_IMPOSTOR = "target_without_impostor_pair"
__all__ = [
    "NO_GENUINE",
    "NO_IMPOSTOR",
    "NO_TEMPLATE",
    "TargetTrials",
    "cell_generators",
    "cell_name",
    "cell_names",
    "count_trials",
    "make_trials",
    "trial_name",
]  # fmt: skip
_ACROSS = ">"


@dataclass(frozen=True)
class TargetTrials:
    """All trials of one target within one cell.

    target: the person whose face is enrolled; under the same-driver rule, who drives the first video. generator: the
    cell's name.
    genuine (G, 2), impostor (I, 2): positions in the videos' table, enrolled video first. templates: (T, k) positions
    of each template's videos; then a pair's first number is `offset` (the table's length, so that nobody takes it for
    a video) + the template's row. reason: why there are no trials, where their counts do not say it.
    """

    target: str
    generator: str
    genuine: np.ndarray
    impostor: np.ndarray
    rule: TrialRule = TrialRule.SELF_SELF_VS_SELF_CROSS
    templates: np.ndarray | None = None
    offset: int = 0
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether an AUC can be taken."""
        return len(self.genuine) > 0 and len(self.impostor) > 0

    @property
    def incomplete_reason(self) -> str:
        """Why the target has no AUC; "" where it has one."""
        return _incomplete_reason(len(self.genuine), len(self.impostor), self.reason)

    def trial_names(self, videos: np.ndarray, pairs: np.ndarray) -> list[str]:
        """Names of the trials of `pairs` (K, 2), see `trial_name`; videos: ids (N,)."""
        if self.templates is None:
            return [trial_name(str(videos[first]), str(videos[second])) for first, second in pairs]
        template_ids = ["+".join(map(str, videos[members])) for members in self.templates]
        return [trial_name(template_ids[first - self.offset], str(videos[second])) for first, second in pairs]

    def side_values(self, values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        """The value of each side of `pairs`, (K, 2), from one value a video (N,); a template has its videos' mean."""
        if self.templates is None:
            return values[pairs]
        template_values = values[self.templates].mean(axis=1)
        return np.stack([template_values[pairs[:, 0] - self.offset], values[pairs[:, 1]]], axis=1)

    def people_of(self, pairs: np.ndarray, target: np.ndarray, driver: np.ndarray) -> np.ndarray:
        """The people of each of `pairs`: (K, 3) int32, the target first, then the other two roles by number.

        target, driver: number (N,) of the person in each role of each video. The other two are the enrolled video's
        and the probe's driver; where the faces differ, the enrolled video's driver is the target and the probe's face
        takes that place. Under the same-driver rule faces play no part and the target is the first video's driver.
        """
        first, second = pairs[:, 0], pairs[:, 1]
        if self.templates is not None:
            first = self.templates[first - self.offset, 0]
        target_person = driver[first] if self.rule is TrialRule.SAME_DRIVER else target[first]
        other_role = target[second] if self.rule is TrialRule.DIFFERENT_FACE else driver[first]
        others = np.sort(np.stack([other_role, driver[second]], axis=1), axis=1)
        return np.column_stack([target_person, others]).astype(np.int32)


def trial_name(first: str, second: str) -> str:
    """The name of a trial from the ids of its two sides.

    A side is a video's id, or of a template its videos' ids in order, joined by "+".
    """
    return f"{first}|{second}"


def cell_name(enrolment: str, probe: str) -> str:
    """Name of the cell whose enrolled videos are by one generator and whose probes are by another."""
    return f"{enrolment}{_ACROSS}{probe}"


def cell_generators(cell: str) -> tuple[str, str]:
    """Generators of a cell: (the enrolled videos', the probes'), the same twice in a plain cell."""
    enrolment, across, probe = cell.partition(_ACROSS)
    return (enrolment, probe) if across else (cell, cell)


def cell_names(generators: Sequence[str], rule: Trials) -> list[str]:
    """Every cell that `generators` make under the rule: each of them, or all ordered pairs of two of them.

    Raises NvfairError where a generator's name could be taken for a pair's.
    """
    ambiguous = [name for name in generators if _ACROSS in name]
    if ambiguous:
        raise NvfairError(f"generator {ambiguous[0]!r} has {_ACROSS!r} in its name", remedy="rename it")
    names = sorted(set(generators))
    if not rule.across_generators:
        return names
    return [cell_name(first, second) for first in names for second in names if first != second]


def make_trials(videos: pd.DataFrame, cell: str, rule: Trials) -> Iterator[TargetTrials]:
    """Makes the trials of every target in `videos`, within one cell (see `cell_names`).

    videos: columns video, target, driver, clip, generator, and source and scenario where the rule needs them; a
    video's number is its row. One target is made at a time: on NVFAIR a generator has 2.6 million trials.
    Targets that lack genuine or impostor pairs are included, so that they can be counted.
    """
    for block in _blocks(videos, cell, rule):
        yield _target_trials(block, cell, rule, len(videos), block.genuine.pairs, block.impostor.pairs)


def count_trials(videos: pd.DataFrame, rule: Trials, cells: Sequence[str] | None = None) -> pd.DataFrame:
    """Counts trials from the sizes of groups, without making them (templates apart).

    cells: default all that the videos' generators make. One row for each target of a cell: cell, target, genuine,
    impostor, lack (why it has no AUC, "" where it has one).
    """
    if cells is None:
        cells = cell_names(videos["generator"].dropna().unique().tolist(), rule)
    rows = []
    for cell in cells:
        for block in _blocks(videos, cell, rule):
            genuine, impostor = block.genuine.count(), block.impostor.count()
            rows.append((cell, block.target, genuine, impostor, _incomplete_reason(genuine, impostor, block.reason)))
    return pd.DataFrame(rows, columns=["cell", "target", "genuine", "impostor", "lack"])


def _blocks(videos: pd.DataFrame, cell: str, rule: Trials) -> Iterator[TrialBlock]:
    enrolment, probe = cell_generators(cell)
    if rule.across_generators == (enrolment == probe):
        raise NvfairError(
            f"cell {cell!r} does not fit a rule {'across' if rule.across_generators else 'within'} generators",
            expected=f"a name such as {cell_name('lia', 'tps')!r}" if rule.across_generators else "a generator's name",
        )
    return make_blocks(videos, enrolment, probe, rule)


def _target_trials(
    block: TrialBlock, cell: str, rule: Trials, total: int, genuine: np.ndarray, impostor: np.ndarray
) -> TargetTrials:
    offset = 0 if block.templates is None else total
    return TargetTrials(block.target, cell, genuine, impostor, rule.rule, block.templates, offset, block.reason)


def _incomplete_reason(genuine: int, impostor: int, reason: str) -> str:
    if genuine and impostor:
        return ""
    return reason or (NO_IMPOSTOR if genuine else NO_GENUINE)
