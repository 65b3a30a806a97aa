"""AVAPrintDB's benchmark from its landmark files and its lists of trials: one pooled ROC for each list.

Legend: N videos, T frames of a video, W windows, D embedding size.

A protocol gives windows, stride, the score of a pair and intervals. Its trial rule and frame rate play no part: the
list names the trials, and landmark files hold frames without times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.network import whole_float32
from benchmark.metrics import roc
from benchmark.protocols.schema import Protocol, Time
from benchmark.protocols.shipped import load as load_protocol
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.pair_lists import PairList, listed_trials
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles

_WINDOWS_AT_ONCE = 64
_PUBLISHED_FILE = re.compile(r"checkpoint_graph_trained_(cremad|ravdess)_(gagavatar|hunyuan|liveportrait)")
_ENDINGS = {"gagavatar": "GAGA", "hunyuan": "HUNY", "liveportrait": "LIVE"}
# Published pooled AUCs of the graph network, in per cent (arXiv 2603.26934):
# (collection, generator) of training -> (collection, generator) of the list -> value.
PUBLISHED: Mapping[tuple[str, str], Mapping[tuple[str, str], float]] = MappingProxyType(
    {
        ("cremad", "GAGA"): {
            ("cremad", "GAGA"): 87.8,
            ("cremad", "LIVE"): 84.6,
            ("cremad", "HUNY"): 84.4,
            ("ravdess", "GAGA"): 77.3,
        },
        ("cremad", "LIVE"): {
            ("cremad", "GAGA"): 76.5,
            ("cremad", "LIVE"): 90.8,
            ("cremad", "HUNY"): 73.9,
            ("ravdess", "LIVE"): 69.2,
        },
        ("cremad", "HUNY"): {
            ("cremad", "GAGA"): 84.8,
            ("cremad", "LIVE"): 84.5,
            ("cremad", "HUNY"): 82.6,
            ("ravdess", "HUNY"): 74.4,
        },
        ("ravdess", "GAGA"): {
            ("ravdess", "GAGA"): 75.7,
            ("ravdess", "LIVE"): 66.7,
            ("ravdess", "HUNY"): 73.1,
            ("cremad", "GAGA"): 83.5,
        },
        ("ravdess", "LIVE"): {
            ("ravdess", "GAGA"): 69.0,
            ("ravdess", "LIVE"): 76.5,
            ("ravdess", "HUNY"): 69.1,
            ("cremad", "LIVE"): 82.8,
        },
        ("ravdess", "HUNY"): {
            ("ravdess", "GAGA"): 70.4,
            ("ravdess", "LIVE"): 68.1,
            ("ravdess", "HUNY"): 72.3,
            ("cremad", "HUNY"): 77.9,
        },
    }
)


@dataclass(frozen=True)
class ListFigures:
    """Figures of one method on one list.

    method, trials: names. relation: "matched", "cross-generator", "cross-dataset", "cross-both", or "unknown" where the
    method does not declare one training collection and generator. list_sha256, protocol: what the figures rest on.
    auc: pooled, with its interval over people (None where there is none; interval_reason says why). eer: ours;
    eer_nearest: the false match rate at the point where it is nearest to the false non-match rate, as the authors take
    it. genuine, impostor: scored trials. published: the authors' pooled AUC of this cell, or None.
    listed: rows of the list. without_file, too_short: rows left out, as a video has no file, or else fewer frames than
    a window. videos, people: in the scored trials. dropped_frames: frames of the list's videos that were not finite.
    """

    method: str
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


def evaluate_list(
    files: LandmarkFiles, pairs: PairList, checkpoint: Checkpoint, protocol: Protocol | str | Path = "avaprintdb-seen"
) -> ListFigures:
    """Scores a graph network on a list. checkpoint: one of `nvfair avaprintdb train`, or a published one.

    Raises NvfairError where the network reads anything but the 109 points or was trained for other windows, where it
    was trained or selected on a person of the list, and where no trial of either kind is left.
    """
    protocol = load_protocol(protocol)
    if checkpoint.network.method != "graph-network":
        raise NvfairError(
            f"{checkpoint.name} is a {checkpoint.network.method}", expected="a graph-network: files hold its 109 points"
        )
    if checkpoint.time is not None and checkpoint.time.window != protocol.time.window:
        raise NvfairError(
            f"{checkpoint.name} was trained on windows of {checkpoint.time.window} frames",
            expected=f"{protocol.time.window}, as in the protocol {protocol.name}",
        )
    people = {person for name in pairs.samples.values() for person in (name.driver, name.target)}
    if shared := checkpoint.declaration.shared_people(people):
        listing = "; ".join(f"{role}: {', '.join(names)}" for role, names in shared.items())
        raise NvfairError(f"{checkpoint.name} has seen people of the list ({listing})", where=pairs.name)
    stems, points, absent, dropped = [], [], set(), 0
    for stem in sorted(pairs.samples):
        if stem not in files:
            absent.add(stem)
            continue
        sequence = files.read(stem)
        dropped += sequence.dropped
        if len(sequence.points) >= protocol.time.window:
            stems.append(stem)
            points.append(sequence.points)
    without_file = sum(bool({*row} & absent) for row in zip(pairs.enrolment, pairs.test, strict=True))
    trials = listed_trials(pairs, stems)
    genuine, impostor = (sum(len(getattr(block, kind)) for block in trials) for kind in ("genuine", "impostor"))
    if not genuine or not impostor:
        raise NvfairError(
            f"{genuine} genuine and {impostor} impostor trials are left of {len(pairs)} rows: {without_file} have a "
            f"video without a file, others one of fewer than {protocol.time.window} frames",
            where=pairs.name,
            remedy="name the folder that holds landmarks/TEST" if absent else "",
        )
    scorer = Scorer(embed_sequences(checkpoint, stems, points, protocol.time), protocol.scoring)
    scored = score_trials(scorer, trials, _videos(pairs, stems), protocol)
    curve = roc.roc_curve(scored.genuine, scored.impostor)
    interval = scored.pooled_interval()
    has_interval = bool(np.isfinite(interval.low))
    relation, published = relation_of(checkpoint, pairs)
    in_trials = np.unique(
        np.concatenate([kind.ravel() for block in trials for kind in (block.genuine, block.impostor)])
    )
    return ListFigures(
        method=checkpoint.name,
        trials=pairs.name,
        relation=relation,
        list_sha256=pairs.sha256,
        protocol=protocol.digest,
        auc=roc.auc(scored.genuine, scored.impostor),
        auc_low=float(interval.low) if has_interval else None,
        auc_high=float(interval.high) if has_interval else None,
        interval_reason=interval.reason,
        eer=roc.equal_error_rate(curve).value,
        eer_nearest=float(curve.fmr[np.argmin(np.abs(curve.fmr - curve.fnmr))]),
        genuine=genuine,
        impostor=impostor,
        published=published,
        listed=len(pairs),
        without_file=without_file,
        too_short=len(pairs) - without_file - genuine - impostor,
        videos=len(in_trials),
        people=len(scored.strata),
        dropped_frames=dropped,
    )


def embed_sequences(
    checkpoint: Checkpoint, stems: Sequence[str], points: Sequence[np.ndarray], time: Time
) -> VideoEmbeddings:
    """Window embeddings of videos (T, 109, 3) of a window or more: starts 0, stride, ... as far as a window fits."""
    window, stride = time.window, time.stride
    starts = [np.arange(0, len(frames) - window + 1, stride) for frames in points]
    cut = [frames[begin : begin + window] for frames, begins in zip(points, starts, strict=True) for begin in begins]
    network = checkpoint.network.to(checkpoint.device).eval()
    try:
        with torch.inference_mode(), whole_float32():
            parts = [
                network.pool(
                    network(torch.from_numpy(np.stack(cut[first : first + _WINDOWS_AT_ONCE])).to(checkpoint.device))[0]
                ).cpu()
                for first in range(0, len(cut), _WINDOWS_AT_ONCE)
            ]
    finally:
        network.to("cpu")
    offsets = np.concatenate([[0], np.cumsum([len(begins) for begins in starts])])
    return VideoEmbeddings(np.array(stems), offsets, torch.cat(parts).numpy())


def relation_of(checkpoint: Checkpoint, pairs: PairList) -> tuple[str, float | None]:
    """How a list's collection and generator relate to the training's, and the published AUC of that cell in per cent.

    The training is what the checkpoint declares; of a published file, what its own name says.
    """
    training = checkpoint.declaration.training
    collections = {person.partition(":")[0] for person in training.people or ()}
    trained = None
    if len(collections) == 1 and len(training.generators or ()) == 1:
        trained = (next(iter(collections)), next(iter(training.generators or ())))
    elif match := _PUBLISHED_FILE.search(str(checkpoint.options.get("imported_from", ""))):
        trained = (match[1], _ENDINGS[match[2]])
    if trained is None:
        return "unknown", None
    tested = (pairs.collection, pairs.generator)
    same = (trained[0] == tested[0], trained[1] == tested[1])
    relation = {
        (True, True): "matched",
        (True, False): "cross-generator",
        (False, True): "cross-dataset",
        (False, False): "cross-both",
    }[same]
    return relation, PUBLISHED.get(trained, {}).get(tested)


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
