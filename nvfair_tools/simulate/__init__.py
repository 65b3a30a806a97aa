"""Simulated people: motion signatures, source videos, and cohorts that consist of landmarks alone."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
