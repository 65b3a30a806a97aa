"""All stress sweeps of one method: the same people and the same trials, evaluated again at every level.

A level's figure goes the way of the main one: tracks are read, made worse, resampled and cut by the protocol, embedded
and scored on the trials of the unstressed videos. A video that loses all its windows is lost under the protocol's
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
from benchmark.stress.mimics import mimics, no_mimics
from benchmark.stress.plan import StressPlan
from benchmark.stress.recompression import no_recompression, recompressed
from benchmark.stress.tracks import Change, ChangedTracks, dropped, jitter, noise, slower
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

_KINDS = ("genuine", "impostor")

Say = Callable[[str], None]


def run_sweeps(
    dataset: Dataset,
    method: Method,
    protocol: Protocol,
    plan: StressPlan | None = None,
    *,
    generators: Sequence[str] = (),
    say: Say = lambda text: None,
) -> list[dict[str, Any]]:
    """Rows of every sweep: {sweep, level, generator, auc_mean, trials, videos, windows, lost_videos, lost_windows,
    lost_trials}, or, where a sweep cannot be run, {sweep, skipped: why}.

    auc_mean: as `figures` gives it; null where no target has trials left. generators: test generators (or names of the
    protocol's cells) to look at; default: the first of the data set by name. Raises NvfairError where there is no
    test video, or one generator that does not exist is named.
    """
    plan = StressPlan() if plan is None else plan
    if method.needs != "landmarks":
        why = f"{method.name} looks at {method.needs}, and only landmarks are made worse"
        return [{"sweep": name, "skipped": why} for name in DESCRIPTIONS]
    base = _Base.of(dataset, method, protocol, _videos(dataset, protocol, plan), generators, say)
    rows: list[dict[str, Any]] = []
    for name, changes in _changes(plan, protocol).items():
        rows += base.swept(name, ((level, base.changed(change)) for level, change in changes))
    rows += base.swept(WINDOWS, ((level, base.first(level)) for level in plan.windows))
    if method.time is None:
        rows += base.swept(LENGTH, ((share, base.shorter(share)) for share in plan.lengths))
    elif plan.lengths:
        rows.append({"sweep": LENGTH, "skipped": f"{method.name} takes windows of one length only"})
    if plan.crf:
        sample = _sample(base.videos, plan)
        if why := no_recompression(dataset, sample):
            rows.append({"sweep": RECOMPRESSION, "skipped": why})
        else:
            few = _Base.of(dataset, method, protocol, sample, generators, say)
            rows += few.swept(
                RECOMPRESSION, ((crf, few.changed(recompressed(dataset, sample, crf))) for crf in plan.crf)
            )
    if plan.mimicry:
        if why := no_mimics(dataset):
            rows.append({"sweep": MIMICRY, "skipped": why})
        else:
            rows += base.swept(
                MIMICRY, ((share, base.changed(mimics(dataset, base.videos, share))) for share in plan.mimicry)
            )
    return rows


@dataclass(frozen=True)
class _Base:
    """What all levels share: videos, their windows, the trials over `windows.videos`, and the rows of level 0."""

    dataset: Dataset
    method: Method
    protocol: Protocol
    videos: pd.DataFrame
    windows: WindowSet
    rules: dict[str, list[TargetTrials]]
    say: Say

    @classmethod
    def of(
        cls, dataset: Dataset, method: Method, protocol: Protocol, videos: pd.DataFrame, cells: Sequence[str], say: Say
    ) -> _Base:
        cells = list(cells) or sorted(videos["generator"].unique())[:1]
        windows = read_windows(dataset, protocol, videos=videos["video"])
        rules = {cell: list(make_trials(windows.videos, cell, protocol.trials)) for cell in cells}
        empty = [cell for cell, found in rules.items() if not any(one.complete for one in found)]
        if empty:
            raise NvfairError(
                f"{empty[0]!r} has no target with genuine and impostor trials",
                where=dataset.folder,
                expected=", ".join(sorted(videos["generator"].unique())),
            )
        return cls(dataset, method, protocol, videos, windows, rules, say)

    def swept(self, name: str, levels: Iterable[tuple[float, WindowSet]]) -> Iterator[dict[str, Any]]:
        """Rows of a sweep, level 0 first; none where there are no levels."""
        begun = False
        for level, windows in levels:
            if not begun:
                yield from ({"sweep": name, "level": 0, **row} for row in self.unstressed)
                begun = True
            self.say(f"{name}: level {level:g}")
            yield from ({"sweep": name, "level": level, **row} for row in self._rows(windows))

    @cached_property
    def unstressed(self) -> list[dict[str, Any]]:
        """Figures of the windows as they are, one row a cell."""
        return self._rows(self.windows)

    def changed(self, change: Change) -> WindowSet:
        """Windows of worse tracks."""
        return read_windows(ChangedTracks.of(self.dataset, change), self.protocol, videos=self.videos["video"])

    def first(self, count: int) -> WindowSet:
        """The first windows of each video."""
        number = np.arange(len(self.windows)) - np.searchsorted(self.windows.video, self.windows.video)
        keep = number < count
        return replace(self.windows, video=self.windows.video[keep], start=self.windows.start[keep])

    def shorter(self, share: float) -> WindowSet:
        """The same videos cut into shorter windows, as densely as before."""
        time = self.protocol.time
        window, stride = max(2, round(share * time.window)), max(1, round(share * time.stride))
        shorter = time.model_copy(update={"window": window, "stride": stride})
        return read_windows(
            self.dataset, self.protocol.model_copy(update={"time": shorter}), videos=self.videos["video"]
        )

    def _rows(self, windows: WindowSet) -> list[dict[str, Any]]:
        place = _places(self.windows.videos, windows.videos)
        scorer = None
        if len(windows):
            scorer = Scorer(embed_videos(self.method, windows, self.dataset), self.protocol.scoring)
        rows = []
        for cell, found in self.rules.items():
            left = [_kept(one, place) for one in found]
            before, after = (sum(len(x.genuine) + len(x.impostor) for x in some) for some in (found, left))
            row: dict[str, Any] = {"generator": cell, "auc_mean": None}
            row["trials"] = {"genuine": 0, "impostor": 0, "targets": 0}
            if scorer is not None and any(one.complete for one in left):
                whole = compute_figures(scorer, left, windows.videos, self.protocol, full=False)
                row |= {"auc_mean": whole.auc_mean.to_json(), "trials": whole.trials.to_json()}
            rows.append(
                row
                | {
                    "videos": len(windows.videos),
                    "windows": len(windows),
                    "lost_videos": int(np.count_nonzero(place < 0)),
                    "lost_windows": max(0, len(self.windows) - len(windows)),
                    "lost_trials": before - after,
                }
            )
        return rows


def _changes(plan: StressPlan, protocol: Protocol) -> dict[str, list[tuple[float, Change]]]:
    """Sweep -> its levels and what they do to tracks."""
    seed = plan.seed
    return {
        NOISE: [(level, noise(level, seed)) for level in plan.noise],
        JITTER: [(level, jitter(level, seed, plan.correlation)) for level in plan.jitter],
        DROPPED: [(level, dropped(level, seed)) for level in plan.dropped],
        BURSTS: [(level, dropped(level, seed, plan.burst)) for level in plan.bursts],
        RATE: [(level, slower(level, protocol.missing.max_gap_frames)) for level in plan.rates],
    }


def _places(before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    """Position in `after` of each video of `before` (N,); -1 where it is lost."""
    number = pd.Series(np.arange(len(after)), index=after["video"].to_numpy(dtype=object))
    return number.reindex(before["video"].to_numpy(dtype=object)).fillna(-1).to_numpy(np.int64)


def _kept(one: TargetTrials, place: np.ndarray) -> TargetTrials:
    """The trials none of whose videos is lost, over their new positions."""
    templates = one.templates
    if templates is None:
        lists = [place[pairs] for pairs in (one.genuine, one.impostor)]
        return replace(one, **dict(zip(_KINDS, (pairs[(pairs >= 0).all(axis=1)] for pairs in lists), strict=True)))
    # A template that lost a clip is lost: another would not be the same trial.
    whole = (place[templates] >= 0).all(axis=1)
    offset, lists = int((place >= 0).sum()), []
    for pairs in (one.genuine, one.impostor):
        row, probe = pairs[:, 0] - one.offset, place[pairs[:, 1]]
        keep = whole[row] & (probe >= 0)
        lists.append(np.stack([row[keep] + offset, probe[keep]], axis=1))
    changed = dict(zip(_KINDS, lists, strict=True)) | {"templates": np.maximum(place[templates], 0), "offset": offset}
    return replace(one, **changed)


def _videos(dataset: Dataset, protocol: Protocol, plan: StressPlan) -> pd.DataFrame:
    """Reenactments of the test people, of the plan's faces."""
    videos = dataset.videos
    chosen = videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]
    if chosen.empty:
        raise NvfairError(f"split {protocol.split.test!r} has no reenactments", where=dataset.folder)
    return _of_targets(chosen, plan.targets, plan.seed)


def _sample(videos: pd.DataFrame, plan: StressPlan) -> pd.DataFrame:
    """Some faces, and some clips of each driver on each: as many as can be encoded and tracked in minutes."""
    usable = videos[(videos["state"] == "ok") & videos["part"].notna()]
    chosen = _of_targets(usable, plan.recompressed, plan.seed)
    if not plan.clips:
        return chosen
    # The same clips by every generator, so that trials across generators are there too.
    clips = chosen[["target", "driver", "clip"]].drop_duplicates().sort_values(["target", "driver", "clip"])
    clips = clips.sample(frac=1, random_state=plan.seed).groupby(["target", "driver"]).head(plan.clips)
    return chosen.merge(clips, on=["target", "driver", "clip"]).sort_values("video", ignore_index=True)


def _of_targets(videos: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    names = sorted(videos["target"].unique())
    if not count or count >= len(names):
        return videos
    return videos[videos["target"].isin(np.random.default_rng(seed).permutation(names)[:count])]
