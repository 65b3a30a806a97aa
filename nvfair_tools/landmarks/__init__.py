"""Landmarks of a face: the scheme of 126 points, landmarkers, and the track of a face through a video."""

from nvfair_tools.landmarks.scheme import SCHEME_126, Scheme, landmarks_from_mesh
from nvfair_tools.landmarks.track import Track

__all__ = ["SCHEME_126", "Scheme", "Track", "landmarks_from_mesh"]
