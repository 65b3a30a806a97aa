"""All stress tests of one method that end in error rates at a fixed threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.stress.disguises import resized_movement, retimed, smoothed
from benchmark.stress.driverless import mixed_rows, sound_rows
from benchmark.stress.journal import RateJournal
from benchmark.stress.mimics import mimicry, missing_mimicry_reason
from benchmark.stress.rate_plan import RatePlan
from benchmark.stress.rates import (
    BOTH,
    DISGUISE,
    ENROLMENT,
    GROUPS,
    IMITATION,
    MIXED,
    PROBE,
    REENCODING,
    SOUND,
    SPEECH,
    UNSTRESSED,
    StressRate,
)
from benchmark.stress.reencoding import missing_reencoding_reason, reencoding
from benchmark.stress.split_trials import group_rows, speech_rows
from benchmark.stress.stressed_cell import StressedCell
from benchmark.stress.sweeps import draw_targets
from benchmark.stress.tracks import ChangedTracks
from benchmark.trials.trials import cell_generators, cell_names
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, did_you_mean
from nvfair_tools.quantities import count_text

Progress = Callable[[str], None]


def videos_under_test(
    dataset: Dataset, protocol: Protocol, generators: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The reenactments of the test people, and the names of the cells. generators: default, the first by name.

    Raises NvfairError where there is no test video, or none by one of the generators.
    """
    videos = dataset.videos
    table = videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]
    if table.empty:
        raise NvfairError(f"split {protocol.split.test!r} has no reenactments", where=dataset.folder)
    known = sorted(table["generator"].unique())
    unknown = [name for name in generators if name not in known]
    if unknown:
        raise NvfairError(
            f"generator {unknown[0]!r} has no test video",
            expected=", ".join(known),
            remedy=did_you_mean(unknown, known),
        )
    default = known[: 2 if protocol.trials.across_generators else 1]
    return table, list(cell_names(list(generators) or default, protocol.trials))


def run_rate_tests(
    dataset: Dataset,
    method: Method,
    protocol: Protocol,
    plan: RatePlan | None = None,
    *,
    generators: Sequence[str] = (),
    validation: np.ndarray | None = None,
    store: Path | None = None,
    progress: Progress = lambda text: None,
) -> list[StressRate]:
    """Rates of a method on the test people, unstressed and in every case of the plan's tests, cell by cell.

    generators: test generators, default the first of the data set by name. validation: impostor scores (I,) of
    validation people, on which the threshold is then fixed; None: on the unstressed trials of each cell. store: a
    folder for finished tests and encoded videos, from which an interrupted run goes on; None keeps nothing.
    progress: called with a line of text before each case.

    A test that cannot be run gives one row that says why. Raises NvfairError where there is no test video, and where
    a cell has no target with trials of both kinds.
    """
    plan = RatePlan() if plan is None else plan
    table, cells = videos_under_test(dataset, protocol, generators)
    journal = RateJournal.open(store, dataset, method, protocol, plan, validation)
    rows: list[StressRate] = []
    for cell in cells:
        cell_table = table[table["generator"].isin(cell_generators(cell))]
        stressed = StressedCell(dataset, method, protocol, cell, cell_table, validation)
        for test in (UNSTRESSED, *plan.tests):
            compute = partial(_rows, stressed, test, plan, store, progress)
            rows += journal.rows(cell, test, compute)
    return rows


def _rows(
    cell: StressedCell, test: str, plan: RatePlan, store: Path | None, progress: Progress
) -> Iterator[StressRate]:
    """The rows of one test in one cell."""
    progress(f"{cell.method.name} on {cell.cell}: {test}")
    needs = cell.method.needs
    if needs != "landmarks" and test in (REENCODING, DISGUISE, IMITATION, MIXED, SOUND):
        yield _skipped(cell, test, f"{cell.method.name} looks at {needs}, and only landmarks are changed")
    elif test == UNSTRESSED:
        yield cell.unstressed_row()
    elif test == REENCODING:
        yield from _reencoding_rows(cell, plan, store, progress)
    elif test == DISGUISE:
        yield from _disguise_rows(cell, plan, progress)
    elif test == IMITATION:
        yield from _imitation_rows(cell, plan, progress)
    else:
        by_test = {MIXED: mixed_rows, SOUND: sound_rows, SPEECH: speech_rows, GROUPS: group_rows}
        yield from by_test[test](cell, plan)


def _reencoding_rows(
    cell: StressedCell, plan: RatePlan, store: Path | None, progress: Progress
) -> Iterator[StressRate]:
    sample = _sample(cell, plan)
    if reason := missing_reencoding_reason(cell.dataset, sample):
        yield _skipped(cell, REENCODING, reason)
        return
    trials = cell.trials_within(sample)
    if not any(target_trials.complete for target_trials in trials):
        yield _skipped(cell, REENCODING, "no target has both kinds of trials in the sample")
        return
    yield cell.row(
        REENCODING,
        "as stored",
        trials,
        note=f"{count_text(len(sample), 'video')} of {count_text(sample['target'].nunique(), 'face')}",
    )
    for settings in plan.reencodings:
        begun = f"{cell.method.name} on {cell.cell}: {REENCODING}, {settings.words}"

        def report(done: int, total: int, begun: str = begun) -> None:
            if done % 20 == 0 or done == total:
                progress(f"{begun}, {done} of {count_text(total, 'video')}")

        tracks = None if store is None else store / "tracks"
        change = reencoding(cell.dataset, sample, settings, store=tracks, report=report)
        changed = ChangedTracks.of(cell.dataset, change)
        yield from cell.changed_rows(REENCODING, settings.words, changed, (PROBE, ENROLMENT, BOTH), sample=sample)


def _disguise_rows(cell: StressedCell, plan: RatePlan, progress: Progress) -> Iterator[StressRate]:
    cases = {
        **{f"{speed:g} times as fast": retimed(speed) for speed in plan.speeds},
        **{f"smoothed over {seconds:g} s": smoothed(seconds) for seconds in plan.smoothing},
        **{f"movement of the face times {factor:g}": resized_movement(factor) for factor in plan.movements},
    }
    for case, change in cases.items():
        progress(f"{cell.method.name} on {cell.cell}: {DISGUISE}, {case}")
        yield from cell.changed_rows(DISGUISE, case, ChangedTracks.of(cell.dataset, change), (PROBE,))


def _imitation_rows(cell: StressedCell, plan: RatePlan, progress: Progress) -> Iterator[StressRate]:
    if reason := missing_mimicry_reason(cell.dataset):
        yield _skipped(cell, IMITATION, reason)
        return
    for share in plan.imitation:
        progress(f"{cell.method.name} on {cell.cell}: {IMITATION}, {share:.0%}")
        changed = ChangedTracks.of(cell.dataset, mimicry(cell.dataset, cell.videos, share))
        yield from cell.changed_rows(IMITATION, f"{share:.0%} of the signature", changed, (PROBE,))


def _sample(cell: StressedCell, plan: RatePlan) -> pd.DataFrame:
    """The videos that are encoded again: of some faces all videos of the person, and some clips of each other driver.

    All genuine comparisons of these faces stand on the person's own videos, of which there are few.
    """
    faces = {target_trials.target for target_trials in cell.trials}
    videos = draw_targets(cell.videos[cell.videos["target"].isin(faces)], plan.faces, plan.seed)
    if not plan.clips:
        return videos
    is_own = videos["driver"] == videos["target"]
    clips = videos[["target", "driver", "clip"]][~is_own].drop_duplicates().sort_values(["target", "driver", "clip"])
    clips = clips.sample(frac=1, random_state=plan.seed).groupby(["target", "driver"]).head(plan.clips)
    others = videos.merge(clips, on=["target", "driver", "clip"])
    return pd.concat([videos[is_own], others]).sort_values("video", ignore_index=True)


def _skipped(cell: StressedCell, test: str, reason: str) -> StressRate:
    return StressRate(cell.method.name, test, cell.cell, skipped=reason)
