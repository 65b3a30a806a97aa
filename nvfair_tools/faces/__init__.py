"""Faces in pictures: detection, framing, and how frontal a face is."""
