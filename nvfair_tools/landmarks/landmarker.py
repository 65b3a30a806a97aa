"""The interface of landmarkers, which find the 478 points of MediaPipe's face mesh in a picture.

Legend: H, W image height and width; images are uint8 RGB (H, W, 3); a mesh is float32 (478, 3): x, y in pixels of that
image, z in the same unit and smaller nearer to the camera.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from nvfair_tools.errors import NvfairError

KINDS = ("auto", "facemesh", "tasks")


class Landmarker(Protocol):
    """Finds the meshes of faces in the frames of clips, one clip after the other.

    name, version: recorded in every track that the landmarker makes.
    """

    name: str
    version: str

    def start(self) -> None:
        """Begins a clip: earlier frames no longer influence the results."""

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        """Returns the meshes of the faces in the clip's next frame, in no particular order."""

    def close(self) -> None:
        """Frees the models; the landmarker cannot be used afterwards."""


def create_landmarker(kind: str = "auto", task_file: str | Path | None = None) -> Landmarker:
    """Creates a landmarker.

    kind: "facemesh" uses the models inside mediapipe 0.10.21's wheel; "tasks" uses mediapipe's Tasks API with
    `task_file` (a FaceLandmarker bundle, any mediapipe); "auto" is "tasks" with a task file, else "facemesh".
    Raises NvfairError for an unknown kind or a missing file, MissingExtra where mediapipe or one of the system
    libraries that it needs is absent.
    """
    from nvfair_tools.landmarks.mediapipe import MediapipeFaceMesh, MediapipeTasks

    factories: dict[str, Callable[[], Landmarker]] = {
        "facemesh": MediapipeFaceMesh,
        "tasks": lambda: MediapipeTasks(_required_path(task_file)),
    }
    if kind == "auto":
        kind = "facemesh" if task_file is None else "tasks"
    if kind not in factories:
        raise NvfairError(f"landmarker {kind!r} is unknown", expected=f"one of {', '.join(KINDS)}")
    return factories[kind]()


def _required_path(task_file: str | Path | None) -> Path:
    if task_file is None:
        raise NvfairError(
            "the landmarker 'tasks' needs a model file",
            expected="a FaceLandmarker bundle (face_landmarker.task)",
            remedy="name the file, or use the landmarker 'facemesh' with mediapipe 0.10.21",
        )
    return Path(task_file)
