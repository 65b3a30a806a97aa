"""Settings of simulated people, fitted to statistics of real motion."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
