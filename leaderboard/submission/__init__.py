"""A submission from its archive to its scores: what strangers send is read, checked and scored within bounds."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
