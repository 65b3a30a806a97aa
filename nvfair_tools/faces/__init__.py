"""Faces: finding them, framing them, and checking that a clip keeps one identity."""
