"""The landmarkers of MediaPipe: its two interfaces to the same face mesh, both as a `Landmarker`.

Tracking one face costs two thirds of a search for several faces in every frame (measured). So both landmarkers track
one face, and search the whole picture for others in the first frame and in every `SURVEY_INTERVAL`-th frame. Once there
is a second face, they track several until the clip ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.landmarks.model_file import BUNDLED_GRAPH, MODEL_FILE, default_model_file, missing_model_error

SURVEY_INTERVAL = 25
MAX_FACES = 4

# The graphs of a landmarker: one tracks one face, one tracks several, one searches single pictures.
Role = Literal["one", "several", "survey"]

# The confidence that a face must reach in the wheel's face mesh to be found and to be followed.
_DETECTION = "facedetectionshortrangecpu__facedetectionshortrange__facedetection__TensorsToDetectionsCalculator"
_THRESHOLDS = {f"{_DETECTION}.min_score_thresh": 0.5, "facelandmarkcpu__ThresholdingCalculator.threshold": 0.5}

_BLACK = np.zeros((64, 64, 3), np.uint8)

# System libraries that mediapipe's opencv loads -> the Debian packages that contain them.
_SYSTEM_LIBRARIES = {
    "libGL.so": "libgl1",
    "libgthread": "libglib2.0-0",
    "libglib": "libglib2.0-0",
    "libEGL": "libegl1",
    "libGLES": "libgles2",
}


class _FaceTracker(ABC):
    """Tracks one face, or several once there are several; a subclass opens and runs MediaPipe's graphs."""

    def __init__(self) -> None:
        self._graphs: dict[Role, Any] = {}
        self._frame = 0
        self._several = False

    def start(self) -> None:
        # To open a graph costs as much as seven frames.
        for role, graph in list(self._graphs.items()):
            if not self._forgets(role, graph):
                self._graphs.pop(role).close()
        self._frame, self._several = 0, False

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        """Raises NvfairError where `image` is not uint8 (H, W, 3)."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise NvfairError(f"the image is {image.dtype} {image.shape}", expected="uint8 RGB (H, W, 3)")
        image = np.ascontiguousarray(image)
        if not self._several and self._frame % SURVEY_INTERVAL == 0:
            self._several = len(self._meshes("survey", image)) > 1
        meshes = self._meshes("several" if self._several else "one", image)
        self._frame += 1
        return meshes

    def close(self) -> None:
        for graph in self._graphs.values():
            graph.close()
        self._graphs = {}

    def _meshes(self, role: Role, image: np.ndarray) -> list[np.ndarray]:
        height, width = image.shape[:2]
        scale = np.array([width, height, width], dtype=np.float64)
        if role in self._graphs:
            faces = self._run(self._graphs[role], image)
        else:
            # MediaPipe writes several lines to the terminal when a graph takes its first picture.
            with quiet_stderr():
                self._graphs[role] = self._open(role)
                faces = self._run(self._graphs[role], image)
        return [
            (np.array([(p.x, p.y, p.z) for p in points], dtype=np.float64) * scale).astype(np.float32)
            for points in faces
        ]

    @abstractmethod
    def _open(self, role: Role) -> Any: ...

    @abstractmethod
    def _forgets(self, role: Role, graph: Any) -> bool:
        """Makes an open graph forget all that it has seen; whether it has."""

    @abstractmethod
    def _run(self, graph: Any, image: np.ndarray) -> list[Any]:
        """Returns the points of each face, with x and z as fractions of the width and y as fractions of the height."""


class MediapipeFaceMesh(_FaceTracker):
    """The refined face mesh (478 points) of mediapipe 0.10.21, whose wheel contains its models."""

    name = "mediapipe-facemesh"

    def __init__(self) -> None:
        super().__init__()
        mediapipe = import_mediapipe()
        if not hasattr(mediapipe, "solutions"):
            raise NvfairError(
                f"mediapipe {mediapipe.__version__} carries no face-mesh model",
                expected="mediapipe 0.10.21, the last release that does",
                remedy=f"on Python 3.11 or 3.12: pip install mediapipe==0.10.21; else use the landmarker 'tasks' with "
                f"the file {MODEL_FILE} at {default_model_file()}",
            )
        self.version = mediapipe.__version__
        self._class = importlib.import_module("mediapipe.python.solution_base").SolutionBase
        graphs = importlib.import_module("mediapipe.framework.calculator_pb2")
        # The graph of mediapipe.solutions.face_mesh.FaceMesh with its settings, but run by the thread that asks. That
        # class starts a thread a core for each graph, which hand each picture on to each other several times.
        graph_file = Path(mediapipe.__file__).parent / BUNDLED_GRAPH
        self._graph = graphs.CalculatorGraphConfig.FromString(graph_file.read_bytes())
        self._graph.executor.add().type = "ApplicationThreadExecutor"

    def _open(self, role: Role) -> Any:
        return self._class(
            graph_config=self._graph,
            side_inputs={
                "num_faces": 1 if role == "one" else MAX_FACES,
                "with_attention": True,
                "use_prev_landmarks": role != "survey",
            },
            calculator_params=_THRESHOLDS,
            outputs=["multi_face_landmarks"],
        )

    def _forgets(self, role: Role, graph: Any) -> bool:
        # All that it keeps are the faces of the picture before: after a picture without any it is as new.
        return role == "survey" or not self._run(graph, _BLACK)

    def _run(self, graph: Any, image: np.ndarray) -> list[Any]:
        return [face.landmark for face in graph.process({"image": image}).multi_face_landmarks or ()]


class MediapipeTasks(_FaceTracker):
    """The face mesh of mediapipe's Tasks API, with a FaceLandmarker bundle from disk."""

    name = "mediapipe-tasks"

    def __init__(self, task_file: Path) -> None:
        super().__init__()
        if not task_file.is_file():
            raise missing_model_error(task_file)
        self._mediapipe = import_mediapipe()
        self._vision = importlib.import_module("mediapipe.tasks.python.vision")
        self._class = _ends_quietly(self._vision.FaceLandmarker)
        self._base = importlib.import_module("mediapipe.tasks.python").BaseOptions
        self._model = task_file.read_bytes()
        self.version = f"{self._mediapipe.__version__}+{hashlib.sha256(self._model).hexdigest()[:12]}"
        self._survey: Any = None
        try:
            with quiet_stderr():
                self._open("survey").close()
        except (RuntimeError, ValueError) as error:
            raise NvfairError(
                f"mediapipe cannot read this model file: {error}",
                where=task_file,
                expected="a FaceLandmarker bundle (face_landmarker.task)",
            ) from error

    def _open(self, role: Role) -> Any:
        modes = self._vision.RunningMode
        options = self._vision.FaceLandmarkerOptions(
            base_options=self._base(model_asset_buffer=self._model),
            running_mode=modes.IMAGE if role == "survey" else modes.VIDEO,
            num_faces=1 if role == "one" else MAX_FACES,
        )
        graph = self._vision.FaceLandmarker.create_from_options(options)
        graph.__class__ = self._class  # which the function that makes it does not ask for
        if role == "survey":
            self._survey = graph
        return graph

    def _forgets(self, role: Role, graph: Any) -> bool:
        return role == "survey"  # the others smooth over time

    def _run(self, graph: Any, image: np.ndarray) -> list[Any]:
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=image)
        if graph is self._survey:
            return graph.detect(picture).face_landmarks
        # Times only have to rise; a fixed step keeps the result independent of the clip's frame rate.
        return graph.detect_for_video(picture, self._frame * 40).face_landmarks


def _ends_quietly(landmarker: type[Any]) -> type[Any]:
    """MediaPipe's class, whose objects no longer complain where the interpreter ends before they are closed.

    From 0.10.30 on an object closes itself when it is deleted, by a thread that an ending interpreter has stopped.
    """

    class QuietLandmarker(landmarker):
        def __del__(self, is_ending: Callable[[], bool] = sys.is_finalizing) -> None:
            if not is_ending() and hasattr(landmarker, "__del__"):
                with contextlib.suppress(RuntimeError):  # "cannot schedule new futures after shutdown"
                    super().__del__()  # type: ignore[misc]

    return QuietLandmarker


def import_mediapipe() -> Any:
    """Imports mediapipe.

    Raises MissingExtra, which names the pip extra, where it is not installed; NvfairError, which names the Debian
    packages, where a system library is missing.
    """
    try:
        with quiet_stderr():
            return importlib.import_module("mediapipe")
    except ImportError as error:
        for library, package in _SYSTEM_LIBRARIES.items():
            if library in str(error):
                raise NvfairError(
                    f"mediapipe needs the system library {library}, which is missing: {error}",
                    remedy="apt-get install libgl1 libglib2.0-0"
                    + ("" if package in ("libgl1", "libglib2.0-0") else f" {package}"),
                ) from error
        raise MissingExtra("mediapipe", "curate", str(error)) from error


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keeps output of native code to file descriptor 2 off the terminal; where the body fails, prints it after all.

    The descriptor belongs to the whole process, so the output of other threads is also kept back.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(terminal, 2)
            captured.seek(0)
            os.write(2, captured.read()[-4000:])
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
