"""A generator: its class with its factory, its test, and the line that registers it."""

FILES = {
    "$module.py": '''"""The generator $name.

It stands in generators/, with the line "$name": "generators.$module:create" in registry.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from generators.errors import GeneratorError
from generators.face import Face, Framing
from generators.generator import MotionMode, digest


@dataclass(frozen=True)
class $class_name:
    """Mixes the portrait and each driving frame: replace this by your own rendering.

    strength: share of the driver's picture, 0 to 1.
    """

    strength: float = 0.5
    size: int = 256
    name: str = "$name"
    family: str = "$name"
    version: str = "1"  # raise it whenever the same input gives other pixels: videos are then made anew
    licence: str = "unknown"  # of the weights, or of the code where there are none; it travels into every video
    # IPTC's term for what is no trained network; delete it for a network ("trainedAlgorithmicMedia" is meant then).
    digital_source_type: str = "algorithmicMedia"
    value_range: tuple[float, float] = (0.0, 1.0)
    needs_mesh: bool = False
    needs_image: bool = True  # whether the driver's pixels are used

    @property
    def framing(self) -> Framing:
        """How faces are framed before they are given to this generator."""
        return Framing(size=self.size, scale=1.8, shift_y=0.0)

    def fingerprint(self) -> str:
        """Hash of all that determines the pixels; a network adds the sha256 of its weights."""
        return digest(name=self.name, version=self.version, strength=self.strength, size=self.size)

    def encode_source(self, portrait: Face) -> np.ndarray:
        """Work that depends on the target alone; runs once a target."""
        return portrait.image.astype(np.float32) / 255

    def encode_motion(self, driving: Iterable[Face]) -> list[np.ndarray]:
        """Work that depends on the driving clip alone; runs once a clip."""
        return [face.image.astype(np.float32) / 255 for face in driving]

    def render(self, source: np.ndarray, motion: list[np.ndarray], mode: MotionMode) -> Iterator[np.ndarray]:
        """One frame (size, size, 3) in `value_range` for each driving frame; runs once a pair."""
        mode.check_options(self.name, ())
        for frame in motion:
            yield (1 - self.strength) * source + self.strength * frame


def create(strength: float = 0.5) -> $class_name:
    """The generator, as the `settings` of a recipe ask for it. Raises GeneratorError for a strength outside 0 to 1."""
    if not 0 <= strength <= 1:
        raise GeneratorError(f"strength is {strength}; expected a number from 0 to 1")
    return $class_name(strength)
''',
    "test_$module.py": '''"""A generator gives a frame for each driving frame, in its range, and the same again."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from $module import create

from generators import Face, Generator, GeneratorError, MotionMode


def frames_of(strength: float) -> list[np.ndarray]:
    """Three frames, rendered of seeded pictures."""
    generator = create(strength=strength)
    pictures = np.random.default_rng(0).integers(0, 256, (4, generator.size, generator.size, 3), dtype=np.uint8)
    source = generator.encode_source(Face(pictures[0]))
    motion = generator.encode_motion(Face(picture) for picture in pictures[1:])
    return list(generator.render(source, motion, MotionMode("absolute")))


def test_it_is_a_generator() -> None:
    assert isinstance(create(), Generator)


def test_it_gives_one_frame_in_its_range_for_each_driving_frame() -> None:
    low, high = create().value_range
    frames = frames_of(0.5)
    assert len(frames) == 3
    assert all(frame.shape == (create().size, create().size, 3) for frame in frames)
    assert all(low <= frame.min() and frame.max() <= high for frame in frames)


def test_equal_input_gives_equal_frames_and_another_setting_another_fingerprint() -> None:
    assert all(np.array_equal(*pair) for pair in zip(frames_of(0.5), frames_of(0.5), strict=True))
    assert create(strength=0.1).fingerprint() != create(strength=0.2).fingerprint()


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(GeneratorError, match="expected a number from 0 to 1"):
        create(strength=2)
''',
}
NEXT = (
    "python -m pytest $out                     # its own test",
    "then as docs/extending/generator.md says: the module to generators/, its line to generators/registry.py, and in a "
    "recipe: generators: [{name: $name}]",
)
