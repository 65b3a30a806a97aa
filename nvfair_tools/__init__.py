"""The curator's side of avatar fingerprinting: media, faces, landmarks, features, pipeline, data set."""

__version__ = "0.1.0"
