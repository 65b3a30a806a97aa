"""Submission -> check -> score -> store -> pages. Takes embeddings, never code.

The names that a notebook needs are here (`leaderboard.check_submission`, `leaderboard.Client`; see docs/python.md).
Each is imported when it is first used.
"""

import lazy_loader

from nvfair_tools.moved import explain_moved_imports

explain_moved_imports()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
