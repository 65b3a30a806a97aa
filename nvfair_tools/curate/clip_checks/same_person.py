"""Checking whether a clip shows one person from beginning to end.

Legend: K frames taken from a clip, D embedding size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nvfair_tools.faces.recogniser import Recogniser
from nvfair_tools.landmarks.track import Track
from nvfair_tools.media import decode

NOT_CHECKED, CHANGES = "identity_not_checked", "identity_changes"

# Below this cosine two frames are taken for two people. Frames of one person within one clip lie far above it, those of
# two people about zero; it is our choice, not a calibrated operating point.
THRESHOLD = 0.3


@dataclass(frozen=True)
class IdentityCheck:
    """The comparison of a clip's frames. frames: indices (K,) of the frames compared. least_similarity: lowest cosine
    of any two of them; NaN for fewer than two. same: whether no cosine lies below the threshold; None for fewer than
    two."""

    frames: np.ndarray
    least_similarity: float
    same: bool | None


def check_identity(path: str | Path, track: Track, recogniser: Recogniser, max_frames: int = 8) -> IdentityCheck:
    """Compares the faces in at most `max_frames` frames, spread evenly over the track's valid ones."""
    valid = np.flatnonzero(track.valid)
    frames = np.unique(valid[np.linspace(0, len(valid) - 1, min(max_frames, len(valid))).round().astype(int)])
    chosen = set(frames.tolist())
    embeddings = [
        recogniser.embed(frame.image, track.mesh[frame.index]) for frame in decode(path) if frame.index in chosen
    ]
    if len(embeddings) < 2:
        return IdentityCheck(frames, float("nan"), None)
    stacked = np.stack(embeddings)
    # All pairs are compared, not each frame with the mean: the mean of two people in equal parts resembles both.
    least_similarity = float((stacked @ stacked.T).min())
    return IdentityCheck(frames, least_similarity, least_similarity >= THRESHOLD)


def flag_identity(path: str | Path, track: Track, recogniser: Recogniser | None) -> Track:
    """Returns the track with the flag "identity_not_checked" (no recogniser, or too few frames), "identity_changes", or
    neither where one person is shown."""
    same = None if recogniser is None else check_identity(path, track, recogniser).same
    flags = set(track.flags) - {NOT_CHECKED, CHANGES}
    if not same:
        flags.add(NOT_CHECKED if same is None else CHANGES)
    return replace(track, flags=tuple(sorted(flags)))
