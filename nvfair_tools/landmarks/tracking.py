"""Makes a track from frames: finds faces, follows one of them, and gives the reason where it is missing.

Legend: T frames, 478 mesh points; meshes are float32 (478, 3), pixels of the video.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.framing import box_area, box_overlap, face_box
from nvfair_tools.landmarks.landmarker import Landmarker
from nvfair_tools.landmarks.track import Track
from nvfair_tools.media import Frame, decode

if TYPE_CHECKING:
    from nvfair_tools.faces.detector import Detector

# Overlaps of the boxes of two faces (intersection over union) from which on they are taken for one face:
SAME_FACE_OVERLAP = 0.1  # in two successive frames (any real head movement leaves far more)
_DUPLICATE_OVERLAP = 0.5  # in one frame
# A face elsewhere becomes the followed one after it has stayed there for so long.
_SETTLED_SECONDS = 0.5
# A mesh with more than this share of its points outside the picture is guessed, not seen.
MAX_OUTSIDE = 0.25

_Face = tuple[np.ndarray, np.ndarray]  # mesh, box


class FrameObserver(Protocol):
    """Sees every frame of a clip with the faces in it, while the clip is tracked."""

    def add(self, frame: Frame, mesh: np.ndarray | None, faces: list[np.ndarray]) -> None:
        """Takes the next frame. mesh: (478, 3) of the followed face, None where it is not valid. faces: the boxes (4,)
        of all faces in the picture, the largest first."""


def track_video(path: str | Path, landmarker: Landmarker, detector: Detector | None = None) -> Track:
    """Tracks one face through a video file.

    detector: for small faces; it finds the face first, and the landmarker then sees a crop around it.
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


def track_frames(
    frames: Iterable[Frame],
    landmarker: Landmarker,
    size: tuple[int, int],
    *,
    face: np.ndarray | None = None,
    observer: FrameObserver | None = None,
) -> Track:
    """Tracks one face through the frames of a clip; every frame has a row.

    size: (width, height) of the frames in pixels. face: the box (4,) of the followed face in the first frame; without
    it, the largest face of the first frame with faces is chosen. From then on it is the face whose box overlaps most
    with the last box of the chosen face. The landmarker starts afresh, so that a track depends on its own clip alone.
    observer: sees the frames too, so that what is measured in them needs no decoding of its own.
    Reasons of rows that are not valid: "no_face": no face in the picture; "lost": there are faces, but not where the
    followed face was; "out_of_frame": more than a quarter of the mesh lies outside the picture.
    Flags: "several_faces": another face was seen too; "face_jumped": a face that stayed elsewhere for half a second
    became the followed one (after a cut, or another person: the identity must be checked).
    Raises NvfairError where a frame has another size.
    """
    meshes: list[np.ndarray] = []
    reasons: list[str] = []
    times: list[float] = []
    flags: set[str] = set()
    missing = np.full((478, 3), np.nan, dtype=np.float32)
    for tracked in follow_face(frames, landmarker, size, face=face):
        if observer is not None:
            observer.add(tracked.frame, tracked.mesh, tracked.boxes)
        meshes.append(missing if tracked.mesh is None else tracked.mesh)
        reasons.append(tracked.reason)
        times.append(tracked.frame.time)
        flags |= tracked.flags
    reason_column = np.array(reasons, dtype=object)
    return Track(
        mesh=np.stack(meshes) if meshes else np.empty((0, 478, 3), dtype=np.float32),
        valid=reason_column == "",
        reason=reason_column,
        time=np.array(times, dtype=np.float64),
        size=size,
        detector=landmarker.name,
        version=landmarker.version,
        flags=tuple(sorted(flags | set(getattr(landmarker, "flags", ())))),
    )


@dataclass(frozen=True)
class TrackedFrame:
    """A frame with the followed face.

    mesh: float32 (478, 3) in pixels; None where it is not valid. reason: why not, as in `track_frames`. boxes: (4,) of
    all faces in the picture, the largest first. flags: those of the clip up to this frame.
    """

    frame: Frame
    mesh: np.ndarray | None
    reason: str
    boxes: list[np.ndarray]
    flags: frozenset[str]


def follow_face(
    frames: Iterable[Frame], landmarker: Landmarker, size: tuple[int, int], *, face: np.ndarray | None = None
) -> Iterator[TrackedFrame]:
    """Follows one face through frames, one after another: nothing but the present frame is kept.

    Arguments and errors are those of `track_frames`, which puts the frames of a whole clip together.
    """
    landmarker.start()
    follower = _FaceFollower(size, face)
    for frame in frames:
        if frame.image.shape[:2] != (size[1], size[0]):
            raise NvfairError(
                f"frame {frame.index} has {frame.image.shape[1]}x{frame.image.shape[0]} pixels",
                expected=f"{size[0]}x{size[1]}, the size of the video",
                remedy="cut the video where its size changes",
            )
        faces = distinct_faces(landmarker.find(frame.image))
        mesh, reason = follower.choose(faces, frame.time)
        yield TrackedFrame(frame, mesh, reason, [box for _, box in faces], frozenset(follower.flags))


class _FaceFollower:
    """Chooses the followed face, frame by frame."""

    def __init__(self, size: tuple[int, int], face: np.ndarray | None) -> None:
        self.flags: set[str] = set()
        self._size = size
        self._last_box = face
        self._elsewhere: tuple[np.ndarray, float] | None = None  # box of a face that may be followed next; first time

    def choose(self, faces: list[_Face], time: float) -> tuple[np.ndarray | None, str]:
        """The followed face's mesh and "", or None and the reason. faces: distinct ones, the largest first."""
        if len(faces) > 1:
            self.flags.add("several_faces")
        if not faces:
            self._elsewhere = None
            return None, "no_face"
        face = self._followed_face(faces, time)
        if face is None:
            return None, "lost"
        mesh, self._last_box = face
        self._elsewhere = None
        x, y = mesh[:, 0], mesh[:, 1]
        outside = (x < 0) | (y < 0) | (x > self._size[0]) | (y > self._size[1])
        return (None, "out_of_frame") if outside.mean() > MAX_OUTSIDE else (mesh, "")

    def _followed_face(self, faces: list[_Face], time: float) -> _Face | None:
        if self._last_box is None:
            return faces[0]
        overlaps = [box_overlap(self._last_box, box) for _, box in faces]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= SAME_FACE_OVERLAP:
            return faces[best]
        return self._settled_face(faces, time)

    def _settled_face(self, faces: list[_Face], time: float) -> _Face | None:
        """The face that has stayed elsewhere for long enough, or None."""
        candidate, since = faces[0], time
        if self._elsewhere is not None:
            last_box, first_time = self._elsewhere
            nearby = [face for face in faces if box_overlap(last_box, face[1]) >= SAME_FACE_OVERLAP]
            if nearby:
                candidate, since = nearby[0], first_time
        if time - since >= _SETTLED_SECONDS:
            self.flags.add("face_jumped")
            return candidate
        self._elsewhere = (candidate[1], since)
        return None


def distinct_faces(meshes: list[np.ndarray]) -> list[_Face]:
    """The faces (mesh, box) without duplicates, the largest first."""
    faces = sorted(((mesh, face_box(mesh)) for mesh in meshes), key=lambda face: -box_area(face[1]))
    distinct: list[_Face] = []
    for face in faces:
        if all(box_overlap(face[1], other[1]) < _DUPLICATE_OVERLAP for other in distinct):
            distinct.append(face)
    return distinct
