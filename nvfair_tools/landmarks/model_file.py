"""The model file that MediaPipe's newer landmarker needs: which file it is, and where it lies on this machine.

mediapipe 0.10.21 carries its models in its wheel; later releases carry none, and nothing is ever downloaded here.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from nvfair_tools.errors import NvfairError

MODEL_FILE = "face_landmarker.task"
MODEL_ADDRESS = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
# Of the published file, version 1, Apache-2.0.
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
# The face mesh in the wheel of mediapipe 0.10.21.
BUNDLED_GRAPH = "modules/face_landmark/face_landmark_front_cpu.binarypb"


def default_model_file() -> Path:
    """Where the model file is looked for: `$NVFAIR_LANDMARKER`, else ~/.cache/nvfair/face_landmarker.task."""
    chosen = os.environ.get("NVFAIR_LANDMARKER")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "nvfair" / MODEL_FILE


def needs_model_file() -> bool:
    """Whether the installed mediapipe carries no models of its own; False where there is no mediapipe."""
    found_package = importlib.util.find_spec("mediapipe")
    folders = found_package.submodule_search_locations if found_package is not None else None
    return bool(folders) and not any((Path(folder) / BUNDLED_GRAPH).is_file() for folder in folders or ())


def missing_model_error(path: Path) -> NvfairError:
    """The error of a model file that is not where it should be, with the file's address and hash."""
    return NvfairError(
        "the model file of the landmarker is missing",
        where=path,
        expected=f"MediaPipe's FaceLandmarker bundle ({MODEL_FILE}, 3.8 MB, sha256 {MODEL_SHA256[:12]}...)",
        remedy=f"download {MODEL_ADDRESS} once and put it at {default_model_file()}, or set NVFAIR_LANDMARKER to its "
        "path; Python 3.11 and 3.12 need no file: their mediapipe carries its models",
    )
