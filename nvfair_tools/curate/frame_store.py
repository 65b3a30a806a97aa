"""Files with a reenactment's frames between the landmark and the shard stage: what a part holds, and no more.

A track's full mesh takes 5.7 kB a frame; its 126 landmarks take 1 kB. A large data set has millions of frames.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from nvfair_tools.dataset.parts import round_landmarks
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.files import write_bytes
from nvfair_tools.landmarks.scheme import landmarks_from_mesh
from nvfair_tools.landmarks.track import Track, load_track


def frame_rows(track: Track, *, mesh: bool) -> FrameRows:
    """The rows of a part for a track's frames. mesh: whether all 478 points are included."""
    return FrameRows(
        landmarks=landmarks_from_mesh(track.mesh),
        valid=track.valid,
        time=track.time,
        reason=track.reason,
        mesh=track.mesh if mesh else None,
    )


def save_frame_rows(path: Path, rows: FrameRows) -> None:
    """Writes rows to a file, whole or not at all."""
    assert rows.reason is not None
    arrays = {
        "landmarks": round_landmarks(rows.landmarks),
        "valid": rows.valid,
        "time": rows.time,
        "reason": rows.reason.astype(str),
    }
    if rows.mesh is not None:
        arrays["mesh"] = round_landmarks(rows.mesh)
    whole = io.BytesIO()
    np.savez(whole, **arrays)  # type: ignore[arg-type]
    write_bytes(path, whole.getvalue())


def load_frame_rows(path: Path, *, is_track: bool, mesh: bool) -> FrameRows:
    """Reads rows from a file of `save_frame_rows` or, where `is_track`, from the file of a whole track.

    mesh: whether all 478 points are included.
    """
    if is_track:
        return frame_rows(load_track(path), mesh=mesh)
    with np.load(path, allow_pickle=False) as stored:
        return FrameRows(
            landmarks=stored["landmarks"],
            valid=stored["valid"],
            time=stored["time"],
            reason=stored["reason"].astype(object),
            mesh=stored["mesh"] if mesh else None,
        )
