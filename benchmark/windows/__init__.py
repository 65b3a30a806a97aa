"""Windows of a protocol: tracks resampled to its frame rate, cut to its length, and held on a device."""

from nvfair_tools.moved import former_attributes

__getattr__ = former_attributes(__name__)
