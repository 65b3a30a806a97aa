"""The clips of the study: their tracks, each person's portrait, and drivers framed as a build frames them.

Legend: T frames; meshes are float32 (T, 478, 3) pixels.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from generators.face import Face, Framing
from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.framing import clip_crop, crop_square, frame_face, transform_points
from nvfair_tools.faces.frontality import pose_costs
from nvfair_tools.files import make_folder
from nvfair_tools.landmarks.landmarker import chosen_landmarker, create_landmarker
from nvfair_tools.media import decode

NEUTRAL = "neutral"
COLUMNS = ("path", "person", "emotion")


@dataclass(frozen=True)
class EmotionClip:
    """A clip of one person who acts one emotion; every `step`-th frame is used."""

    path: Path
    person: str
    emotion: str
    step: int
    cache: Path

    @cached_property
    def frames(self) -> list[np.ndarray]:
        """The used frames, uint8 RGB (H, W, 3)."""
        return [frame.image for frame in decode(self.path) if frame.index % self.step == 0]

    @cached_property
    def mesh(self) -> np.ndarray:
        """The face in each used frame, from the cache where it is there. Raises NvfairError for a frame without one."""
        file = self.cache / f"{self.path.stem}-step{self.step}-{chosen_landmarker()[0]}.npy"
        if not file.exists():
            np.save(make_folder(self.cache) / file.name, track(self.frames, str(self.path)))
        return np.load(file)

    def driving(self, framing: Framing) -> list[Face]:
        """The driver's faces, without pixels, in one crop that stands still."""
        (x, y), side = self.crop(framing)
        zoom = framing.size / side
        matrix = np.array([[zoom, 0.0, -(x - side / 2) * zoom], [0.0, zoom, -(y - side / 2) * zoom]])
        blank = np.zeros((framing.size, framing.size, 3), np.uint8)
        return [Face(blank, transform_points(mesh, matrix)) for mesh in self.mesh]

    def crop(self, framing: Framing) -> tuple[tuple[float, float], float]:
        """Centre and side of the crop."""
        height, width = self.frames[0].shape[:2]
        return clip_crop(self.mesh, framing.scale, framing.shift_y, (width, height))

    def picture(self, index: int, framing: Framing) -> np.ndarray:
        """Used frame `index` in the crop, uint8 (size, size, 3)."""
        centre, side = self.crop(framing)
        return crop_square(self.frames[index], centre, side, framing.size)[0]


def track(frames: list[np.ndarray], name: str) -> np.ndarray:
    """The mesh in each frame, tracked from the first on. Raises NvfairError where a frame shows no face."""
    landmarker = create_landmarker()
    landmarker.start()
    try:
        meshes = [landmarker.find(frame) for frame in frames]
    finally:
        landmarker.close()
    missing = [index for index, faces in enumerate(meshes) if not faces]
    if missing:
        raise NvfairError(f"no face is found in {len(missing)} frames, the first of them {missing[0]}", where=name)
    return np.stack([faces[0] for faces in meshes])


def read_clips(table: Path, step: int, cache: Path) -> list[EmotionClip]:
    """The rows of a CSV with the columns path (relative to it), person and emotion; rows without emotion are left out.

    Raises NvfairError for a missing column or file, and where a person has no neutral clip.
    """
    with table.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    missing_columns = [column for column in COLUMNS if not rows or column not in rows[0]]
    if missing_columns:
        raise NvfairError(
            f"no column {', '.join(missing_columns)}", where=table, expected=f"columns {', '.join(COLUMNS)}"
        )
    clips = [
        EmotionClip(table.parent / row["path"], row["person"], row["emotion"], step, cache)
        for row in rows
        if row["emotion"]
    ]
    absent = [str(clip.path) for clip in clips if not clip.path.is_file()]
    if absent:
        raise NvfairError(f"{len(absent)} of {len(clips)} files are absent, such as {absent[0]}", where=table)
    bare = {clip.person for clip in clips} - {clip.person for clip in clips if clip.emotion == NEUTRAL}
    if bare or not clips:
        raise NvfairError(
            f"no clip with emotion {NEUTRAL!r} of {', '.join(sorted(bare)) or 'anybody'}",
            where=table,
            expected="one for each person: the portrait is taken from it",
        )
    return clips


def portrait(clips: list[EmotionClip], person: str, framing: Framing) -> Face:
    """The most frontal and neutral frame of the person's neutral clip, framed, with a mesh of its own track."""
    clip = next(clip for clip in clips if clip.person == person and clip.emotion == NEUTRAL)
    index = int(np.nanargmin(pose_costs(clip.mesh)))
    image, _ = frame_face(clip.frames[index], clip.mesh[index], framing.scale, framing.shift_y, framing.size)
    return Face(image, track([image] * 3, f"portrait of {person}")[-1])
