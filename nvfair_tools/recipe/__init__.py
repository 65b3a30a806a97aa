"""The settings of a build: the recipe, its list of clips, the splits, the landmarker."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
