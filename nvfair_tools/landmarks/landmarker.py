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
from nvfair_tools.landmarks.model_file import default_model_file, needs_model_file

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

    kind, task_file: as in `chosen_landmarker`. Raises NvfairError for an unknown kind or a missing file, MissingExtra
    where mediapipe or one of the system libraries that it needs is absent.
    """
    from nvfair_tools.landmarks.mediapipe import MediapipeFaceMesh, MediapipeTasks

    factories: dict[str, Callable[[], Landmarker]] = {
        "facemesh": MediapipeFaceMesh,
        "tasks": lambda: MediapipeTasks(_required_path(task_file)),
    }
    kind, task_file = chosen_landmarker(kind, task_file)
    if kind not in factories:
        raise NvfairError(f"landmarker {kind!r} is unknown", expected=f"one of {', '.join(KINDS)}")
    return factories[kind]()


def chosen_landmarker(kind: str = "auto", task_file: str | Path | None = None) -> tuple[str, Path | None]:
    """The landmarker that a choice stands for here, with its model file: ("facemesh", None) or ("tasks", file).

    "facemesh" uses the models inside mediapipe 0.10.21's wheel. "tasks" uses mediapipe's Tasks API with `task_file`, a
    FaceLandmarker bundle. "auto" is "tasks" with a task file, else "facemesh" where the installed mediapipe carries its
    models, else "tasks" with the file at `default_model_file`. Any other kind is returned as it is.
    """
    if kind == "auto" and task_file is None:
        return ("tasks", default_model_file()) if needs_model_file() else ("facemesh", None)
    return "tasks" if kind == "auto" else kind, None if task_file is None else Path(task_file)


def _required_path(task_file: str | Path | None) -> Path:
    if task_file is None:
        raise NvfairError(
            "the landmarker 'tasks' needs a model file",
            expected="a FaceLandmarker bundle (face_landmarker.task)",
            remedy="name the file, or use the landmarker 'facemesh' with mediapipe 0.10.21",
        )
    return Path(task_file)
