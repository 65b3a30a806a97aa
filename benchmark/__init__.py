"""Protocols, methods, training and evaluation for avatar fingerprinting: from a data set to a report.

The names that a notebook needs are here (`benchmark.evaluate`, `benchmark.train`, ...; see docs/python.md). Each is
imported when it is first used, so that `import benchmark` is quick and needs no torch.
"""

import lazy_loader

from nvfair_tools.moved import explain_moved_imports

explain_moved_imports()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
