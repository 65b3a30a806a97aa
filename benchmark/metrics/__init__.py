"""Metrics as pure functions of scores and people: ROC, thresholds, costs, curves, intervals, differences."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
