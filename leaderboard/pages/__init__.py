"""The board's pages, made from results alone: the same for the server and for the static site."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
