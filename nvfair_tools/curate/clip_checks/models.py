"""The networks that the key `clip_checks` of a recipe measures clips with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.detector import Scrfd
from nvfair_tools.faces.insight import load_model, pack_folder
from nvfair_tools.faces.recogniser import Recogniser
from nvfair_tools.files import sha256_of
from nvfair_tools.quality.clip_measures import VERSION, ClipMeter
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.recipe import Recipe


@dataclass(frozen=True)
class ClipModels:
    """Files or pack folders of a face detector and a recogniser; None where there is none.

    A folder may lack one of them: then it is as if it were None.
    """

    detector: Path | None = None
    recogniser: Path | None = None

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> ClipModels:
        """Those of `clip_checks: pack`, else those of `landmarks`. Raises NvfairError where one is not on disk."""
        rule = recipe.clip_checks
        if rule is None or rule.pack is None:
            spec = LandmarkerSpec.from_recipe(recipe)
            return cls(_on_disk(spec.detector), _on_disk(spec.recogniser))
        path = recipe.resolve(rule.pack)
        if path.is_file():
            is_detector = _is_model_for(path, "detection")
            return cls(path, None) if is_detector else cls(None, path)
        folder = path if path.is_dir() else pack_folder(rule.pack)
        if not any(folder.glob("*.onnx")):
            raise NvfairError("this folder holds no .onnx file", where=folder, expected="an InsightFace pack")
        return cls(folder, folder)

    @cached_property
    def method(self) -> str:
        """What clips are measured with: version of the measures, and the networks' files by name and content."""
        return ", ".join([VERSION, *(_files_text(source) for source in (self.detector, self.recogniser))])

    def load(self) -> LoadedModels:
        """Loads the networks. Raises NvfairError where a file is not a model, MissingExtra without insightface."""
        detector = recogniser = None
        if self.detector is not None and (not self.detector.is_dir() or load_model(self.detector, "detection")):
            detector = Scrfd(self.detector)
        if self.recogniser is not None and (not self.recogniser.is_dir() or load_model(self.recogniser, "recognition")):
            recogniser = Recogniser(self.recogniser)
        return LoadedModels(detector, recogniser)


@dataclass(frozen=True)
class LoadedModels:
    """The networks themselves; None where there is none."""

    detector: Scrfd | None
    recogniser: Recogniser | None

    def meter(self, frames: int) -> ClipMeter:
        """Makes a meter for a clip of so many frames."""
        return ClipMeter(frames, self.detector, self.recogniser)


def _is_model_for(path: Path, task: str) -> bool:
    try:
        return load_model(path, "detection" if task == "detection" else "recognition") is not None
    except NvfairError:
        return False


def _on_disk(source: Path | str | None) -> Path | None:
    return pack_folder(source) if isinstance(source, str) else source


def _files_text(source: Path | None) -> str:
    if source is None:
        return "-"
    files = sorted(source.glob("*.onnx")) if source.is_dir() else [source]
    return " ".join(f"{file.name} {sha256_of(file)[:12]}" for file in files)
