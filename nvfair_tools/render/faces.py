"""Faces in the framing that generators expect: a portrait, and the frames of a driving clip.

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
    """The frames of a driving clip, framed by one crop that stands still; short gaps in its track are bridged.

    Raises GapTooLong where a gap is longer than `max_gap` seconds.
    """

    def __init__(self, clip_file: Path, track_file: Path, max_gap: float, *, keep_truncated: bool) -> None:
        self._clip_file, self._keep_truncated = clip_file, keep_truncated
        track = load_track(track_file)
        self._size = track.size
        self._mesh, _ = fill_gaps(track, max_gap)

    def framed(self, framing: Framing, *, pixels: bool) -> Iterator[Face]:
        """Yields one face for each frame; without `pixels` the file is not decoded again and the images are blank."""
        from nvfair_tools.faces.framing import clip_crop, crop_square, transform_points

        centre, side = clip_crop(self._mesh, framing.scale, framing.shift_y, self._size)
        if not pixels:
            blank = np.zeros((framing.size, framing.size, 3), dtype=np.uint8)
            # The affine map of the crop: subtract its corner, then scale its side to the framing's size.
            scale = framing.size / side
            corner = centre[0] - side / 2, centre[1] - side / 2
            matrix = np.array([[scale, 0.0, -corner[0] * scale], [0.0, scale, -corner[1] * scale]])
            for mesh in self._mesh:
                yield Face(blank, transform_points(mesh, matrix))
            return
        count = 0
        for frame in whole_frames(self._clip_file, keep_truncated=self._keep_truncated):
            image, matrix = crop_square(frame.image, centre, side, framing.size)
            yield Face(image, transform_points(self._mesh[frame.index], matrix))
            count += 1
        if count != len(self._mesh):
            raise ValueError(f"the clip has {count} frames, but its track {len(self._mesh)}: was the file changed?")


def portrait_face(picture: Path, track_file: Path, framing: Framing) -> Face:
    """The framed face of a target's portrait. track_file: the one-frame track with its mesh."""
    from PIL import Image

    from nvfair_tools.faces.framing import frame_face

    with Image.open(picture) as opened:
        image = np.asarray(opened.convert("RGB"))
    framed, mesh = frame_face(image, load_track(track_file).mesh[0], framing.scale, framing.shift_y, framing.size)
    return Face(framed, mesh)
