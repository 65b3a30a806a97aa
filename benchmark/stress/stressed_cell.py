"""One method in one cell: its unstressed videos and trials, the threshold, and rows of rates over other trials.

Legend: N unstressed videos, M changed or made ones, K pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from benchmark.methods.embed import embed_videos
from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.stress.lost_videos import count_pairs, new_positions, replace_videos
from benchmark.stress.rates import BOTH, ENROLMENT, PROBE, UNSTRESSED, StressRate, Threshold
from benchmark.trial_scores.figure_values import IntervalFigure
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import TargetTrials, cell_generators, make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class StressedCell:
    """A method in a cell, under the trials of `protocol`; table: the test people's reenactments (one row a video).

    validation: impostor scores of validation people, None where there are none.
    """

    dataset: Dataset
    method: Method
    protocol: Protocol
    cell: str
    table: pd.DataFrame
    validation: np.ndarray | None = None

    @cached_property
    def videos(self) -> pd.DataFrame:
        """The unstressed videos that have windows, index 0..N-1."""
        return self._windows.videos

    @cached_property
    def trials(self) -> list[TargetTrials]:
        """The unstressed trials of every target that has both kinds; raises NvfairError where none has."""
        complete = [t for t in make_trials(self.videos, self.cell, self.protocol.trials) if t.complete]
        if not complete:
            raise NvfairError(
                f"{self.cell!r} has no target with genuine and impostor trials",
                where=self.dataset.folder,
                remedy="`nvfair protocols count` says which targets lack which, and why",
            )
        return complete

    @cached_property
    def embeddings(self) -> VideoEmbeddings:
        """Embeddings of the unstressed videos."""
        return self._embedded(self._windows)

    @cached_property
    def scorer(self) -> Scorer:
        """Scores trials over the unstressed videos."""
        return Scorer(self.embeddings, self.protocol.scoring)

    @cached_property
    def threshold(self) -> Threshold:
        """The threshold at the protocol's first FMR target: of validation people, or of the unstressed trials."""
        impostors = np.concatenate([self.scorer.score(target_trials).impostor for target_trials in self.trials])
        return Threshold.choose(impostors, self.protocol.scoring.fmr_targets[0], self.validation)

    @property
    def generators(self) -> tuple[str, str]:
        """The generators of enrolled videos and of probes."""
        return cell_generators(self.cell)

    def unstressed_row(self) -> StressRate:
        """Rates of the trials as they are."""
        return self.row(UNSTRESSED, "as it is", self.trials)

    def row(
        self,
        test: str,
        case: str,
        trials: Sequence[TargetTrials],
        *,
        side: str = "",
        scorer: Scorer | None = None,
        videos: pd.DataFrame | None = None,
        lost: int = 0,
        note: str = "",
    ) -> StressRate:
        """Rates over `trials` at the threshold. scorer, videos: what trials number, by default unstressed videos."""
        scorer = self.scorer if scorer is None else scorer
        videos = self.videos if videos is None else videos
        trials = [t for t in trials if len(t.genuine) + len(t.impostor)]
        scores = [scorer.score(target_trials) for target_trials in trials]
        genuine = np.concatenate([np.empty(0), *(s.genuine for s in scores)])
        impostor = np.concatenate([np.empty(0), *(s.impostor for s in scores)])
        auc = None
        if any(target_trials.complete for target_trials in trials):
            scored = score_trials(scorer, trials, videos, self.protocol)
            auc = IntervalFigure.from_interval(scored.mean_interval())
        value = self.threshold.value
        return StressRate(
            method=self.method.name,
            test=test,
            generator=self.cell,
            case=case,
            side=side,
            threshold=value if np.isfinite(value) else None,
            rule=self.threshold.rule,
            genuine=len(genuine),
            impostor=len(impostor),
            fnmr=float(np.mean(genuine < value)) if len(genuine) else None,
            fmr=float(np.mean(impostor >= value)) if len(impostor) else None,
            auc=auc,
            people=len({target_trials.target for target_trials in trials}),
            lost=lost,
            note=note,
        )

    def changed_rows(
        self, test: str, case: str, changed: Dataset, sides: Sequence[str], *, sample: pd.DataFrame | None = None
    ) -> list[StressRate]:
        """Rates with the videos of one side, or of both, replaced by those of `changed` (the same ids, other tracks).

        sample: a smaller table of videos; only trials between its videos take part.
        """
        trials = self.trials if sample is None else self.trials_within(sample)
        ids = self.videos["video"] if sample is None else sample["video"]
        windows = read_windows(changed, self.protocol, videos=ids)
        joint, videos = self.joined(windows)
        total, stay = len(videos), np.arange(len(self.videos))
        position = new_positions(self.videos, windows.videos)
        moved = np.where(position >= 0, len(stay) + position, -1)
        rows = []
        for side in sides:
            enrolled, probes = {PROBE: (stay, moved), ENROLMENT: (moved, stay), BOTH: (moved, moved)}[side]
            remaining = [replace_videos(target_trials, enrolled, probes, total) for target_trials in trials]
            lost = count_pairs(trials) - count_pairs(remaining)
            rows.append(self.row(test, case, remaining, side=side, scorer=joint, videos=videos, lost=lost))
        return rows

    def joined(self, windows: WindowSet) -> tuple[Scorer, pd.DataFrame]:
        """A scorer over the unstressed and, after them, the videos of `windows`; and the table of all of them."""
        first, second = self.embeddings, None
        if len(windows):
            second = self._embedded(windows)
        videos = pd.concat([self.videos, windows.videos.assign(video="changed " + windows.videos["video"])])
        if second is not None:
            first = replace(
                first,
                video_ids=videos["video"].to_numpy(dtype=object),
                offsets=np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]]),
                window_embeddings=np.concatenate([first.window_embeddings, second.window_embeddings]),
            )
        return Scorer(first, self.protocol.scoring), videos.reset_index(drop=True)

    def trials_within(self, sample: pd.DataFrame) -> list[TargetTrials]:
        """Those of the unstressed trials whose videos are all in `sample`."""
        inside = self.videos["video"].isin(sample["video"]).to_numpy()
        stay = np.where(inside, np.arange(len(inside)), -1)
        return [replace_videos(target_trials, stay, total=len(inside)) for target_trials in self.trials]

    @cached_property
    def _windows(self) -> WindowSet:
        return read_windows(self.dataset, self.protocol, videos=self.table["video"])

    def _embedded(self, windows: WindowSet) -> VideoEmbeddings:
        return embed_videos(self.method, windows, self.dataset)
