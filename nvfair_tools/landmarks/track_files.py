"""Tracks as users list them in place of videos: landmarks with times, in `.npz`, `.npy` or Parquet files.

Legend: T frames, 478 mesh points; coordinates are pixels of the video that the track was made from.

A collection may share the landmarks of its people and not their faces. docs/datasets.md describes the three layouts.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.track import Track, load_track
from nvfair_tools.landmarks.tracking import MAX_OUTSIDE
from nvfair_tools.media.timing import frame_rate
from nvfair_tools.quantities import count_text

TRACK_SUFFIXES = (".npz", ".npy", ".parquet")
VERSION = "1"  # of how these files are read
DETECTOR = "listed track"
LANDMARKS_ONLY = "landmarks_only"  # flag of clips and people without pixels

_MESH_POINTS = 478
_MESH_VALUES = _MESH_POINTS * 3
_PARTS_OF_A_PIXEL = 32  # of `mesh_32nds`
_INVALID_32NDS = -32768
# A face whose box is narrower is no face in pixels: the coordinates are shares of the picture, or in another unit.
_LEAST_FACE_PIXELS = 8.0
_LARGEST_SIDE = 16_384
_USUAL_RATES = tuple(map(Fraction, (24, 25, 30, 50, 60))) + tuple(Fraction(n * 1000, 1001) for n in (24, 30, 60))
_MICROSECOND = Fraction(1, 1_000_000)
_VARIATION = 0.1  # an interval that differs by more than this share from the median makes the rate variable
# cause -> remedy
_REMEDIES = {
    "unreadable": "check the path, that it may be read, and that it is a whole .npz, .npy or .parquet file",
    "unusable_track": "write the file again in one of the layouts of docs/datasets.md (tracks in place of videos)",
    "unusable_times": "write each frame's time in seconds, every one later than the last",
}


class TrackFileError(NvfairError):
    """A listed track that cannot be used.

    cause: "unreadable" (missing, forbidden or damaged), "unusable_track" (keys, shapes, types or values) or
    "unusable_times". problems: all that is wrong with it, in words.
    """

    def __init__(self, cause: str, path: object, problems: list[str]) -> None:
        self.cause, self.problems = cause, tuple(problems)
        super().__init__("; ".join(problems), where=path, remedy=_REMEDIES[cause])


@dataclass(frozen=True)
class ListedTrack:
    """A track that was read from a user's file.

    fps: mean frame rate that follows from the times. notes: {flag: explanation} of what a user should know about it.
    """

    track: Track
    fps: Fraction
    notes: Mapping[str, str]


def is_track_file(path: str | Path) -> bool:
    """Whether a listed file is a track by its name, which ends in one of `TRACK_SUFFIXES`."""
    return Path(path).suffix.lower() in TRACK_SUFFIXES


def read_track_file(path: str | Path) -> ListedTrack:
    """Reads and checks a listed track. Raises TrackFileError that names everything wrong with it.

    A frame is valid where the file says so, or, where it has no `valid`, where all its numbers are finite. As in a
    video, a face of which more than a quarter lies outside the picture is not valid ("out_of_frame").
    """
    path = Path(path)
    columns, reasons = _columns(path)
    mesh, valid, time, size = _checked(path, columns)
    outside = np.zeros(len(valid), dtype=bool)
    x, y = mesh[valid][..., 0], mesh[valid][..., 1]
    outside[valid] = ((x < 0) | (y < 0) | (x > size[0]) | (y > size[1])).mean(axis=1) > MAX_OUTSIDE
    mesh[~valid | outside] = np.nan
    reason = np.where(valid, "", "no_face").astype(object) if reasons is None else reasons.copy()
    reason[outside] = "out_of_frame"
    rate = track_rate(time)
    track = Track(mesh, valid & ~outside, reason, time - time[0], size, DETECTOR, VERSION)
    return ListedTrack(track, rate, dict(_notes(track, rate)))


def track_rate(time: np.ndarray) -> Fraction:
    """The mean frame rate of at least two rising times in seconds (T,): a usual rate where one fits them.

    A rate fits where it gives the track's length within a twentieth of a frame.
    """
    steps = np.diff(time)
    length = float(time[-1] - time[0] + np.median(steps))
    nearest = min(_USUAL_RATES, key=lambda rate: abs(len(time) / float(rate) - length))
    rate = frame_rate(len(time), round(length / float(_MICROSECOND)), _MICROSECOND, [nearest])
    assert rate is not None
    return rate


def _notes(track: Track, rate: Fraction) -> Iterator[tuple[str, str]]:
    yield LANDMARKS_ONLY, "a track is listed, not a video: the person can drive warp generators and gives no portrait"
    steps = np.diff(track.time)
    median = float(np.median(steps))
    if np.abs(steps - median).max() > _VARIATION * median:
        text = f"frames follow each other after {steps.min() * 1000:.0f} to {steps.max() * 1000:.0f} ms"
        yield "variable_frame_rate", text
    if not 5 <= rate <= 300:
        yield "unusual_frame_rate", f"{float(rate):g} frames a second"


def _columns(path: Path) -> tuple[dict[str, Any], np.ndarray | None]:
    """The file's arrays by name (mesh or mesh_32nds, time, size, valid), and the reasons of frames without a face where
    the file is a track of this package."""
    try:
        if path.suffix.lower() == ".parquet":
            return _parquet_columns(path), None
        with open(path, "rb") as file:
            stored = np.load(file, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                return _structured_columns(path, stored), None
            with stored:
                if "about" in stored:
                    track = load_track(path)
                    columns = {"mesh": track.mesh, "time": track.time, "valid": track.valid, "size": track.size}
                    return columns, track.reason
                return {name: stored[name] for name in stored.files}, None
    except FileNotFoundError as error:
        raise TrackFileError("unreadable", path, ["there is no such file"]) from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        what = str(error).strip().partition("\n")[0] or type(error).__name__
        raise TrackFileError("unreadable", path, [f"not a whole track file: {what}"]) from error


def _structured_columns(path: Path, rows: np.ndarray) -> dict[str, Any]:
    if rows.dtype.names is None:
        shape = f"a plain array of shape {rows.shape}, which has no times and no size of the picture"
        raise TrackFileError("unusable_track", path, [f"{shape}; an .npy needs the fields time, width, height, mesh"])
    columns = {name: rows[name] for name in rows.dtype.names}
    return _with_size(path, columns)


def _parquet_columns(path: Path) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise TrackFileError("unreadable", path, [f"it cannot be read as Parquet: {_first_sentence(error)}"]) from error
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if name != "mesh":
            columns[name] = column.to_numpy(zero_copy_only=False)
            continue
        if not pa.types.is_list(column.type) and not pa.types.is_fixed_size_list(column.type):
            raise TrackFileError("unusable_track", path, [f"column mesh is {column.type}, not a list of numbers"])
        listed = column.drop_null()
        lengths = np.unique(pc.list_value_length(listed).to_numpy(zero_copy_only=False))
        if list(lengths) not in ([], [_MESH_VALUES]):
            text = f"column mesh has {', '.join(map(str, lengths))} numbers a frame; expected {_MESH_VALUES} (478 x 3)"
            raise TrackFileError("unusable_track", path, [text])
        # A frame whose mesh is null has no face.
        mesh = np.full((len(column), _MESH_VALUES), np.nan, dtype=np.float32)
        mesh[column.is_valid().to_numpy(zero_copy_only=False)] = (
            listed.flatten().to_numpy(zero_copy_only=False).reshape(-1, _MESH_VALUES)
        )
        columns["mesh"] = mesh.reshape(-1, _MESH_POINTS, 3)
    return _with_size(path, columns)


def _with_size(path: Path, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns of a table of frames, with the picture's `size` from its columns width and height."""
    sides = []
    for name in ("width", "height"):
        if name in columns:
            values = np.unique(np.asarray(columns.pop(name)))
            if len(values) > 1:
                raise TrackFileError("unusable_track", path, [f"{name} changes from frame to frame: {values[:3]}"])
            sides += values.tolist()
    return columns | ({"size": np.array(sides)} if len(sides) == 2 else {})


def _checked(path: Path, columns: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """The mesh float32 (T, 478, 3), valid (T,), time float64 (T,) and size; raises TrackFileError with all problems."""
    problems = list(_key_problems(path, columns))
    mesh = _mesh(columns, problems)
    time = np.asarray(columns.get("time", np.zeros(0)))
    size = np.asarray(columns.get("size", (1, 1)))
    if size.shape != (2,) or size.dtype.kind not in "iuf" or not ((size >= 1) & (size <= _LARGEST_SIDE)).all():
        problems.append(f"size is {size.tolist()}; expected the picture's (width, height) in pixels")
    frames = len(mesh) if mesh is not None else len(time) if time.ndim else 0
    valid = _valid(columns, mesh, frames, problems)
    time_problem = _time_problem(time, frames) if "time" in columns else ""
    if mesh is not None and valid is not None and not problems:
        problems += _value_problems(mesh, valid, "valid" in columns)
    if problems:
        raise TrackFileError("unusable_track", path, problems + [time_problem] * bool(time_problem))
    if time_problem:
        raise TrackFileError("unusable_times", path, [time_problem])
    assert mesh is not None
    assert valid is not None
    return mesh, valid, time.astype(np.float64), (round(float(size[0])), round(float(size[1])))


def _key_problems(path: Path, columns: Mapping[str, Any]) -> Iterator[str]:
    is_table = path.suffix.lower() != ".npz"
    has = f"it has {', '.join(columns) or 'none'}"
    if "time" not in columns:
        yield f"time is missing; {has}"
    if "size" not in columns:
        yield f"{'width or height is' if is_table else 'size is'} missing; {has}"
    if ("mesh" in columns) == ("mesh_32nds" in columns):
        yield f"exactly one of mesh and mesh_32nds is needed; {has}"


def _mesh(columns: Mapping[str, Any], problems: list[str]) -> np.ndarray | None:
    """The mesh float32 (T, 478, 3), NaN where `mesh_32nds` has no face; None where it cannot be used."""
    name = "mesh" if "mesh" in columns else "mesh_32nds"
    if name not in columns:
        return None
    stored = np.asarray(columns[name])
    kinds = "f" if name == "mesh" else "i"
    if stored.dtype.kind not in kinds:
        expected = "floating-point pixels" if name == "mesh" else "whole 32nds of a pixel (int16)"
        problems.append(f"{name} holds {stored.dtype}; expected {expected}")
        return None
    if stored.ndim != 3 or stored.shape[1:] != (_MESH_POINTS, 3):
        text = "all 478 points of MediaPipe's face mesh with x, y and z; fewer landmarks cannot drive a face"
        problems.append(f"{name} has shape {stored.shape}; expected (frames, 478, 3): {text}")
        return None
    if name == "mesh":
        return np.array(stored, dtype=np.float32)
    is_missing = (stored == _INVALID_32NDS).any(axis=(1, 2))
    mesh = stored.astype(np.float32) / _PARTS_OF_A_PIXEL
    mesh[stored == _INVALID_32NDS] = np.nan
    if "valid" not in columns:
        mesh[is_missing] = np.nan
    return mesh


def _valid(columns: Mapping[str, Any], mesh: np.ndarray | None, frames: int, problems: list[str]) -> np.ndarray | None:
    if "valid" not in columns:
        return None if mesh is None else np.isfinite(mesh).all(axis=(1, 2))
    valid = np.asarray(columns["valid"])
    if valid.dtype != np.bool_ or valid.shape != (frames,):
        problems.append(f"valid holds {valid.dtype} of shape {valid.shape}; expected a truth value for each frame")
        return None
    return valid.copy()


def _time_problem(time: np.ndarray, frames: int) -> str:
    if time.dtype.kind not in "iuf" or time.shape != (frames,):
        return f"time holds {time.dtype} of shape {time.shape}; expected seconds for each of {frames} frames"
    if not np.isfinite(time).all():
        return f"time of frame {np.flatnonzero(~np.isfinite(time))[0]} is not a finite number"
    if frames < 2:
        return f"{count_text(frames, 'frame')}; at least two are needed to know how long a frame lasts"
    steps = np.diff(time.astype(np.float64))
    if (steps <= 0).any():
        frame = int(np.flatnonzero(steps <= 0)[0]) + 1
        moved = "goes back" if steps[frame - 1] < 0 else "stands still"
        times = f"{time[frame - 1]:g} s, then {time[frame]:g} s"
        return f"time {moved} at frame {frame} ({times}), and in {count_text(int((steps <= 0).sum()), 'frame')} in all"
    return ""


def _value_problems(mesh: np.ndarray, valid: np.ndarray, valid_is_stated: bool) -> Iterator[str]:
    finite = np.isfinite(mesh)
    whole = finite.all(axis=(1, 2))
    if valid_is_stated and (broken := valid & ~whole).any():
        frames = np.flatnonzero(broken)
        count = count_text(len(frames), "frame is marked valid and holds", "frames are marked valid and hold")
        yield f"{count} NaN or infinity, the first: frame {frames[0]}"
    if not valid_is_stated and (broken := ~whole & finite.any(axis=(1, 2))).any():
        frames = np.flatnonzero(broken)
        text = "a frame without a face is NaN throughout"
        count = count_text(len(frames), "frame is", "frames are")
        yield f"{count} NaN or infinite in part, the first: frame {frames[0]}; {text}"
    seen = mesh[valid & whole]
    if len(seen):
        width = float(np.median(np.ptp(seen[..., 0], axis=1)))
        if width < _LEAST_FACE_PIXELS:
            remedy = "coordinates are pixels (multiply shares of the picture by its size)"
            yield f"the face is {width:.3g} pixels wide; {remedy}"


def _first_sentence(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
