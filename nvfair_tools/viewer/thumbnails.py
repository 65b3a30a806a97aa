"""Small pictures for the list: a video's first frame with a face, or its landmarks where there is no picture.

Legend: T frames, L landmarks (126), H, W image height and width. Images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import SCHEME_126

SIDE = 224
_MOST_BYTES = 64 * 1024 * 1024
_MARK = "synthetic"


class PictureCache:
    """Pictures in memory, up to a number of bytes; the ones that were asked for longest ago leave first."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._pictures: OrderedDict[object, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], bytes]) -> bytes:
        """The picture with a key, made where it is not in memory."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        picture = make()
        with self._lock:
            if key not in self._pictures:
                self._pictures[key] = picture
                self._bytes += len(picture)
            while self._bytes > self._most:
                self._bytes -= len(self._pictures.popitem(last=False)[1])
        return picture


def video_thumbnail(path: Path, frame: int, *, synthetic: bool) -> bytes:
    """A JPEG of one frame of a video, its longer side SIDE pixels; renderings say `synthetic` in the pixels.

    Raises NvfairError where the file has no such frame or cannot be decoded.
    """
    from nvfair_tools.media import decode
    from nvfair_tools.media.marking import described, mark_picture, resized_picture

    with closing(decode(path)) as frames:  # type: ignore[type-var]
        image = next((taken.image for taken in islice(frames, frame, None)), None)
    if image is None:
        raise NvfairError(f"there is no frame {frame}", where=path)
    picture, out = resized_picture(image, SIDE), io.BytesIO()
    if synthetic:
        picture = mark_picture(picture, _MARK)
    picture.save(out, "JPEG", quality=82, **({"exif": described(_MARK)} if synthetic else {}))
    return out.getvalue()


def portrait_picture(path: Path, side: int) -> bytes:
    """A JPEG of a portrait, its longer side at most `side` pixels. Raises NvfairError where it cannot be read."""
    from PIL import Image

    from nvfair_tools.media.pictures import read_picture

    picture, out = Image.fromarray(read_picture(path)), io.BytesIO()
    picture.thumbnail((side, side))
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def first_face(folder: Path, row: pd.Series) -> int:
    """The first frame of a video that has a face by the stored landmarks; 0 where none has, or they are not known."""
    if not isinstance(row["part"], str) or pd.isna(row["first_row"]):
        return 0
    try:
        valid = _valid_rows(folder / row["part"])
    except (OSError, pa.ArrowException):
        return 0
    faces = np.flatnonzero(valid[int(row["first_row"]) : int(row["first_row"]) + int(row["frames"])])
    return int(faces[0]) if len(faces) else 0


def landmark_thumbnail(landmarks: np.ndarray) -> bytes:
    """An SVG of the first frame (T, L, 2) that has a face; an empty picture where none has."""
    faces = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
    shapes = ""
    if len(faces):
        points = landmarks[faces[0]].astype(np.float64)
        low, high = points.min(axis=0), points.max(axis=0)
        points = (points - (low + high) / 2) / max(float((high - low).max()), 1e-6) * (SIDE * 0.8) + SIDE / 2
        for line in face_lines():
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points[line])
            shapes += f'<polyline points="{path}"/>'
        for x, y in points[SCHEME_126.positions["cheeks"]]:
            shapes += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" fill="none" stroke="#7d8896" '
        f'stroke-width="2" stroke-linejoin="round">{shapes}</svg>'
    ).encode()


def face_lines() -> list[list[int]]:
    """Lines that join the 126 landmarks to a face: lists of landmark numbers, closed ones end where they begin."""
    groups = {name: list(range(place.start, place.stop)) for name, place in SCHEME_126.positions.items()}
    lines = [groups["contour"]]
    for brow in ("right_brow", "left_brow"):
        upper, lower = groups[brow][:5], groups[brow][5:]
        lines.append([*upper, *reversed(lower), upper[0]])
    for eye in ("right_eye", "left_eye"):
        lines.append([*groups[eye], groups[eye][0]])
    lines += [groups["nose"][:6], groups["nose"][6:]]
    for lips, upper_count in (("outer_lips", 11), ("inner_lips", 9)):
        upper, lower = groups[lips][:upper_count], groups[lips][upper_count:]
        # The lower lip runs from the right to the left too, inner lips with both corners.
        lines.append([*upper, *reversed(lower), upper[0]])
    laugh = groups["laugh_lines"]
    return [*lines, laugh[:3], laugh[3:]]


def _valid_rows(part: Path) -> np.ndarray:
    return _valid_column(part, part.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _valid_column(part: Path, _modified: int) -> np.ndarray:
    """Bool (rows,): the column `valid` of a part; 64 parts are kept, 13 MB."""
    return pq.read_table(part, columns=["valid"], partitioning=None).column("valid").to_numpy()
