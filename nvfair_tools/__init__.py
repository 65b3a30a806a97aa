"""The curator's side of avatar fingerprinting: media, faces, landmarks, features, pipeline, data set."""

__version__ = "0.1.0"

from nvfair_tools.moved import explain_moved_imports

explain_moved_imports()
