"""The pictures of proposed segments, and groups of segments whose faces are alike.

Legend: N segments, D embedding size; images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.curate.clip_checks.same_person import THRESHOLD
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.recipe.clip_row import Segment
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec

_HEIGHT = 160  # pixels of a picture on the sheet
_BOX = (255, 190, 0)


@dataclass(frozen=True)
class PictureTask:
    """A segment to picture. output, path: the file to write, absolute and relative to the folder."""

    segment: Segment
    output: Path
    path: str


class PictureWorker:
    """Pictures segments by their first, middle and last frames, and embeds the followed face."""

    def __init__(self, spec: LandmarkerSpec) -> None:
        self._landmarker = spec.create()
        self._recogniser = spec.load_recogniser()

    def close(self) -> None:
        """Frees the models of its landmarker."""
        self._landmarker.close()

    def run(self, task: PictureTask) -> ItemResult:
        """Writes one picture. facts: path, bytes, embedding (the unit mean of the followed face's, None without a
        recogniser)."""
        from PIL import Image

        from nvfair_tools.files import atomic_output
        from nvfair_tools.media.spans import decode_span

        segment = task.segment
        assert segment.span is not None
        assert segment.face is not None
        last = len(segment.span) - 1
        chosen = {0, last // 2, last}
        images = [f.image for f in decode_span(segment.footage, segment.span) if f.index in chosen]
        with atomic_output(task.output) as aside:
            Image.fromarray(_strip(images, segment.face)).save(aside, format="JPEG", quality=85)
        return ok(path=task.path, bytes=task.output.stat().st_size, embedding=self._embedding(images, segment.face))

    def _embedding(self, images: Sequence[np.ndarray], face: Sequence[float]) -> list[float] | None:
        from nvfair_tools.faces.framing import box_overlap, face_box
        from nvfair_tools.landmarks.tracking import SAME_FACE_OVERLAP

        if self._recogniser is None:
            return None
        embeddings = []
        for image in images:
            self._landmarker.start()
            meshes = self._landmarker.find(image)
            overlaps = [box_overlap(np.array(face), face_box(mesh)) for mesh in meshes]
            if overlaps and max(overlaps) >= SAME_FACE_OVERLAP:
                embeddings.append(self._recogniser.embed(image, meshes[int(np.argmax(overlaps))]))
        if not embeddings:
            return None
        mean = np.mean(embeddings, axis=0)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(float).tolist()


def _strip(images: Sequence[np.ndarray], face: Sequence[float]) -> np.ndarray:
    """The pictures side by side at one height, the box of the followed face drawn into the first."""
    from PIL import Image, ImageDraw

    pictures = [Image.fromarray(image) for image in images]
    width = max(2, round(pictures[0].width / 160))
    ImageDraw.Draw(pictures[0]).rectangle(tuple(face), outline=_BOX, width=width)
    size = (max(1, round(_HEIGHT * pictures[0].width / pictures[0].height)), _HEIGHT)
    return np.concatenate([np.array(picture.resize(size, Image.Resampling.BICUBIC)) for picture in pictures], axis=1)


def group_faces(embeddings: Mapping[int, Sequence[float]]) -> dict[int, str]:
    """Groups of alike faces, {number: "group 1"}; the largest group comes first, ties by the first number in it.

    embeddings: unit vectors (D,) by the number of the segment. Segments join while the mean cosine between two groups
    is that of one person (average linkage).
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    numbers = sorted(embeddings)
    if len(numbers) < 2:
        return dict.fromkeys(numbers, "group 1")
    vectors = np.array([embeddings[number] for number in numbers])
    distances = np.clip(1 - vectors @ vectors.T, 0, None)[np.triu_indices(len(numbers), 1)]
    labels = fcluster(linkage(distances, "average"), 1 - THRESHOLD, "distance").tolist()
    sizes = Counter(labels)
    ranked = sorted(sizes, key=lambda label: (-sizes[label], labels.index(label)))
    return {number: f"group {ranked.index(label) + 1}" for number, label in zip(numbers, labels, strict=True)}
