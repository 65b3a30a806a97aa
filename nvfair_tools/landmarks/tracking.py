"""From frames to a track: which of the faces found is followed, and what happens where none is.

Legend: T frames, 478 mesh points; meshes are float32 (478, 3), pixels of the video.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.framing import box_area, box_overlap, face_box
from nvfair_tools.landmarks.landmarker import Landmarker
from nvfair_tools.landmarks.track import Track
from nvfair_tools.media import Frame, decode

if TYPE_CHECKING:
    from nvfair_tools.faces.detector import Detector

# Share of the box area of two faces that overlaps (intersection over union).
_SAME_FACE = 0.1  # in two successive frames: any real head movement leaves far more
_TWICE_FOUND = 0.5  # in one frame: one face found twice
# A face elsewhere is accepted as the one to follow after it has stayed there for so long.
_SETTLED_SECONDS = 0.5
# A mesh with more than this share of its points outside the picture is guessed, not seen.
_MOST_OUTSIDE = 0.25


def track_video(path: str | Path, landmarker: Landmarker, detector: Detector | None = None) -> Track:
    """The track of one face through a video file.

    detector: where given, a small face is found by it first, and the landmarker sees a crop around that face.
    Raises MediaError where the file cannot be read to its end (see `nvfair_tools.media.decode`).
    """
    if detector is not None:
        from nvfair_tools.landmarks.framed_landmarker import FramedLandmarker

        landmarker = FramedLandmarker(landmarker, detector)
    frames = decode(path)
    # A file without one whole frame raises here.
    first = next(frames)
    height, width = first.image.shape[:2]
    return track_frames(itertools.chain((first,), frames), landmarker, (width, height))


def track_frames(frames: Iterable[Frame], landmarker: Landmarker, size: tuple[int, int]) -> Track:
    """The track of one face through a clip's frames; every frame has a row.

    size: (width, height) of the frames in pixels. The landmarker is started afresh, so that a track depends on its own
    clip alone. The largest face of the first frame that has any is followed by overlap with where it was last.
    Reasons of rows that are not valid: "no_face": no face in the picture; "lost": the followed face is not found,
    though another, or one elsewhere, is; "out_of_frame": more than a quarter of the mesh lies outside the picture.
    Flags: "several_faces": another face was seen too; "face_jumped": a face that stayed for half a second where
    the followed one was not became the followed one (a cut, or another person: identity is to be checked).
    Raises NvfairError where a frame has another size.
    """
    landmarker.start()
    chooser = _Chooser(size)
    meshes: list[np.ndarray] = []
    reasons: list[str] = []
    times: list[float] = []
    unseen = np.full((478, 3), np.nan, dtype=np.float32)
    for frame in frames:
        if frame.image.shape[:2] != (size[1], size[0]):
            raise NvfairError(
                f"frame {frame.index} has {frame.image.shape[1]}x{frame.image.shape[0]} pixels",
                expected=f"{size[0]}x{size[1]}, the size of the video",
                remedy="cut the video where its size changes",
            )
        mesh, reason = chooser.choose(landmarker.find(frame.image), frame.time)
        meshes.append(unseen if mesh is None else mesh)
        reasons.append(reason)
        times.append(frame.time)
    causes = np.array(reasons, dtype=object)
    return Track(
        mesh=np.stack(meshes) if meshes else np.empty((0, 478, 3), dtype=np.float32),
        valid=causes == "",
        reason=causes,
        time=np.array(times, dtype=np.float64),
        size=size,
        detector=landmarker.name,
        version=landmarker.version,
        flags=tuple(sorted(chooser.flags | set(getattr(landmarker, "flags", ())))),
    )


class _Chooser:
    """Decides frame by frame which face is the followed one."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.flags: set[str] = set()
        self._size = size
        self._last: np.ndarray | None = None  # box of the followed face
        self._elsewhere: tuple[np.ndarray, float] | None = None  # box of a face that may become it; seen since

    def choose(self, found: list[np.ndarray], time: float) -> tuple[np.ndarray | None, str]:
        """The followed face's mesh and "", or None and the reason."""
        faces = _distinct(found)
        if len(faces) > 1:
            self.flags.add("several_faces")
        if not faces:
            self._elsewhere = None
            return None, "no_face"
        face = self._followed(faces, time)
        if face is None:
            return None, "lost"
        mesh, self._last = face
        self._elsewhere = None
        x, y = mesh[:, 0], mesh[:, 1]
        outside = (x < 0) | (y < 0) | (x > self._size[0]) | (y > self._size[1])
        return (None, "out_of_frame") if outside.mean() > _MOST_OUTSIDE else (mesh, "")

    def _followed(self, faces: list[_Face], time: float) -> _Face | None:
        if self._last is None:
            return faces[0]
        overlaps = [box_overlap(self._last, box) for _, box in faces]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= _SAME_FACE:
            return faces[best]
        return self._settled(faces, time)

    def _settled(self, faces: list[_Face], time: float) -> _Face | None:
        """The face that has been elsewhere for long enough, if any."""
        candidate, since = faces[0], time
        if self._elsewhere is not None:
            place, seen = self._elsewhere
            near = [face for face in faces if box_overlap(place, face[1]) >= _SAME_FACE]
            if near:
                candidate, since = near[0], seen
        if time - since >= _SETTLED_SECONDS:
            self.flags.add("face_jumped")
            return candidate
        self._elsewhere = (candidate[1], since)
        return None


_Face = tuple[np.ndarray, np.ndarray]  # mesh, box


def _distinct(meshes: list[np.ndarray]) -> list[_Face]:
    """Faces, the largest first; one that is found twice counts once."""
    faces = sorted(((mesh, face_box(mesh)) for mesh in meshes), key=lambda face: -box_area(face[1]))
    kept: list[_Face] = []
    for face in faces:
        if all(box_overlap(face[1], other[1]) < _TWICE_FOUND for other in kept):
            kept.append(face)
    return kept
