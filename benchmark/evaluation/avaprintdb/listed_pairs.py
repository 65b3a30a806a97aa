"""AVAPrintDB's benchmark from its landmark or feature files and its lists of trials: one pooled ROC for each list.

Legend: N videos, T frames of a video, W windows, D embedding size.

A protocol gives windows, stride, the score of a pair and intervals. Its trial rule and frame rate play no part: the
list names the trials, and its files hold frames without times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.evaluation.avaprintdb.systems import EmbeddedFiles, Report, System
from benchmark.methods.checkpoint import Checkpoint
from benchmark.metrics import roc
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import PairScorer
from benchmark.trials.pair_lists import PairList, listed_trials
from benchmark.trials.published_cells import PUBLISHED_AUC
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import SampleFiles
from nvfair_tools.quantities import count_text


@dataclass(frozen=True)
class ListFigures:
    """Figures of one method on one list.

    method, trials: names. undeclared: roles of which the method's checkpoint does not say whom they saw. relation:
    "matched", "cross-generator", "cross-dataset", "cross-both", or "unknown" where the method does not declare one
    training collection and generator. list_sha256, protocol: what the figures rest on.
    auc: pooled, with its interval over people (None where there is none; interval_reason says why). eer: ours;
    eer_nearest: the false match rate at the point where it is nearest to the false non-match rate, as the authors take
    it. genuine, impostor: scored trials. published: the authors' pooled AUC of this cell, or None.
    listed: rows of the list. without_file, too_short: rows left out, as a video has no file, or else fewer frames than
    a window. videos, people: in the scored trials. dropped_frames: frames of the list's videos that were not finite.
    """

    method: str
    undeclared: tuple[str, ...]
    trials: str
    relation: str
    list_sha256: str
    protocol: str
    auc: float
    auc_low: float | None
    auc_high: float | None
    interval_reason: str
    eer: float
    eer_nearest: float
    genuine: int
    impostor: int
    published: float | None
    listed: int
    without_file: int
    too_short: int
    videos: int
    people: int
    dropped_frames: int

    def to_json(self) -> dict[str, Any]:
        """All figures as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class ListTrials:
    """The trials of a list whose videos one or several systems have embedded.

    stems: the videos (N,), whose positions the trials hold. trials: a block for each driver of an enrolled video.
    without_file, too_short: rows left out. dropped_frames: frames of the list's videos that were not finite.
    """

    pairs: PairList
    stems: tuple[str, ...]
    trials: tuple[TargetTrials, ...]
    without_file: int
    too_short: int
    dropped_frames: int

    @classmethod
    def of(cls, pairs: PairList, embedded: Sequence[EmbeddedFiles]) -> ListTrials:
        """The trials both of whose videos every system has; NvfairError where none of either kind is left."""
        stems = sorted(set.intersection(*({*files.stems} for files in embedded)))
        absent = frozenset().union(*(files.absent for files in embedded))
        without_file = sum(bool({*row} & absent) for row in zip(pairs.enrolment, pairs.test, strict=True))
        trials = tuple(listed_trials(pairs, stems))
        genuine, impostor = (sum(len(getattr(block, kind)) for block in trials) for kind in ("genuine", "impostor"))
        if not genuine or not impostor:
            raise NvfairError(
                f"left of {count_text(len(pairs), 'row')}: {count_text(genuine, 'genuine trial')} and "
                f"{count_text(impostor, 'impostor trial')}; rows with a video without a file: {without_file:,}, others "
                "have one of fewer frames than a window",
                where=pairs.name,
                remedy="name the folder that holds the files of the TEST videos" if absent else "",
            )
        too_short = len(pairs) - without_file - genuine - impostor
        dropped = sum(files.dropped_frames for files in embedded)
        return cls(pairs, tuple(stems), trials, without_file, too_short, dropped)

    def figures(
        self,
        scorer: PairScorer,
        protocol: Protocol,
        *,
        method: str,
        undeclared: tuple[str, ...],
        relation: tuple[str, float | None],
        protocol_digest: str | None = None,
    ) -> ListFigures:
        """Figures of a method that scores these trials. relation: as `relation_to` gives it."""
        pairs, trials = self.pairs, self.trials
        scored = score_trials(scorer, trials, _videos(pairs, self.stems), protocol)
        curve = roc.roc_curve(scored.genuine, scored.impostor)
        interval = scored.pooled_interval()
        has_interval = bool(np.isfinite(interval.low))
        in_trials = np.unique(
            np.concatenate([kind.ravel() for block in trials for kind in (block.genuine, block.impostor)])
        )
        return ListFigures(
            method=method,
            undeclared=undeclared,
            trials=pairs.name,
            relation=relation[0],
            list_sha256=pairs.sha256,
            protocol=protocol_digest or protocol.digest,
            auc=roc.auc(scored.genuine, scored.impostor),
            auc_low=float(interval.low) if has_interval else None,
            auc_high=float(interval.high) if has_interval else None,
            interval_reason=interval.reason,
            eer=roc.equal_error_rate(curve).value,
            eer_nearest=roc.nearest_fmr(curve),
            genuine=len(scored.genuine),
            impostor=len(scored.impostor),
            published=relation[1],
            listed=len(pairs),
            without_file=self.without_file,
            too_short=self.too_short,
            videos=len(in_trials),
            people=len(scored.strata),
            dropped_frames=self.dropped_frames,
        )


def evaluate_list(
    files: SampleFiles,
    pairs: PairList,
    checkpoint: Checkpoint,
    protocol: Protocol | str | Path | None = None,
    report: Report | None = None,
) -> ListFigures:
    """Scores a method on a list.

    files: landmark files for a graph network, feature files for an attention network. checkpoint: a network of `nvfair
    avaprintdb train`, or a published one. protocol: default, the authors' windows and scores. report: called as files
    are read.

    Raises NvfairError where the network does not read these files or was trained for other windows, where it was
    trained or selected on a person of the list, and where no trial of either kind is left.
    """
    system = System.of(files, checkpoint, protocol)
    system.check_people(pairs.people, pairs.name)
    embedded = system.embed(pairs.samples, report)
    trials = ListTrials.of(pairs, [embedded])
    return trials.figures(
        system.scorer(embedded.among(trials.stems)),
        system.protocol,
        method=checkpoint.name,
        undeclared=checkpoint.declaration.unknown_roles,
        relation=relation_to(system.trained_on, pairs, system.kind),
    )


def relation_to(trained_on: tuple[str, str] | None, pairs: PairList, kind: str) -> tuple[str, float | None]:
    """How a list's collection and generator relate to the training's, and the published AUC of that cell in per cent.

    trained_on: collection and generator of the training, or None. kind: the system in the published tables.
    """
    if trained_on is None:
        return "unknown", None
    tested = (pairs.collection, pairs.generator_label)
    relation = {
        (True, True): "matched",
        (True, False): "cross-generator",
        (False, True): "cross-dataset",
        (False, False): "cross-both",
    }[trained_on[0] == tested[0], trained_on[1] == tested[1]]
    return relation, PUBLISHED_AUC.get(kind, {}).get((*trained_on, *tested))


def _videos(pairs: PairList, stems: Sequence[str]) -> pd.DataFrame:
    """The table of videos whose rows the trials number."""
    names = [pairs.samples[stem] for stem in stems]
    return pd.DataFrame(
        {
            "video": list(stems),
            "driver": [name.driver for name in names],
            "target": [name.target for name in names],
            "source": [name.collection for name in names],
        }
    )
