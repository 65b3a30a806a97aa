"""Face detectors, which find faces of any size in a picture.

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

_INPUT_SIZE = (640, 640)
_MIN_SCORE = 0.5


@dataclass(frozen=True)
class Detection:
    """One detected face.

    box: float32 (4,). score: 0 to 1. points: float32 (5, 2), the eyes, the nose and the mouth corners, or None.
    """

    box: np.ndarray
    score: float
    points: np.ndarray | None


class Detector(Protocol):
    """Finds faces in single pictures, without any state between them."""

    name: str
    version: str

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Returns every face in `image`, the largest first."""


class Scrfd:
    """The detector SCRFD (Guo et al., ICLR 2022), loaded by insightface from an .onnx file or a pack's folder."""

    name = "scrfd"

    def __init__(self, source: str | Path) -> None:
        model = load_model(source, "detection")
        if model is None:
            raise NvfairError("this folder has no detection model", where=source, expected="a pack with det_*.onnx")
        model.prepare(ctx_id=-1, input_size=_INPUT_SIZE, det_thresh=_MIN_SCORE)
        self._model = model
        self.version = hashlib.sha256(Path(model.model_file).read_bytes()).hexdigest()[:12]

    def detect(self, image: np.ndarray) -> list[Detection]:
        boxes, points = self._model.detect(np.ascontiguousarray(image[:, :, ::-1]))  # insightface expects BGR
        detections = [
            Detection(
                box=np.asarray(box[:4], dtype=np.float32),
                score=float(box[4]),
                points=None if points is None else np.asarray(points[n], dtype=np.float32),
            )
            for n, box in enumerate(boxes)
        ]
        return sorted(detections, key=lambda face: -float(np.prod(face.box[2:] - face.box[:2])))


def create_detector(
    file: str | Path | None = None, *, pack: str = DEFAULT_PACK, root: str | Path = DEFAULT_ROOT
) -> Scrfd:
    """Creates the detector from a SCRFD .onnx `file`, or from the model `pack` under `root`.

    Raises NvfairError where the model is not on disk, with the path to put it at; nothing is ever downloaded.
    """
    return Scrfd(file if file is not None else pack_folder(pack, root))
