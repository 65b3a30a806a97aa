"""Faces as generators want them: a portrait, and the frames of a driving clip, framed.

Legend: T frames; images are uint8 RGB (H, W, 3); meshes are float32 (478, 3) in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from generators.face import Face, Framing
from nvfair_tools.landmarks.gaps import fill_gaps
from nvfair_tools.landmarks.track import load_track
from nvfair_tools.media.decoding import whole_frames


class ClipFaces:
    """A driving clip's frames, short gaps in its track bridged, framed by one crop that stands still.

    Raises GapTooLong where a gap is longer than `max_gap` seconds.
    """

    def __init__(self, clip: Path, track: Path, max_gap: float, *, keep_truncated: bool) -> None:
        self._clip, self._keep = clip, keep_truncated
        found = load_track(track)
        self._size = found.size
        self._mesh, _ = fill_gaps(found, max_gap)

    def framed(self, framing: Framing, *, pixels: bool) -> Iterator[Face]:
        """One face a frame; without `pixels` the file is not decoded again and the image is blank."""
        from nvfair_tools.faces.framing import clip_crop, crop_square, transform_points

        centre, side = clip_crop(self._mesh, framing.scale, framing.shift_y, self._size)
        if not pixels:
            blank = np.zeros((framing.size, framing.size, 3), dtype=np.uint8)
            scale = framing.size / side
            corner = centre[0] - side / 2, centre[1] - side / 2
            matrix = np.array([[scale, 0.0, -corner[0] * scale], [0.0, scale, -corner[1] * scale]])
            for mesh in self._mesh:
                yield Face(blank, transform_points(mesh, matrix))
            return
        count = 0
        for frame in whole_frames(self._clip, keep_truncated=self._keep):
            image, matrix = crop_square(frame.image, centre, side, framing.size)
            yield Face(image, transform_points(self._mesh[frame.index], matrix))
            count += 1
        if count != len(self._mesh):
            raise ValueError(f"the clip has {count} frames, but its track {len(self._mesh)}: was the file changed?")


def portrait_face(picture: Path, track: Path, framing: Framing) -> Face:
    """A target's portrait, framed."""
    from PIL import Image

    from nvfair_tools.faces.framing import frame_face

    with Image.open(picture) as opened:
        image = np.asarray(opened.convert("RGB"))
    framed, mesh = frame_face(image, load_track(track).mesh[0], framing.scale, framing.shift_y, framing.size)
    return Face(framed, mesh)
