"""The recipe's landmarker, detector and recogniser as one picklable value, from which each worker makes its own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from nvfair_tools.files import sha256_of
from nvfair_tools.landmarks.landmarker import chosen_landmarker
from nvfair_tools.landmarks.model_file import default_model_file, missing_model_error
from nvfair_tools.landmarks.sources_of_points import FACEMESH, TASKS
from nvfair_tools.recipe.recipe import Recipe

if TYPE_CHECKING:
    from nvfair_tools.faces.recogniser import Recogniser
    from nvfair_tools.landmarks.landmarker import Landmarker


@dataclass(frozen=True)
class LandmarkerSpec:
    """Which landmarker finds faces, and with which models.

    kind: "facemesh" or "tasks". model: the landmarker's file. detector, recogniser: an .onnx file, or the name of an
    insightface pack; None where there is none.
    """

    kind: str
    model: Path | None
    detector: Path | str | None
    recogniser: Path | str | None

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> LandmarkerSpec:
        """Reads the key `landmarks` of a recipe; "auto" becomes the landmarker that it stands for."""
        rule = recipe.landmarks
        model = None if rule.model is None else recipe.resolve(rule.model)
        kind, model = chosen_landmarker(rule.landmarker, model)
        return cls(kind, model, _file_or_pack(recipe, rule.detector), _file_or_pack(recipe, rule.recogniser))

    def fingerprint(self) -> str:
        """A text that determines the landmarks found, except for packages' versions: the kind and the models.

        Raises NvfairError where the model file is missing.
        """
        model = self._model_file() if self.kind == "tasks" else None
        parts = [self.kind, model, self.detector, self.recogniser]
        return " ".join(sha256_of(part) if isinstance(part, Path) else str(part or "-") for part in parts)

    def is_installed(self) -> bool:
        """Whether mediapipe is installed, and the model file is where it should be."""
        has_model = self.kind != "tasks" or (self.model is not None and self.model.is_file())
        return bool(package_version("mediapipe")) and has_model

    def source_of_points(self) -> str:
        """The landmarker without its detector, as `source_of_points` writes it. Raises as `fingerprint` does."""
        if self.kind != "tasks":
            return f"{FACEMESH} {package_version('mediapipe')}".strip()
        return f"{TASKS} {sha256_of(self._model_file())[:12]}"

    def _model_file(self) -> Path:
        """The landmarker's file, which is there."""
        if self.model is None or not self.model.is_file():
            raise missing_model_error(self.model or default_model_file())
        return self.model

    def create(self) -> Landmarker:
        """Loads the landmarker, behind the detector where there is one. Raises NvfairError, MissingExtra."""
        from nvfair_tools.landmarks.landmarker import create_landmarker

        landmarker = create_landmarker(self.kind, self.model)
        if self.detector is None:
            return landmarker
        from nvfair_tools.faces.detector import create_detector
        from nvfair_tools.landmarks.framed_landmarker import FramedLandmarker

        source = self.detector
        detector = create_detector(source) if isinstance(source, Path) else create_detector(pack=source)
        return FramedLandmarker(landmarker, detector)

    def load_recogniser(self) -> Recogniser | None:
        """Loads the network that tells faces apart; None where the recipe names none. Raises NvfairError."""
        if self.recogniser is None:
            return None
        from nvfair_tools.faces.insight import pack_folder
        from nvfair_tools.faces.recogniser import Recogniser

        return Recogniser(self.recogniser if isinstance(self.recogniser, Path) else pack_folder(self.recogniser))


def package_version(name: str) -> str:
    """The version of an installed package, "" where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _file_or_pack(recipe: Recipe, name: str | None) -> Path | str | None:
    """The file of this name where there is one, else the name itself, which is then that of a pack."""
    if name is None:
        return None
    path = recipe.resolve(name)
    return path if path.is_file() else name
