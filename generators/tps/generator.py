"""TPS behind the `Generator` protocol.

Legend: T driving frames; keypoints are (50, 2) in -1..1; pictures inside are RGB (1, 3, 256, 256) in [0, 1].
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from generators.checkpoint import Checkpoint, load_strict, read_checkpoint, select
from generators.device import resolve, to_host
from generators.errors import GeneratorError
from generators.face import Face, Framing
from generators.generator import MotionMode
from generators.tps import thin_plate
from generators.tps.animation import AvdNetwork, relative
from generators.tps.dense_motion import MotionField, split
from generators.tps.fast_inpainting import FastInpainting
from generators.tps.fast_motion import FastDenseMotion, SourceMotion
from generators.tps.folding import folded_avd, folded_detector
from generators.tps.keypoints import BackgroundPredictor
from generators.tps.layout import LAYOUT
from generators.weights import Weights
from generators.weights import resolve as resolve_weights

SIZE = 256
# Frames a call: a CPU is busy with one, a GPU is not.
BATCH = {"cpu": 1, "cuda": 8}


@dataclass(frozen=True)
class TpsSource:
    """A target, encoded (33 MB): keypoints (1, 50, 2), both networks' part of the work, the mesh if any."""

    keypoints: Tensor
    motion: SourceMotion
    maps: list[Tensor]
    mesh: np.ndarray | None


@dataclass(frozen=True)
class TpsMotion:
    """A driving clip, encoded (about 2 kB a frame, and 6 kB more with meshes).

    keypoints: (T, 50, 2). inverses: (T, 10, 8, 5), `thin_plate.inverse` of the keypoints, which absolute motion needs
    for every target. meshes: (T, 478, 3) float32 where every face carried one.
    """

    keypoints: Tensor
    inverses: Tensor
    meshes: np.ndarray | None


class Tps:
    """The thin-plate-spline motion model.

    MotionMode: "absolute" takes the driver's keypoints; "relative" adds their change since the reference frame to the
    portrait's, scaled by the square root of the ratio of the hulls' areas. Option `avd=True` (with "absolute") sends
    the driver's keypoints through the AVD network, which keeps the target's shape.
    """

    name = "tps"
    family = "tps"
    version = "1"
    size = SIZE
    framing = Framing(size=SIZE)
    value_range = (0.0, 1.0)
    needs_mesh = False
    needs_image = True

    def __init__(self, checkpoint: Checkpoint, weights: Weights, device: torch.device, dtype: torch.dtype) -> None:
        """checkpoint: the modules of `weights`, checked (`select`)."""
        self.licence = weights.licence
        self.weights, self.device, self.dtype = weights, device, dtype
        self.batch = BATCH[device.type]
        networks: dict[str, Any] = {
            module: _filled(build, checkpoint[module], f"weights {weights.path}, module {module!r}", device)
            for module, build in {**LAYOUT.required, **LAYOUT.optional}.items()
            if module in checkpoint
        }
        self.detector = folded_detector(networks["kp_detector"])
        # Motion stays float32: rounding in its network moves pixels, and it costs little.
        self.motion = FastDenseMotion(networks["dense_motion_network"])
        self.inpainting = FastInpainting(networks["inpainting_network"], dtype)
        self.avd: AvdNetwork | None = folded_avd(networks["avd_network"]) if "avd_network" in networks else None
        self.background_predictor: BackgroundPredictor | None = networks.get("bg_predictor")

    def fingerprint(self) -> str:
        """Hex digest of the name, version, published weights and precision."""
        facts = [self.name, self.version, self.weights.sha256, str(self.dtype)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @torch.inference_mode()
    def encode_source(self, portrait: Face) -> TpsSource:
        """Raises GeneratorError for a picture that is not 256 x 256."""
        image = self._tensor([portrait], ["portrait"])
        keypoints = self.detector(image)
        return TpsSource(
            keypoints, self.motion.prepare(image, keypoints), self.inpainting.prepare(image), portrait.mesh
        )

    def encode_motion(self, driving: Iterable[Face]) -> TpsMotion:
        """Reads the clip once, a few frames at a time. Raises GeneratorError for other sizes and for an empty clip."""
        keypoints, meshes = [], []
        faces: list[Face] = []
        for face in driving:
            faces.append(face)
            meshes.append(None if face.mesh is None else np.float32(face.mesh))
            if len(faces) == self.batch:
                keypoints.append(self._keypoints(faces, first=len(meshes) - len(faces)))
                faces = []
        if faces:
            keypoints.append(self._keypoints(faces, first=len(meshes) - len(faces)))
        if not keypoints:
            raise GeneratorError("tps: the driving clip has no frames")
        found = torch.cat(keypoints).cpu()
        known = [mesh for mesh in meshes if mesh is not None]
        return TpsMotion(
            found, thin_plate.inverse(split(found)), np.stack(known) if len(known) == len(meshes) else None
        )

    def render(self, source: TpsSource, motion: TpsMotion, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames float32 (256, 256, 3) in 0..1, one for each driving frame.

        Raises GeneratorError at once for an option or mode that does not fit.
        """
        keypoints, inverses = self.targets(source, motion, mode)
        return to_host(self._batches(source, keypoints, inverses))

    @torch.inference_mode()
    def targets(self, source: TpsSource, motion: TpsMotion, mode: MotionMode) -> tuple[Tensor, Tensor]:
        """Keypoints (T, 50, 2) the target should show, and their splines' inverses (T, 10, 8, 5)."""
        mode.check_options(self.name, ("avd",))
        driving = motion.keypoints.to(self.device)
        use_avd = mode.options.get("avd", False)
        if not isinstance(use_avd, bool):
            raise GeneratorError(f"tps: option avd is true or false, not {use_avd!r}")
        if use_avd:
            if self.avd is None:
                raise GeneratorError(f"tps: option avd needs the module 'avd_network', which {self.weights.path} lacks")
            if mode.kind != "absolute":
                raise GeneratorError(
                    "tps: option avd takes the driver's absolute keypoints: "
                    "use MotionMode(kind='absolute', options={'avd': True})"
                )
            keypoints = self.avd(source.keypoints, driving)
        elif mode.kind == "relative":
            keypoints = relative(source.keypoints[0], driving, driving[_reference(source, motion, mode)])
        else:
            return driving, motion.inverses.to(self.device)
        return keypoints, thin_plate.inverse(split(keypoints))

    @torch.inference_mode()
    def field(self, source: TpsSource, keypoints: Tensor, inverses: Tensor) -> MotionField:
        """The motion field of frames with these keypoints (B, 50, 2) and inverses (B, 10, 8, 5)."""
        return self.motion(source.motion, keypoints, inverses)

    def _batches(self, source: TpsSource, keypoints: Tensor, inverses: Tensor) -> Iterator[Tensor]:
        for first in range(0, len(keypoints), self.batch):
            part = slice(first, first + self.batch)
            with torch.inference_mode():
                frames = self.paint(source.motion, source.maps, keypoints[part], inverses[part])
            yield frames

    def paint(self, motion: SourceMotion, maps: list[Tensor], keypoints: Tensor, inverses: Tensor) -> Tensor:
        """Frames (B, 256, 256, 3) in 0..1 of a prepared source, for keypoints (B, 50, 2) and inverses (B, 10, 8, 5)."""
        return self.inpainting(maps, self.motion(motion, keypoints, inverses)).permute(0, 2, 3, 1).contiguous()

    @torch.inference_mode()
    def _keypoints(self, faces: list[Face], first: int) -> Tensor:
        return self.detector(self._tensor(faces, [f"driving frame {first + k}" for k in range(len(faces))]))

    def _tensor(self, faces: list[Face], names: list[str]) -> Tensor:
        for face, name in zip(faces, names, strict=True):
            if face.image.shape[:2] != (SIZE, SIZE):
                height, width = face.image.shape[:2]
                raise GeneratorError(f"tps: {name} is {width}x{height} pixels, expected {SIZE}x{SIZE}: frame it first")
        # Divided in float64 and rounded once, as the published demo's pictures are.
        pictures = torch.from_numpy(np.float32(np.stack([face.image for face in faces]) / 255.0))
        return pictures.permute(0, 3, 1, 2).to(self.device, memory_format=torch.channels_last)


def create(weights: str | Path | None = None, device: str = "auto", dtype: str = "float32") -> Tps:
    """TPS with the weights of a published file or a registered name.

    device: "auto", "cpu", "cuda", "cuda:N". dtype: of the inpainting network's convolutions, "float32" or "bfloat16".
    Raises GeneratorError for missing or other weights, and for a device or type this machine lacks.
    """
    where, precision = resolve(device, dtype)
    found = resolve_weights(weights, LAYOUT)
    checkpoint = select(read_checkpoint(found.path), LAYOUT, where=f"weights {found.path}")
    return Tps(checkpoint, found, where, precision)


def _filled(build: Any, state: dict[str, Tensor], where: str, device: torch.device) -> nn.Module:
    with torch.device("meta"):
        module = build()
    load_strict(module, state, where=where)
    return module.to(device).eval().requires_grad_(False)


def _reference(source: TpsSource, motion: TpsMotion, mode: MotionMode) -> int:
    frames = len(motion.keypoints)
    if mode.reference != "best":
        if mode.reference >= frames:
            raise GeneratorError(f"tps: reference frame {mode.reference} of a clip of {frames} frames, counted from 0")
        return mode.reference
    if source.mesh is None or motion.meshes is None:
        whose = "the portrait" if source.mesh is None else "every driving frame"
        raise GeneratorError(f"tps: reference 'best' needs the mesh of {whose}: track the faces, or give a frame index")
    from generators.reference_frame import best_frame

    return int(best_frame(source.mesh, motion.meshes))
