"""A network that tells faces apart by their pictures.

Legend: H, W image height and width, D embedding size.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.insight import load_model

# Mesh indices of ArcFace's five points: the irises' centres, the tip of the nose, the corners of the mouth.
_ARCFACE_POINTS = (468, 473, 4, 61, 291)


class Recogniser:
    """An ArcFace-style recognition model (Deng et al., CVPR 2019), run by insightface.

    source: an .onnx file or a pack's folder. Raises NvfairError where it holds no recognition model.
    """

    def __init__(self, source: str | Path) -> None:
        self._model = load_model(source, "recognition")
        if self._model is None:
            raise NvfairError(
                "this pack has no recognition model",
                where=source,
                expected="a pack such as buffalo_l, with w600k_r50.onnx",
                remedy="use such a pack, or none: clips are then flagged as not checked",
            )

    def embed(self, image: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Computes a face's unit embedding, float32 (D,). image: uint8 RGB (H, W, 3). mesh: (478, 3) of the face."""
        return self.embed_points(image, np.asarray(mesh, dtype=np.float32)[list(_ARCFACE_POINTS), :2])

    def embed_points(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Does the same as `embed` by ArcFace's five points (5, 2) in pixels: eyes, tip of the nose, mouth corners."""
        from insightface.utils.face_align import norm_crop

        assert self._model is not None
        size = self._model.input_size[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # insightface calls an old name of scikit-image's
            # insightface expects BGR.
            crop = norm_crop(np.ascontiguousarray(image[:, :, ::-1]), landmark=points, image_size=size)
        embedding = np.asarray(self._model.get_feat(crop), dtype=np.float32).reshape(-1)
        return embedding / max(float(np.linalg.norm(embedding)), 1e-12)
