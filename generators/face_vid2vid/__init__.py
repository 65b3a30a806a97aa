"""face-vid2vid: a source's appearance volume, warped by a driver's head pose and expression, decoded to frames."""

from generators.face_vid2vid.layout import LAYOUTS
from generators.face_vid2vid.model import FaceVid2Vid, create

__all__ = ["LAYOUTS", "FaceVid2Vid", "create"]
