"""Whether a landmarker can be loaded, without loading it: mediapipe's files, its model, the system's libraries.

To load it takes seconds. Here its native code alone is opened, which is where a missing system library shows.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import zipfile
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.landmarks.landmarker import chosen_landmarker
from nvfair_tools.landmarks.model_file import BUNDLED_GRAPH, MODEL_ADDRESS, missing_model_error

# What mediapipe's wheel has where the face mesh is in it, relative to the package.
_FACE_MESH = ("python/solution_base.py", BUNDLED_GRAPH)
_NATIVE_CODE = ("python/*.so", "tasks/c/*.so")  # of 0.10.21, and of later releases
_TOPIC = "landmarker"
_LIBRARIES_REMEDY = "apt-get install libgl1 libglib2.0-0 libegl1 libgles2, or what these are called on this system"


def check_landmarker_files(kind: str = "auto", task_file: str | Path | None = None) -> MachineFinding:
    """Whether the landmarker that `create_landmarker` would make of these arguments has all its files."""
    packages = check_packages("curate", ("mediapipe",))
    if packages.level != "ok":
        return packages
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or spec.origin is None:
        return MachineFinding("error", _TOPIC, "mediapipe has no files", "pip install --force-reinstall mediapipe")
    package = Path(spec.origin).parent
    if problem := _library_problem(package):
        return MachineFinding("error", _TOPIC, f"a system library is missing: {problem}", _LIBRARIES_REMEDY)
    kind, task_file = chosen_landmarker(kind, task_file)
    if kind == "tasks":
        return _check_task_file(task_file)
    if missing := [name for name in _FACE_MESH if not (package / name).is_file()]:
        text = f"this mediapipe carries no face-mesh model ({missing[0]} is not in it)"
        remedy = "pip install mediapipe==0.10.21 (Python 3.11 or 3.12), or choose the landmarker 'tasks'"
        return MachineFinding("error", _TOPIC, text, remedy)
    return MachineFinding("ok", _TOPIC, f"mediapipe with its face mesh, in {package}")


def _check_task_file(task_file: str | Path | None) -> MachineFinding:
    remedy = f"download {MODEL_ADDRESS} once, and name its path"
    if task_file is None:
        return MachineFinding("error", _TOPIC, "the landmarker 'tasks' needs a model file", remedy)
    if not Path(task_file).is_file():
        error = missing_model_error(Path(task_file))
        return MachineFinding("error", _TOPIC, f"no such model file: {task_file}", error.remedy)
    if not zipfile.is_zipfile(task_file):
        return MachineFinding("error", _TOPIC, f"{task_file} is no FaceLandmarker bundle", remedy)
    return MachineFinding("ok", _TOPIC, str(task_file))


def _library_problem(package: Path) -> str:
    """What the loader says of mediapipe's and opencv's native code; "" where all of it can be loaded."""
    try:
        importlib.import_module("cv2")
        for path in sorted(path for pattern in _NATIVE_CODE for path in package.glob(pattern)):
            ctypes.CDLL(str(path))
    except (ImportError, OSError) as error:
        return str(error)
    return ""
