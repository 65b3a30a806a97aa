"""Talking-head generators: appearance x motion -> frames. Knows no other package of this project."""

from generators.errors import GeneratorError
from generators.face import MESH_POINTS, Face, Framing, to_uint8
from generators.generator import Generator, MotionMode
from generators.registry import create, names

__all__ = ["MESH_POINTS", "Face", "Framing", "Generator", "GeneratorError", "MotionMode", "create", "names", "to_uint8"]
