"""The curator's side of avatar fingerprinting: media, faces, landmarks, features, pipeline, data set.

The names that a notebook needs are here (`nvfair_tools.open`, `.build`, `.check`; see docs/python.md). Each is imported
when it is first used.
"""

import lazy_loader

from nvfair_tools.moved import explain_moved_imports

__version__ = "0.1.0"

explain_moved_imports()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
