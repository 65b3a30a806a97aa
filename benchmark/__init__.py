"""Protocols, methods, training and evaluation for avatar fingerprinting: from a data set to a report."""

from nvfair_tools.moved import explain_moved_imports

explain_moved_imports()
