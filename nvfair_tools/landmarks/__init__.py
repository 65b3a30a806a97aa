"""Landmarks: the scheme of 126 points, landmarkers, and the track of a face through a video."""
