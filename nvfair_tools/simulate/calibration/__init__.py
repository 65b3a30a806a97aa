"""Calibration of the simulation: comparison with real motion, and measurement of the tracking noise."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
