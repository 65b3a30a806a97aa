"""Finds landmarks of faces that are too small for a landmarker: detects the face, crops, and maps the mesh back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nvfair_tools.faces.framing import Square, box_overlap, crop_square, face_box, square_around, transform_points

if TYPE_CHECKING:
    from nvfair_tools.faces.detector import Detector
    from nvfair_tools.landmarks.landmarker import Landmarker

# The detector runs every so many frames, and in every frame while there is no face.
DETECT_INTERVAL = 25
# The side of a crop in sides of the face's box.
_CROP_SCALE = 2.5
# A crop moves when the face's centre is further from the crop's than this share of its side,
_MAX_OFFSET = 0.3
# or when the size of the face has changed by this factor.
_MAX_SIZE_CHANGE = 1.6
# The smallest crop in pixels; smaller ones are enlarged.
_MIN_CROP_SIZE = 256


class FramedLandmarker:
    """A landmarker that runs another landmarker on a crop around the detected face; itself a `Landmarker`.

    A crop stays in place while the face is well within it, so that tracking inside it continues. Where the face fills
    most of the picture, or the detector sees none, the other landmarker gets the whole picture.
    flags: "several_faces" once the detector has seen more than one face.
    """

    def __init__(self, landmarker: Landmarker, detector: Detector) -> None:
        self.name = f"{landmarker.name}+{detector.name}"
        self.version = f"{landmarker.version}+{detector.version}"
        self.flags: set[str] = set()
        self._landmarker, self._detector = landmarker, detector
        self.start()

    def start(self) -> None:
        self._landmarker.start()
        self.flags = set()
        self._frame = 0
        self._crop: Square | None = None  # None: the whole picture
        self._face: np.ndarray | None = None  # the last box of the face

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        detected = self._face is None or self._frame % DETECT_INTERVAL == 0
        self._frame += 1
        if detected:
            self._detect(image)
        meshes = self._find_in_crop(image)
        if not meshes and not detected and self._detect(image):
            meshes = self._find_in_crop(image)
        boxes = [face_box(mesh) for mesh in meshes]
        last, self._face = self._face, None
        if boxes:
            self._face = boxes[0] if last is None else max(boxes, key=lambda box: _closeness(box, last))
        return meshes

    def close(self) -> None:
        self._landmarker.close()

    def _detect(self, image: np.ndarray) -> bool:
        """Sets the box of the face from the detector; returns whether the detector sees any face."""
        detections = self._detector.detect(image)
        if len(detections) > 1:
            self.flags.add("several_faces")
        if not detections:
            return False
        if self._face is None:
            self._face = detections[0].box
        else:
            last = self._face
            self._face = max((face.box for face in detections), key=lambda box: _closeness(box, last))
        return True

    def _find_in_crop(self, image: np.ndarray) -> list[np.ndarray]:
        """The meshes in the crop around the face, in pixels of the whole picture."""
        around_face = None if self._face is None else square_around(self._face, _CROP_SCALE, 0.0)
        if around_face is None or around_face[1] >= min(image.shape[:2]):
            self._set_crop(None)
            return self._landmarker.find(image)
        if self._crop is None or not _still_fits(self._crop, around_face):
            self._set_crop(around_face)
        assert self._crop is not None
        centre, side = self._crop
        crop, matrix = crop_square(image, centre, side, max(_MIN_CROP_SIZE, round(side)))
        scale = matrix[0, 0]
        inverse = np.array([[1 / scale, 0.0, -matrix[0, 2] / scale], [0.0, 1 / scale, -matrix[1, 2] / scale]])
        return [transform_points(mesh, inverse) for mesh in self._landmarker.find(crop)]

    def _set_crop(self, crop: Square | None) -> None:
        """Changes the crop; the landmarker then starts afresh, because the places that it remembers no longer hold."""
        if crop != self._crop:
            self._crop = crop
            self._landmarker.start()


def _still_fits(crop: Square, around_face: Square) -> bool:
    """Returns whether the face, whose own square is `around_face`, is well within `crop`."""
    (x, y), side = crop
    (face_x, face_y), face_side = around_face
    is_near = max(abs(x - face_x), abs(y - face_y)) <= _MAX_OFFSET * side
    return is_near and 1 / _MAX_SIZE_CHANGE <= face_side / side <= _MAX_SIZE_CHANGE


def _closeness(box: np.ndarray, other: np.ndarray) -> float:
    """The overlap of two boxes; without overlap a value below zero that falls with their distance."""
    distance = float(np.linalg.norm((box[:2] + box[2:] - other[:2] - other[2:]) / 2))
    return box_overlap(box, other) - 1e-6 * distance
