"""A reenactment's frames between the landmark and the shard stage: what a part holds, and no more.

A track's full mesh takes 5.7 kB a frame; its 126 landmarks take 1 kB. A large data set has millions of frames.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nvfair_tools.dataset.parts import round_landmarks
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.files import atomic_output
from nvfair_tools.landmarks.scheme import landmarks_from_mesh
from nvfair_tools.landmarks.track import Track, load_track


def rows_of_track(track: Track, *, mesh: bool) -> FrameRows:
    """What a part holds of a track; with all 478 points where `mesh`."""
    return FrameRows(
        landmarks=landmarks_from_mesh(track.mesh),
        valid=track.valid,
        time=track.time,
        reason=track.reason,
        mesh=track.mesh if mesh else None,
    )


def save_rows(path: Path, rows: FrameRows) -> None:
    """Writes rows, whole or not at all."""
    assert rows.reason is not None
    arrays = {
        "landmarks": round_landmarks(rows.landmarks),
        "valid": rows.valid,
        "time": rows.time,
        "reason": rows.reason.astype(str),
    }
    if rows.mesh is not None:
        arrays["mesh"] = round_landmarks(rows.mesh)
    with atomic_output(path) as aside:
        np.savez(aside, **arrays)  # type: ignore[arg-type]


def load_rows(path: Path, *, track: bool, mesh: bool) -> FrameRows:
    """Rows that `save_rows` wrote; or, where `track`, of a whole track. mesh: whether the mesh is wanted."""
    if track:
        return rows_of_track(load_track(path), mesh=mesh)
    with np.load(path, allow_pickle=False) as stored:
        return FrameRows(
            landmarks=stored["landmarks"],
            valid=stored["valid"],
            time=stored["time"],
            reason=stored["reason"].astype(object),
            mesh=stored["mesh"] if mesh else None,
        )
