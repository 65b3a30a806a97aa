"""Trials: which pairs of videos a protocol compares, by rule."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
