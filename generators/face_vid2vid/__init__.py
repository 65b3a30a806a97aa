"""face-vid2vid (Wang, Mallya and Liu, CVPR 2021): our own implementation for public weights."""

from generators.face_vid2vid.generator import FaceVid2Vid, Motion, Source, create
from generators.face_vid2vid.layout import LAYOUTS

__all__ = ["LAYOUTS", "FaceVid2Vid", "Motion", "Source", "create"]
