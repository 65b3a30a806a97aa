"""What the difference of two landmarkers does to scores: real clips compared with each other, no video rendered.

Legend: W windows, D embedding size, C clips that fill a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from benchmark.methods.checkpoint import Checkpoint, load_checkpoint
from benchmark.metrics.roc import auc
from benchmark.protocols.shipped import load
from benchmark.windows.cutting import cut_video
from benchmark.windows.window_batch import WindowBatch
from examples.studies.landmarkers.differences import TrackPair
from nvfair_tools.landmarks.scheme import landmarks_from_mesh
from nvfair_tools.landmarks.track import Track

METHODS = ("pretrained:motion-signature", "pretrained:temporal-cnn")


def score_rows(pairs: Sequence[TrackPair]) -> Iterator[str]:
    """A table of the scores of pairs of clips, with both clips by one landmarker or one by each."""
    yield "| method | landmarkers | same clip | AUC, same person | score's change, median | 95 % | worst |"
    yield "|---|---|---|---|---|---|---|"
    for name in METHODS:
        method = load_checkpoint(name)
        embedded = [
            (pair.person, first, second)
            for pair in pairs
            if pair.person
            and (first := clip_embedding(method, pair.first)) is not None
            and (second := clip_embedding(method, pair.second)) is not None
        ]
        people = np.array([person for person, _, _ in embedded])
        old, new = (np.stack([clip[place] for clip in embedded]) for place in (1, 2))
        upper = np.triu_indices(len(people), 1)
        same = (people[:, None] == people)[upper]
        base = (old @ old.T)[upper]
        for title, scores in (
            ("first, first", base),
            ("second, second", (new @ new.T)[upper]),
            ("first, second", (old @ new.T)[upper]),
        ):
            change = np.abs(scores - base)
            figures = [np.median(change), np.quantile(change, 0.95), change.max()]
            alike = f"{np.median(np.sum(old * new, axis=1)):.3f}" if title == "first, second" else ""
            area = auc(scores[same], scores[~same])
            cells = " | ".join(f"{value:.3f}" for value in figures) if scores is not base else " | | "
            yield f"| {name.partition(':')[2]} | {title} | {alike} | {area:.3f} | {cells} |"
        yield f"({len(people)} clips, {same.sum()} pairs of one person, {np.count_nonzero(~same):,} of two)"


def clip_embedding(method: Checkpoint, track: Track) -> np.ndarray | None:
    """A clip's mean embedding (D,), of length 1; None where it does not fill a window."""
    protocol = method.protocol or load("nvfair-seen")
    points = landmarks_from_mesh(track.mesh)
    cut = cut_video("clip", (points, track.valid, track.time), protocol.time, protocol.missing)
    if not len(cut.starts):
        return None
    windows = np.stack([cut.landmarks[start : start + protocol.time.window] for start in cut.starts])
    sizes = np.tile(np.array([track.size], dtype=np.float32), (len(windows), 1))
    rows = method.embed(WindowBatch(windows, float(Fraction(protocol.time.fps)), sizes)).astype(np.float64)
    mean = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0)
    return mean / np.linalg.norm(mean)
