"""Protocols: everything that decides a benchmark figure apart from the data and the method.

`load("nvfair-seen")` gives a protocol that ships with the package; `__init__.pyi` lists all names that are found here.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
