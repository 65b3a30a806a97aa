"""All stress sweeps of one method: the same people and the same trials, evaluated again at every level.

A level's figure is made like the main one: tracks are read, made worse, resampled and cut by the protocol, embedded
and scored on the trials of the unchanged videos. A video that loses all its windows is lost under the protocol's
missing-data rule, and its trials with it; both are counted in the row. Level 0 changes nothing, and gives the main
figure to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from benchmark.methods.embed import embed_videos
from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.stress.lost_videos import count_pairs, new_positions, replace_videos
from benchmark.stress.mimics import mimicry, missing_mimicry_reason
from benchmark.stress.plan import StressPlan
from benchmark.stress.reencoding import Reencoding, missing_reencoding_reason, reencoding
from benchmark.stress.tracks import ChangedTracks, TrackChange, dropped_frames, jitter, lower_rate, noise
from benchmark.trial_scores.figures import compute_figures
from benchmark.trial_scores.scores import Scorer
from benchmark.trials.trials import TargetTrials, make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

NOISE, JITTER, DROPPED, BURSTS = "landmark noise", "landmark jitter", "dropped frames", "dropped bursts"
RATE, WINDOWS, LENGTH = "frame rate", "fewer windows", "shorter windows"
RECOMPRESSION, MIMICRY = "re-compression", "mimicry"
DESCRIPTIONS = {
    NOISE: "white noise on every landmark; level: its deviation as a share of the facial scale",
    JITTER: "the same deviation, drifting slowly",
    DROPPED: "frames lost one by one; level: their share",
    BURSTS: "frames lost several on end; level: their share",
    RATE: "videos thinned and resampled to the protocol's rate; level: frames a second",
    WINDOWS: "level: so many windows of each video are used",
    LENGTH: "level: share of the protocol's window length",
    RECOMPRESSION: "videos encoded again and tracked anew; level: x264's rate factor; level 0: the sample as it is",
    MIMICRY: "impostors move like their target; level: by which share of the signature",
}

Progress = Callable[[str], None]


def run_sweeps(
    dataset: Dataset,
    method: Method,
    protocol: Protocol,
    plan: StressPlan | None = None,
    *,
    generators: Sequence[str] = (),
    progress: Progress = lambda text: None,
) -> list[dict[str, Any]]:
    """Evaluates a method at every level of every sweep of the plan.

    Rows: {sweep, level, generator, auc_mean, trials, videos, windows, lost_videos, lost_windows, lost_trials}, or,
    where a sweep cannot be run, {sweep, skipped: reason}. auc_mean: as in a cell's figures; null where no target has
    trials left. generators: test generators (or names of the protocol's cells); default: the first of the data set by
    name. Raises NvfairError where there is no test video, and where a generator has no target with trials of both
    kinds.
    """
    plan = StressPlan() if plan is None else plan
    if method.needs != "landmarks":
        reason = f"{method.name} looks at {method.needs}, and only landmarks are made worse"
        return [{"sweep": sweep, "skipped": reason} for sweep in DESCRIPTIONS]
    base = _Baseline.of(dataset, method, protocol, _test_videos(dataset, protocol, plan), generators, progress)
    rows: list[dict[str, Any]] = []
    for sweep, changes in _track_changes(plan, protocol).items():
        rows += base.sweep_rows(sweep, ((level, base.changed_windows(change)) for level, change in changes))
    rows += base.sweep_rows(WINDOWS, ((count, base.first_windows(count)) for count in plan.windows))
    if method.time is None:
        rows += base.sweep_rows(LENGTH, ((share, base.shorter_windows(share)) for share in plan.lengths))
    elif plan.lengths:
        rows.append({"sweep": LENGTH, "skipped": f"{method.name} takes windows of one length only"})
    if plan.crf:
        rows += _recompression_rows(base, plan, generators)
    if plan.mimicry:
        rows += _mimicry_rows(base, plan)
    return rows


def _recompression_rows(base: _Baseline, plan: StressPlan, generators: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the re-compression sweep, on a sample of the videos with a level 0 of its own."""
    dataset = base.dataset
    sample = _recompression_sample(base.videos, plan)
    if reason := missing_reencoding_reason(dataset, sample):
        return [{"sweep": RECOMPRESSION, "skipped": reason}]
    sample_base = _Baseline.of(dataset, base.method, base.protocol, sample, generators, base.progress)
    levels = ((crf, sample_base.changed_windows(reencoding(dataset, sample, Reencoding(crf=crf)))) for crf in plan.crf)
    return list(sample_base.sweep_rows(RECOMPRESSION, levels))


def _mimicry_rows(base: _Baseline, plan: StressPlan) -> list[dict[str, Any]]:
    """Rows of the mimicry sweep."""
    if reason := missing_mimicry_reason(base.dataset):
        return [{"sweep": MIMICRY, "skipped": reason}]
    levels = ((share, base.changed_windows(mimicry(base.dataset, base.videos, share))) for share in plan.mimicry)
    return list(base.sweep_rows(MIMICRY, levels))


@dataclass(frozen=True)
class _Baseline:
    """The unchanged videos of all sweeps: their windows, the trials over `windows.videos`, and the rows of level 0."""

    dataset: Dataset
    method: Method
    protocol: Protocol
    videos: pd.DataFrame
    windows: WindowSet
    trials_by_cell: dict[str, list[TargetTrials]]
    progress: Progress

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        method: Method,
        protocol: Protocol,
        videos: pd.DataFrame,
        cells: Sequence[str],
        progress: Progress,
    ) -> _Baseline:
        """Reads the windows of `videos` and makes the trials of `cells` (default: the first generator's)."""
        cells = list(cells) or sorted(videos["generator"].unique())[:1]
        windows = read_windows(dataset, protocol, videos=videos["video"])
        trials_by_cell = {cell: list(make_trials(windows.videos, cell, protocol.trials)) for cell in cells}
        empty = [
            cell
            for cell, cell_trials in trials_by_cell.items()
            if not any(target_trials.complete for target_trials in cell_trials)
        ]
        if empty:
            raise NvfairError(
                f"{empty[0]!r} has no target with genuine and impostor trials",
                where=dataset.folder,
                expected=", ".join(sorted(videos["generator"].unique())),
            )
        return cls(dataset, method, protocol, videos, windows, trials_by_cell, progress)

    def sweep_rows(self, sweep: str, levels: Iterable[tuple[float, WindowSet]]) -> Iterator[dict[str, Any]]:
        """Rows of a sweep, level 0 first; none where there are no levels."""
        has_level_0 = False
        for level, windows in levels:
            if not has_level_0:
                yield from ({"sweep": sweep, "level": 0, **row} for row in self.level_0_rows)
                has_level_0 = True
            self.progress(f"{sweep}: level {level:g}")
            yield from ({"sweep": sweep, "level": level, **row} for row in self._figure_rows(windows))

    @cached_property
    def level_0_rows(self) -> list[dict[str, Any]]:
        """Figures of the unchanged windows, one row a cell."""
        return self._figure_rows(self.windows)

    def changed_windows(self, change: TrackChange) -> WindowSet:
        """The windows of changed tracks."""
        return read_windows(ChangedTracks.of(self.dataset, change), self.protocol, videos=self.videos["video"])

    def first_windows(self, count: int) -> WindowSet:
        """The first `count` windows of each video."""
        number = np.arange(len(self.windows)) - np.searchsorted(self.windows.video, self.windows.video)
        keep = number < count
        return replace(self.windows, video=self.windows.video[keep], start=self.windows.start[keep])

    def shorter_windows(self, share: float) -> WindowSet:
        """The same videos cut into windows of `share` of the length, as densely as before."""
        time = self.protocol.time
        window, stride = max(2, round(share * time.window)), max(1, round(share * time.stride))
        shorter = time.model_copy(update={"window": window, "stride": stride})
        return read_windows(
            self.dataset, self.protocol.model_copy(update={"time": shorter}), videos=self.videos["video"]
        )

    def _figure_rows(self, windows: WindowSet) -> list[dict[str, Any]]:
        """One row for each cell: figures on the trials whose videos still have windows, and what is lost."""
        position = new_positions(self.windows.videos, windows.videos)
        scorer = None
        if len(windows):
            scorer = Scorer(embed_videos(self.method, windows, self.dataset), self.protocol.scoring)
        rows = []
        for cell, cell_trials in self.trials_by_cell.items():
            remaining = [replace_videos(target_trials, position) for target_trials in cell_trials]
            row: dict[str, Any] = {"generator": cell, "auc_mean": None}
            row["trials"] = {"genuine": 0, "impostor": 0, "targets": 0}
            if scorer is not None and any(target_trials.complete for target_trials in remaining):
                cell_figures = compute_figures(scorer, remaining, windows.videos, self.protocol, full=False)
                row |= {"auc_mean": cell_figures.auc_mean.to_json(), "trials": cell_figures.trials.to_json()}
            rows.append(
                row
                | {
                    "videos": len(windows.videos),
                    "windows": len(windows),
                    "lost_videos": int(np.count_nonzero(position < 0)),
                    "lost_windows": max(0, len(self.windows) - len(windows)),
                    "lost_trials": count_pairs(cell_trials) - count_pairs(remaining),
                }
            )
        return rows


def _track_changes(plan: StressPlan, protocol: Protocol) -> dict[str, list[tuple[float, TrackChange]]]:
    """Sweep -> its levels, each with its change of the tracks."""
    seed = plan.seed
    return {
        NOISE: [(level, noise(level, seed)) for level in plan.noise],
        JITTER: [(level, jitter(level, seed, plan.correlation)) for level in plan.jitter],
        DROPPED: [(level, dropped_frames(level, seed)) for level in plan.dropped],
        BURSTS: [(level, dropped_frames(level, seed, plan.burst)) for level in plan.bursts],
        RATE: [(level, lower_rate(level, protocol.missing.max_gap_frames)) for level in plan.rates],
    }


def _test_videos(dataset: Dataset, protocol: Protocol, plan: StressPlan) -> pd.DataFrame:
    """Reenactments of the test people, on the faces that the plan takes."""
    videos = dataset.videos
    reenactments = videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]
    if reenactments.empty:
        raise NvfairError(f"split {protocol.split.test!r} has no reenactments", where=dataset.folder)
    return draw_targets(reenactments, plan.targets, plan.seed)


def _recompression_sample(videos: pd.DataFrame, plan: StressPlan) -> pd.DataFrame:
    """Some faces, and some clips of each driver on each: as many as can be encoded and tracked in minutes."""
    usable = videos[(videos["state"] == "ok") & videos["part"].notna()]
    sample = draw_targets(usable, plan.recompressed, plan.seed)
    if not plan.clips:
        return sample
    # The same clips by every generator, so that there are trials across generators too.
    clips = sample[["target", "driver", "clip"]].drop_duplicates().sort_values(["target", "driver", "clip"])
    clips = clips.sample(frac=1, random_state=plan.seed).groupby(["target", "driver"]).head(plan.clips)
    return sample.merge(clips, on=["target", "driver", "clip"]).sort_values("video", ignore_index=True)


def draw_targets(videos: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """The videos of `count` faces drawn by the seed; all videos where `count` is 0 or there are no more faces."""
    names = sorted(videos["target"].unique())
    if not count or count >= len(names):
        return videos
    return videos[videos["target"].isin(np.random.default_rng(seed).permutation(names)[:count])]
