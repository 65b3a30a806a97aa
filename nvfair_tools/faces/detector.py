"""Finding faces of any size in a picture.

Legend: H, W image height and width; images are uint8 RGB (H, W, 3). A box is left, top, right, bottom in pixels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.insight import DEFAULT_PACK, DEFAULT_ROOT, load_model, pack_folder

_INPUT = (640, 640)
_LEAST_SCORE = 0.5


@dataclass(frozen=True)
class Detection:
    """One face. box: float32 (4,). score: 0 to 1. points: float32 (5, 2) eyes, nose, mouth corners, or None."""

    box: np.ndarray
    score: float
    points: np.ndarray | None


class Detector(Protocol):
    """Finds faces in single pictures; keeps no state from one to the next."""

    name: str
    version: str

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Every face in `image`, the largest first."""


class Scrfd:
    """SCRFD (Guo et al., ICLR 2022) through insightface, from a single .onnx file or a pack's folder."""

    name = "scrfd"

    def __init__(self, source: str | Path) -> None:
        model = load_model(source, "detection")
        if model is None:
            raise NvfairError("this folder has no detection model", where=source, expected="a pack with det_*.onnx")
        model.prepare(ctx_id=-1, input_size=_INPUT, det_thresh=_LEAST_SCORE)
        self._model = model
        self.version = hashlib.sha256(Path(model.model_file).read_bytes()).hexdigest()[:12]

    def detect(self, image: np.ndarray) -> list[Detection]:
        """See Detector."""
        boxes, points = self._model.detect(np.ascontiguousarray(image[:, :, ::-1]))  # it wants BGR
        found = [
            Detection(
                box=np.asarray(box[:4], dtype=np.float32),
                score=float(box[4]),
                points=None if points is None else np.asarray(points[n], dtype=np.float32),
            )
            for n, box in enumerate(boxes)
        ]
        return sorted(found, key=lambda face: -float(np.prod(face.box[2:] - face.box[:2])))


def create_detector(
    file: str | Path | None = None, *, pack: str = DEFAULT_PACK, root: str | Path = DEFAULT_ROOT
) -> Scrfd:
    """The detector of a single SCRFD .onnx `file`, or else of the `pack` under `root`.

    Raises NvfairError, naming the path to put it at, where it is not on disk; nothing is ever downloaded.
    """
    return Scrfd(file if file is not None else pack_folder(pack, root))
