"""The recipe's landmarker, detector and recogniser as one picklable value, from which each worker makes its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nvfair_tools.files import sha256_of
from nvfair_tools.recipe.recipe import Recipe

if TYPE_CHECKING:
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
        kind = ("facemesh" if model is None else "tasks") if rule.landmarker == "auto" else rule.landmarker
        return cls(kind, model, _file_or_pack(recipe, rule.detector), _file_or_pack(recipe, rule.recogniser))

    def fingerprint(self) -> str:
        """A text that determines the landmarks found, except for packages' versions: the kind and the models."""
        model = self.model if self.kind == "tasks" else None
        parts = [self.kind, model, self.detector, self.recogniser]
        return " ".join(sha256_of(part) if isinstance(part, Path) else str(part or "-") for part in parts)

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


def _file_or_pack(recipe: Recipe, name: str | None) -> Path | str | None:
    """The file of this name where there is one, else the name itself, which is then that of a pack."""
    if name is None:
        return None
    path = recipe.resolve(name)
    return path if path.is_file() else name
