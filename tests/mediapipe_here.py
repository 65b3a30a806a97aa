"""The installed mediapipe, whichever it is: whether it can find faces here, and its own tables and tracker.

mediapipe 0.10.21 carries its models; later releases need a model file (docs/landmarks.md).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from nvfair_tools.landmarks.model_file import MODEL_FILE, default_model_file, needs_model_file


def skip_without_landmarker(reason: str | None = None) -> None:
    """Skips a test, or the module that calls it, where mediapipe is not installed or has no model."""
    pytest.importorskip("mediapipe", reason=reason)
    if needs_model_file() and not default_model_file().is_file():
        pytest.skip(
            f"mediapipe needs {MODEL_FILE} at {default_model_file()}, or NVFAIR_LANDMARKER",
            allow_module_level=True,
        )


def skip_without_face_mesh() -> None:
    """Skips a test of the models that mediapipe 0.10.21 carries, where another mediapipe is installed, or none."""
    pytest.importorskip("mediapipe")
    if needs_model_file():
        pytest.skip("needs mediapipe 0.10.21, which is for Python up to 3.12")


def connections(part: str) -> set[tuple[int, int]]:
    """The edges of a part of the mesh, such as LIPS or TESSELATION, as mediapipe lists them."""
    if needs_model_file():
        from mediapipe.tasks.python.vision import FaceLandmarksConnections

        return {(edge.start, edge.end) for edge in getattr(FaceLandmarksConnections, f"FACE_LANDMARKS_{part}")}
    from mediapipe.python.solutions import face_mesh_connections

    return set(getattr(face_mesh_connections, f"FACEMESH_{part}"))


def own_tracks(frames: Iterable[np.ndarray]) -> Iterator[Any]:
    """The points of the one face in each frame by mediapipe's own class in tracking mode; None without a face."""
    if needs_model_file():
        from mediapipe import Image, ImageFormat
        from mediapipe.tasks.python import BaseOptions, vision

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(default_model_file())),
            running_mode=vision.RunningMode.VIDEO,
        )
        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            for number, frame in enumerate(frames):
                picture = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(frame))
                faces = landmarker.detect_for_video(picture, 40 * number).face_landmarks
                yield faces[0] if faces else None
        return
    from mediapipe.python.solutions.face_mesh import FaceMesh

    with FaceMesh(static_image_mode=False, refine_landmarks=True, max_num_faces=1) as landmarker:
        for frame in frames:
            faces = landmarker.process(frame).multi_face_landmarks
            yield faces[0].landmark if faces else None
