"""MediaPipe's face mesh, and what is read off it: an outside judge of what the pictures show.

Legend: T frames; meshes are float32 (T, 478, 3) in pixels.
"""

import numpy as np

from generators import Face, Framing
from tests.mediapipe_here import own_tracks


def track(frames):
    """The mesh of each frame, or None where no face is found, in tracking mode."""
    frames, meshes = list(frames), []
    for frame, face in zip(frames, own_tracks(frames), strict=True):
        height, width = frame.shape[:2]
        points = face and [(p.x * width, p.y * height, p.z * width) for p in face]
        meshes.append(np.array(points, np.float32) if points else None)
    return meshes


def framed(frames, meshes, framing=None):
    """Square crops of the frames with one fixed frame for all, as Faces."""
    import cv2

    framing = framing or Framing()
    low, high = np.stack(meshes)[..., :2].min(axis=1), np.stack(meshes)[..., :2].max(axis=1)
    side = framing.scale * np.median((high - low).max(axis=1))
    centre = np.median((low + high) / 2, axis=0) + [0, framing.shift_y * side]
    zoom = framing.size / side
    shift = framing.size / 2 - zoom * centre
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    faces = []
    for frame, mesh in zip(frames, meshes, strict=True):
        square = (framing.size, framing.size)
        image = cv2.warpAffine(frame, matrix, square, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
        faces.append(Face(image, (mesh * zoom + [*shift, 0]).astype(np.float32)))
    return faces


def portrait(picture, framing=None):
    """One picture as a framed Face; a few passes let the tracker settle."""
    mesh = track([picture] * 4)[-1]
    assert mesh is not None, "the test's own portrait must show a face"
    return framed([picture], [mesh], framing)[0]


def mouth_opening(meshes):
    """Gap between the lips over the distance between the outer corners of the eyes (T,)."""
    return _length(meshes, 13, 14) / _length(meshes, 33, 263)


def eye_opening(meshes):
    """Mean aperture of both eyes over their widths (T,)."""
    right = sum(_length(meshes, a, b) for a, b in ((160, 144), (159, 145), (158, 153))) / _length(meshes, 33, 133)
    left = sum(_length(meshes, a, b) for a, b in ((387, 373), (386, 374), (385, 380))) / _length(meshes, 263, 362)
    return (right + left) / 6


def head_angles(meshes):
    """Yaw, pitch and roll in degrees (T, 3), from the directions eye-to-eye and forehead-to-nose."""
    x = _direction(meshes, (33, 133, 127, 234), (263, 362, 356, 454))
    y = _direction(meshes, (10, 151, 9), (2, 94, 4))
    yaw = np.arcsin(np.clip(-x[:, 2], -1, 1))
    return np.degrees(np.stack([yaw, np.arcsin(np.clip(y[:, 2], -1, 1)), np.arctan2(x[:, 1], x[:, 0])], axis=1))


def correlation(a, b):
    """Pearson's; 0 where either does not move: a picture that stands still follows nothing."""
    return 0.0 if min(a.std(), b.std()) < 1e-9 else float(np.corrcoef(a, b)[0, 1])


def _length(meshes, a, b):
    return np.linalg.norm(meshes[:, a] - meshes[:, b], axis=-1)


def _direction(meshes, start, end):
    step = meshes[:, list(end)].mean(axis=1) - meshes[:, list(start)].mean(axis=1)
    return step / np.linalg.norm(step, axis=1, keepdims=True)
