"""The warp generator: a target's portrait bent by a driver's mesh, with no network and no weights.

Legend: T frames, V vertices drawn; meshes are (..., 478, 3) in pixels of the picture rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from generators.errors import GeneratorError
from generators.face import MESH_POINTS, Face, Framing
from generators.generator import MotionMode, digest
from generators.reference_frame import reference_index
from generators.warp.backdrop import backdrop
from generators.warp.drawn_mouth import DrawnMouth
from generators.warp.mouth import Mouth
from generators.warp.neutral import neutral_meshes
from generators.warp.scene import Scene, soften_edges
from generators.warp.spread import Spread
from generators.warp.transfer import relative_meshes

VERSION = "1"  # of everything in this package that determines pixels
MOUTH_VERSION = "1"  # of the drawn mouth
NO_SECOND_MAP = np.empty(0, np.float32)  # where x and y of a map lie side by side
OPTIONS = ("expression",)
MOUTHS: dict[str, type[Mouth]] = {"plain": Mouth, "drawn": DrawnMouth}


@dataclass(frozen=True)
class Source:
    """All that depends on the portrait. image: float32 (size, size, 3) in 0..255. mesh: float64 (478, 3) pixels of it.
    spread: float64 (478 + B, 478), see `generators.warp.spread`.
    """

    image: np.ndarray
    mesh: np.ndarray
    scene: Scene
    spread: np.ndarray
    mouth: Mouth


@dataclass(frozen=True)
class Motion:
    """A driving clip. meshes: float32 (T, 478, 3) of the driver, in pixels of the picture to be rendered."""

    meshes: np.ndarray


class Warp:
    """A member of the warp family (see `generators.generator.Generator`): `spread` is what tells members apart.

    size: side of the frames, pixels. mouth: what an opened mouth shows that the portrait does not: "plain", a dark
    cavity with a hint of teeth, or "drawn", with teeth and a tongue (`generators.warp.drawn_mouth`).

    Options of `MotionMode`: `expression`, a factor >= 0 on the driver's expression in relative motion (default 1).
    """

    family = "warp"
    version = VERSION
    value_range = (0.0, 255.0)
    licence = "Apache-2.0"
    digital_source_type = "algorithmicMedia"
    needs_mesh = True
    needs_image = False

    def __init__(self, name: str, spread: Spread, size: int = 256, mouth: str = "plain"):
        if not isinstance(size, int) or not 64 <= size <= 2048:
            raise GeneratorError(f"{name}: size must be a whole number of pixels from 64 to 2048; got {size!r}")
        if mouth not in MOUTHS:
            raise GeneratorError(f"{name}: mouth must be one of {', '.join(MOUTHS)}; got {mouth!r}")
        self.name, self.size, self.framing, self._spread = name, size, Framing(size=size), spread
        self.mouth = mouth

    def fingerprint(self) -> str:
        """Hex digest of name, algorithm version, framing and the mouth, which determine the pixels; no weights do."""
        facts = {} if self.mouth == "plain" else {"mouth": self.mouth, "mouth_version": MOUTH_VERSION}
        return digest(name=self.name, version=self.version, framing=asdict(self.framing), **facts)

    def encode_source(self, portrait: Face) -> Source:
        """Triangles, net and motion matrix of a portrait.

        Raises GeneratorError without a finite mesh, a square picture, or a face of some size.
        """
        mesh = self._mesh(portrait, "the portrait").astype(np.float64)
        image: np.ndarray = portrait.image.astype(np.float32)
        if image.shape[0] != self.size:
            shrinks = image.shape[0] > self.size
            image = cv2.resize(
                image, (self.size, self.size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            )
        if np.ptp(mesh[:, :2], axis=0).min() < 8:
            raise GeneratorError(
                "the portrait's mesh is under 8 pixels wide or high: frame the face before encoding it"
            )
        net = backdrop(mesh, self.size)
        mouth = MOUTHS[self.mouth].of(image, mesh)
        return Source(image, mesh, Scene.of(mesh, net, self.size), self._spread(mesh, net), mouth)

    def encode_motion(self, driving: Iterable[Face]) -> Motion:
        """The driver's meshes; no pixel is read, but each image's shape says what the mesh's pixels mean.

        Raises GeneratorError for a frame without a finite mesh, or when there is no frame.
        """
        meshes = [self._mesh(face, f"driving frame {t}") for t, face in enumerate(driving)]
        if not meshes:
            raise GeneratorError("the driving clip has no frame: nothing can be rendered from it")
        return Motion(np.stack(meshes).astype(np.float32))

    def check_mode(self, mode: MotionMode) -> None:
        """Raises GeneratorError for an option that is unknown or has a wrong value."""
        mode.check_options(self.name, OPTIONS)
        gain = mode.options.get("expression", 1.0)
        if isinstance(gain, bool) or not isinstance(gain, (int, float)) or not 0 <= gain < np.inf:
            raise GeneratorError(f"{self.name}: option 'expression' must be a number >= 0; got {gain!r}")

    def render(self, source: Source, motion: Motion, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames float32 (size, size, 3) in 0..255, one for each driving frame.

        Raises GeneratorError at once for an unknown option or a reference frame the clip does not have.
        """
        return self.render_meshes(source, self.target_meshes(source, motion, mode))

    def target_meshes(self, source: Source, motion: Motion, mode: MotionMode) -> np.ndarray:
        """Where the driver's motion puts the target's mesh: float64 (T, 478, 3) pixels."""
        self.check_mode(mode)
        gain = mode.options.get("expression", 1.0)
        meshes = motion.meshes.astype(np.float64)
        if mode.kind == "absolute":
            return meshes
        if mode.reference == "neutral":
            return neutral_meshes(source.mesh, meshes, float(gain))
        reference = reference_index(mode, source.mesh, meshes, len(meshes), generator=self.name)
        return relative_meshes(source.mesh, meshes, reference, float(gain))

    def render_meshes(self, source: Source, meshes: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The portrait bent to any track of its mesh: one float32 (size, size, 3) frame in 0..255 for each (478, 3).

        Points are pixels of the rendered picture, z in the same unit. Raises GeneratorError for a bad mesh.
        """
        for t, mesh in enumerate(meshes):
            if mesh.shape != (MESH_POINTS, 3) or not np.isfinite(mesh).all():
                raise GeneratorError(f"mesh {t} must be ({MESH_POINTS}, 3) and finite; got shape {mesh.shape}")
            yield self._frame(source, np.asarray(mesh, dtype=np.float64))

    def _frame(self, source: Source, mesh: np.ndarray) -> np.ndarray:
        scene = source.scene
        moved = scene.rest[: len(source.spread)] + source.spread @ (mesh[:, :2] - source.mesh[:, :2])
        places, seen = scene.paint(scene.vertices(moved), mesh[:, 2])
        frame = cv2.remap(source.image, places, NO_SECOND_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        soften_edges(frame, places)
        inside = (seen >= scene.mouth.start) & (seen < scene.mouth.stop)
        source.mouth.fill(frame, inside, moved[:MESH_POINTS], mesh)
        return frame

    def _mesh(self, face: Face, what: str) -> np.ndarray:
        """The face's mesh in pixels of a picture of this generator's size."""
        height, width = face.image.shape[:2]
        if height != width:
            raise GeneratorError(f"{what} must be square for {self.name}; got {width}x{height}: frame it first")
        if face.mesh is None:
            raise GeneratorError(f"{what} has no mesh, which {self.name} needs: find its landmarks first")
        if not np.isfinite(face.mesh).all():
            raise GeneratorError(f"{what} has a mesh with non-finite points: leave out frames without a face first")
        return face.mesh * np.float32(self.size / width)
