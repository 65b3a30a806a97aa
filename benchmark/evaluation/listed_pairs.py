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
import torch

from benchmark.methods.avaprintdb.attention_network import FEATURE_SIZES, AttentionNetwork
from benchmark.methods.avaprintdb.published_attention import AttentionMethod, FeatureFiles
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.network import whole_float32
from benchmark.metrics import roc
from benchmark.protocols.schema import Protocol, Time
from benchmark.protocols.shipped import load as load_protocol
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.pair_lists import PairList, listed_trials
from benchmark.trials.published_cells import PUBLISHED_AUC, training_by_file_name
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles, SampleFiles

_WINDOWS_AT_ONCE = 64
# Windows of the attention networks: 60 frames, stride 30; the rest is as in the protocol of the graph network.
_ATTENTION_WINDOWS = {"window": 60, "stride": 30}


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
    files: SampleFiles,
    pairs: PairList,
    checkpoint: Checkpoint | AttentionMethod,
    protocol: Protocol | str | Path | None = None,
) -> ListFigures:
    """Scores a method on a list.

    files: landmark files for a graph network, feature files for an attention network. checkpoint: a graph network of
    `nvfair avaprintdb train` or a published one, or a published attention network. protocol: default `list_protocol`.

    Raises NvfairError where the network does not read these files or was trained for other windows, where it was
    trained or selected on a person of the list, and where no trial of either kind is left.
    """
    protocol = list_protocol(checkpoint) if protocol is None else load_protocol(protocol)
    _check_method(files, checkpoint, protocol)
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
            remedy="name the folder that holds the files of the TEST videos" if absent else "",
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


def list_protocol(checkpoint: Checkpoint | AttentionMethod) -> Protocol:
    """The authors' windows and scores: `avaprintdb-seen`, or the same with an attention network's windows."""
    protocol = load_protocol("avaprintdb-seen")
    if isinstance(checkpoint, Checkpoint):
        return protocol
    time = protocol.time.model_copy(update=_ATTENTION_WINDOWS)
    return protocol.model_copy(update={"name": "avaprintdb-features", "time": time})


def _check_method(files: SampleFiles, checkpoint: Checkpoint | AttentionMethod, protocol: Protocol) -> None:
    """Raises NvfairError where a method cannot read the files, or not in the protocol's windows."""
    if isinstance(checkpoint, AttentionMethod):
        if not isinstance(files, FeatureFiles) or files.size != FEATURE_SIZES[checkpoint.features]:
            raise NvfairError(f"{checkpoint.name} reads {checkpoint.features} features", where=files.root)
        return
    if checkpoint.network.method != "graph-network" or not isinstance(files, LandmarkFiles):
        raise NvfairError(
            f"{checkpoint.name} is a {checkpoint.network.method}, and {files.root} holds {files.suffix} files",
            expected="a graph-network and .npy files of its 109 points",
        )
    if checkpoint.time is not None and checkpoint.time.window != protocol.time.window:
        raise NvfairError(
            f"{checkpoint.name} was trained on windows of {checkpoint.time.window} frames",
            expected=f"{protocol.time.window}, as in the protocol {protocol.name}",
        )


def embed_sequences(
    checkpoint: Checkpoint | AttentionMethod, stems: Sequence[str], points: Sequence[np.ndarray], time: Time
) -> VideoEmbeddings:
    """Window embeddings of videos (T, ...) of a window or more: starts 0, stride, ... as far as a window fits."""
    window, stride = time.window, time.stride
    starts = [np.arange(0, len(frames) - window + 1, stride) for frames in points]
    cut = [frames[begin : begin + window] for frames, begins in zip(points, starts, strict=True) for begin in begins]
    network = checkpoint.network.to(checkpoint.device).eval()
    parts = []
    try:
        with torch.inference_mode(), whole_float32():
            for first in range(0, len(cut), _WINDOWS_AT_ONCE):
                windows = torch.from_numpy(np.stack(cut[first : first + _WINDOWS_AT_ONCE])).to(checkpoint.device)
                embeddings = (
                    network.embed(windows)
                    if isinstance(network, AttentionNetwork)
                    else network.pool(network(windows)[0])
                )
                parts.append(embeddings.cpu())
    finally:
        network.to("cpu")
    offsets = np.concatenate([[0], np.cumsum([len(begins) for begins in starts])])
    return VideoEmbeddings(np.array(stems), offsets, torch.cat(parts).numpy())


def relation_of(checkpoint: Checkpoint | AttentionMethod, pairs: PairList) -> tuple[str, float | None]:
    """How a list's collection and generator relate to the training's, and the published AUC of that cell in per cent.

    The training is what the checkpoint declares; of a published file, what its own name says.
    """
    if isinstance(checkpoint, AttentionMethod):
        system, source = checkpoint.features, checkpoint.source
    else:
        system, source = "graph", str(checkpoint.options.get("imported_from", ""))
    training = checkpoint.declaration.training
    collections, generators = {person.partition(":")[0] for person in training.people or ()}, training.generators or ()
    if len(collections) == 1 and len(generators) == 1:
        trained = (next(iter(collections)), next(iter(generators)))
    elif (stated := training_by_file_name(source)) is not None:
        trained = stated
    else:
        return "unknown", None
    tested = (pairs.collection, pairs.generator_label)
    relation = {
        (True, True): "matched",
        (True, False): "cross-generator",
        (False, True): "cross-dataset",
        (False, False): "cross-both",
    }[trained[0] == tested[0], trained[1] == tested[1]]
    return relation, PUBLISHED_AUC[system].get((*trained, *tested))


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
