"""Landmarks of faces too small for the landmarker: detect, crop, find the mesh in the crop, map it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nvfair_tools.faces.framing import box_overlap, crop_square, face_box, square_of, transform_points

if TYPE_CHECKING:
    from nvfair_tools.faces.detector import Detector
    from nvfair_tools.landmarks.landmarker import Landmarker

# The detector looks again after so many frames, and in every frame while the face is not found.
DETECT_INTERVAL = 25
# A crop is so many times the face's longer side; it moves when the face has left its inner part or changed size.
_VIEW_SCALE = 2.5
_INNER = 0.3  # share of the side by which the face's centre may be off the crop's
_SIZE_CHANGE = 1.6
_LEAST_SIZE = 256  # pixels of a crop: small ones are enlarged


class FramedLandmarker:
    """A landmarker that looks at a crop around the face a detector found; itself a `Landmarker`.

    A crop stays where it is while the face stays well within it, so that tracking inside it goes on; a face that
    fills most of the picture, or that the detector does not see, is left to the landmarker uncropped.
    flags: "several_faces" once the detector has seen more than one.
    """

    def __init__(self, landmarker: Landmarker, detector: Detector) -> None:
        self.name = f"{landmarker.name}+{detector.name}"
        self.version = f"{landmarker.version}+{detector.version}"
        self.flags: set[str] = set()
        self._landmarker, self._detector = landmarker, detector
        self.start()

    def start(self) -> None:
        """See Landmarker."""
        self._landmarker.start()
        self.flags = set()
        self._frame = 0
        self._view: tuple[tuple[float, float], float] | None = None  # centre and side; None: the whole picture
        self._face: np.ndarray | None = None  # box where it was last found

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        """See Landmarker: the meshes found in the crop, in pixels of the whole picture."""
        detected = self._face is None or self._frame % DETECT_INTERVAL == 0
        self._frame += 1
        if detected:
            self._detect(image)
        meshes = self._in_view(image)
        if not meshes and not detected and self._detect(image):
            meshes = self._in_view(image)
        boxes = [face_box(mesh) for mesh in meshes]
        last, self._face = self._face, None
        if boxes:
            self._face = boxes[0] if last is None else max(boxes, key=lambda box: _closeness(box, last))
        return meshes

    def close(self) -> None:
        """See Landmarker."""
        self._landmarker.close()

    def _detect(self, image: np.ndarray) -> bool:
        found = self._detector.detect(image)
        if len(found) > 1:
            self.flags.add("several_faces")
        if not found:
            return False
        if self._face is None:
            self._face = found[0].box
        else:
            last = self._face
            self._face = max((face.box for face in found), key=lambda box: _closeness(box, last))
        return True

    def _in_view(self, image: np.ndarray) -> list[np.ndarray]:
        wanted = None if self._face is None else square_of(self._face, _VIEW_SCALE, 0.0)
        if wanted is None or wanted[1] >= min(image.shape[:2]):
            self._look(None)
            return self._landmarker.find(image)
        if self._view is None or not _still_good(self._view, wanted):
            self._look(wanted)
        assert self._view is not None
        centre, side = self._view
        crop, matrix = crop_square(image, centre, side, max(_LEAST_SIZE, round(side)))
        scale = matrix[0, 0]
        back = np.array([[1 / scale, 0.0, -matrix[0, 2] / scale], [0.0, 1 / scale, -matrix[1, 2] / scale]])
        return [transform_points(mesh, back) for mesh in self._landmarker.find(crop)]

    def _look(self, view: tuple[tuple[float, float], float] | None) -> None:
        """Another crop is another picture to the landmarker: what it remembers of places no longer holds."""
        if view != self._view:
            self._view = view
            self._landmarker.start()


def _still_good(view: tuple[tuple[float, float], float], wanted: tuple[tuple[float, float], float]) -> bool:
    (x, y), side = view
    (u, v), other = wanted
    near = max(abs(x - u), abs(y - v)) <= _INNER * side
    return near and 1 / _SIZE_CHANGE <= other / side <= _SIZE_CHANGE


def _closeness(box: np.ndarray, other: np.ndarray) -> float:
    """Overlap where there is some, else less the farther apart."""
    distance = float(np.linalg.norm((box[:2] + box[2:] - other[:2] - other[2:]) / 2))
    return box_overlap(box, other) - 1e-6 * distance
