"""The recipe's landmarker, detector and recogniser as one picklable value, made anew in each worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nvfair_tools.files import sha256_of
from nvfair_tools.recipe.recipe import Recipe

if TYPE_CHECKING:
    from nvfair_tools.landmarks.landmarker import Landmarker


@dataclass(frozen=True)
class Tracker:
    """What finds faces. kind: of landmarker; model: its file; detector, recogniser: an .onnx file, or the name of an
    insightface pack; None where there is none."""

    kind: str
    model: Path | None
    detector: Path | str | None
    recogniser: Path | str | None

    @classmethod
    def of(cls, recipe: Recipe) -> Tracker:
        """The recipe's."""
        rule = recipe.landmarks
        model = None if rule.model is None else recipe.resolve(rule.model)
        kind = ("facemesh" if model is None else "tasks") if rule.landmarker == "auto" else rule.landmarker
        return cls(kind, model, _file_or_pack(recipe, rule.detector), _file_or_pack(recipe, rule.recogniser))

    def id(self) -> str:
        """What determines its findings but for packages' versions: kind and models."""
        told = [self.kind, self.model if self.kind == "tasks" else None, self.detector, self.recogniser]
        return " ".join(sha256_of(part) if isinstance(part, Path) else str(part or "-") for part in told)

    def make(self) -> Landmarker:
        """The landmarker, behind the detector where there is one. Raises NvfairError, MissingExtra."""
        from nvfair_tools.landmarks.landmarker import create_landmarker

        landmarker = create_landmarker(self.kind, self.model)
        if self.detector is None:
            return landmarker
        from nvfair_tools.faces.detector import Scrfd, create_detector
        from nvfair_tools.landmarks.framed_landmarker import FramedLandmarker

        found = self.detector
        detector: Scrfd = create_detector(found) if isinstance(found, Path) else create_detector(pack=found)
        return FramedLandmarker(landmarker, detector)


def _file_or_pack(recipe: Recipe, named: str | None) -> Path | str | None:
    """A file where there is one of that name, else the name of a pack."""
    if named is None:
        return None
    path = recipe.resolve(named)
    return path if path.is_file() else named
