"""Whether a clip shows one person from beginning to end.

Legend: K pictures taken from a clip, D embedding size.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.insight import load_model
from nvfair_tools.landmarks.track import Track
from nvfair_tools.media import decode

NOT_CHECKED, CHANGES = "identity_not_checked", "identity_changes"

# Mesh points for ArcFace's five: the irises' centres, the tip of the nose, the corners of the mouth.
_FIVE = (468, 473, 4, 61, 291)
# Below this cosine two pictures are taken for two people. Pictures of one person within one clip lie far above it,
# those of two people about zero; it is our choice, not a calibrated operating point.
THRESHOLD = 0.3


@dataclass(frozen=True)
class IdentityCheck:
    """frames: indices (K,) of the pictures compared. least_similarity: lowest cosine of any two of them; NaN for
    fewer than two. same: whether none lies below the threshold; None for fewer than two."""

    frames: np.ndarray
    least_similarity: float
    same: bool | None


class Recogniser:
    """An ArcFace-style recognition model (Deng et al., CVPR 2019) through insightface, a file or a pack's folder."""

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
        """The unit embedding, float32 (D,), of the face with `mesh` (478, 3) in `image`, uint8 RGB (H, W, 3)."""
        from insightface.utils.face_align import norm_crop

        five = np.asarray(mesh, dtype=np.float32)[list(_FIVE), :2]
        assert self._model is not None
        size = self._model.input_size[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # insightface calls an old name of scikit-image's
            crop = norm_crop(np.ascontiguousarray(image[:, :, ::-1]), landmark=five, image_size=size)
        embedding = np.asarray(self._model.get_feat(crop), dtype=np.float32).reshape(-1)
        return embedding / max(float(np.linalg.norm(embedding)), 1e-12)


def check_identity(path: str | Path, track: Track, recogniser: Recogniser, pictures: int = 8) -> IdentityCheck:
    """Compares `pictures` frames spread evenly over the track's valid ones."""
    valid = np.flatnonzero(track.valid)
    chosen = np.unique(valid[np.linspace(0, len(valid) - 1, min(pictures, len(valid))).round().astype(int)])
    wanted = set(chosen.tolist())
    embeddings = [
        recogniser.embed(frame.image, track.mesh[frame.index]) for frame in decode(path) if frame.index in wanted
    ]
    if len(embeddings) < 2:
        return IdentityCheck(chosen, float("nan"), None)
    stacked = np.stack(embeddings)
    # Of pairs, not of each with the mean: the mean of two people in equal parts resembles both.
    least = float((stacked @ stacked.T).min())
    return IdentityCheck(chosen, least, least >= THRESHOLD)


def flag_identity(path: str | Path, track: Track, recogniser: Recogniser | None) -> Track:
    """The track, flagged "identity_not_checked" (no recogniser, or too few frames) or "identity_changes"."""
    same = None if recogniser is None else check_identity(path, track, recogniser).same
    flags = set(track.flags) - {NOT_CHECKED, CHANGES}
    if not same:
        flags.add(NOT_CHECKED if same is None else CHANGES)
    return replace(track, flags=tuple(sorted(flags)))
