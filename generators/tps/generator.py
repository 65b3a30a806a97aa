"""TPS behind the `Generator` protocol.

Legend: T driving frames; keypoints are (50, 2) in -1..1; pictures inside are RGB (1, 3, 256, 256) in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generators.checkpoint import Checkpoint, filled, read_checkpoint, select
from generators.clip import encode_clip, portrait_picture
from generators.device import batch_size, inference, on_card, resolve, sent, to_device, to_host
from generators.errors import GeneratorError
from generators.face import Face, voxceleb_framing
from generators.generator import MotionMode, digest
from generators.reference_frame import reference_index
from generators.replay import Replay
from generators.tps import thin_plate
from generators.tps.animation import AvdNetwork, relative, relative_scale
from generators.tps.card_inpainting import CardInpainting
from generators.tps.dense_motion import MotionField, split
from generators.tps.fast_inpainting import FastInpainting
from generators.tps.fast_motion import FastDenseMotion, SourceMotion
from generators.tps.folding import folded_avd, folded_detector
from generators.tps.keypoints import BackgroundPredictor
from generators.tps.layout import LAYOUT
from generators.weights import Weights
from generators.weights import resolve as resolve_weights

OPTIONS = ("avd",)
SIZE = 256


@dataclass(frozen=True)
class Source:
    """A target, encoded (33 MB): keypoints (1, 50, 2), both networks' part of the work, the mesh if any.

    keypoints_on_host: the same keypoints on the CPU, so that no pair waits for them.
    """

    keypoints: Tensor
    keypoints_on_host: Tensor
    motion: SourceMotion
    maps: list[Tensor]
    mesh: np.ndarray | None


@dataclass(frozen=True)
class Motion:
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
    version = "2"
    size = SIZE
    framing = voxceleb_framing(SIZE)
    value_range = (0.0, 1.0)
    needs_mesh = False
    needs_image = True

    def __init__(
        self,
        checkpoint: Checkpoint,
        weights: Weights,
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        batch: int | None = None,
    ) -> None:
        """checkpoint: what `weights` holds. dtype: of the inpainting network's convolutions. batch: frames a call.

        Raises GeneratorError where the checkpoint does not fill the networks exactly, and for a batch below 1.
        """
        where = f"weights {weights.path}"
        modules = select(checkpoint, LAYOUT, where=where)
        self.weights, self.licence = weights, weights.licence
        self.device, self.dtype, self.batch = device, dtype, batch_size(batch, device)
        builders = {**LAYOUT.required, **LAYOUT.optional}
        networks = {
            name: filled(builders[name], state, where=f"{where}, module {name!r}").to(device)
            for name, state in modules.items()
        }
        self.detector = folded_detector(networks["kp_detector"])
        # Motion stays float32: rounding in its network moves pixels, and it costs little.
        card = on_card(device)
        self.motion = FastDenseMotion(networks["dense_motion_network"], dtype, card)
        inpainting = networks["inpainting_network"]
        self.inpainting = CardInpainting(inpainting, dtype) if card else FastInpainting(inpainting, dtype)
        self.replay = Replay(self._paint, device, self.name)
        self.avd: AvdNetwork | None = folded_avd(networks["avd_network"]) if "avd_network" in networks else None
        self.background_predictor: BackgroundPredictor | None = networks.get("bg_predictor")

    def fingerprint(self) -> str:
        """Hex digest of what determines the pixels: name, version, weights, framing, precision."""
        return digest(
            name=self.name,
            version=self.version,
            weights=self.weights.sha256,
            framing=asdict(self.framing),
            dtype=str(self.dtype),
        )

    def encode_source(self, portrait: Face) -> Source:
        """Raises GeneratorError for a picture that is not 256 x 256."""
        picture = portrait_picture(portrait, generator=self.name, size=self.size)
        with inference():
            image = to_device(picture, self.device)
            keypoints = self.detector(image)
            motion, maps = self.motion.prepare(image, keypoints), self.inpainting.prepare(image)
            return Source(keypoints, keypoints.cpu(), motion, maps, portrait.mesh)

    def encode_motion(self, driving: Iterable[Face]) -> Motion:
        """Reads the clip once, a few frames at a time. Raises GeneratorError for other sizes and for an empty clip."""
        keypoints, meshes = encode_clip(driving, self._keypoints, batch=self.batch, generator=self.name, size=self.size)
        with inference():
            driving_keypoints = torch.cat(keypoints).cpu()
            return Motion(driving_keypoints, thin_plate.inverse(split(driving_keypoints)), meshes)

    def check_mode(self, mode: MotionMode) -> None:
        """Raises GeneratorError for an option that is unknown, has a wrong value, or does not fit the mode."""
        mode.check_options(self.name, OPTIONS)
        use_avd = mode.options.get("avd", False)
        if not isinstance(use_avd, bool):
            raise GeneratorError(f"tps: option avd is true or false, not {use_avd!r}")
        if use_avd and self.avd is None:
            raise GeneratorError(f"tps: option avd needs the module 'avd_network', which {self.weights.path} lacks")
        if use_avd and mode.kind != "absolute":
            raise GeneratorError(
                "tps: option avd takes the driver's absolute keypoints: "
                "use MotionMode(kind='absolute', options={'avd': True})"
            )

    def render(self, source: Source, motion: Motion, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames float32 (256, 256, 3) in 0..1, one for each driving frame.

        Raises GeneratorError at once for an option or mode that does not fit.
        """
        keypoints, inverses = self.targets(source, motion, mode)
        return to_host(self._batches(source, keypoints, inverses))

    @torch.inference_mode()
    def targets(self, source: Source, motion: Motion, mode: MotionMode) -> tuple[Tensor, Tensor]:
        """Keypoints (T, 50, 2) the target should show, and their splines' inverses (T, 10, 8, 5)."""
        self.check_mode(mode)
        driving = sent(motion.keypoints, self.device)
        if self.avd is not None and mode.options.get("avd", False):
            keypoints = self.avd(source.keypoints, driving)
        elif mode.kind == "relative":
            first = reference_index(mode, source.mesh, motion.meshes, len(driving), generator=self.name)
            scale = relative_scale(source.keypoints_on_host[0], motion.keypoints[first])
            keypoints = relative(source.keypoints[0], driving, driving[first], scale)
        else:
            return driving, sent(motion.inverses, self.device)
        return keypoints, thin_plate.inverse(split(keypoints))

    @torch.inference_mode()
    def field(self, source: Source, keypoints: Tensor, inverses: Tensor) -> MotionField:
        """The motion field of frames with these keypoints (B, 50, 2) and inverses (B, 10, 8, 5)."""
        return self.motion(source.motion, keypoints, inverses)

    def _batches(self, source: Source, keypoints: Tensor, inverses: Tensor) -> Iterator[Tensor]:
        encoded = source.motion
        tensors = (encoded.keypoints, encoded.small, encoded.heat, *source.maps)
        for first in range(0, len(keypoints), self.batch):
            part = slice(first, first + self.batch)
            with inference():
                frames = self.replay(tensors, (keypoints[part], inverses[part]), self.batch)
            yield frames

    def _paint(self, source: Sequence[Tensor], frames: Sequence[Tensor]) -> Tensor:
        """Frames of a source's (keypoints, picture, heatmaps, maps) for (keypoints, inverses)."""
        keypoints, inverses = frames
        return self.paint(SourceMotion(*source[:3]), list(source[3:]), keypoints, inverses)

    def paint(self, motion: SourceMotion, maps: list[Tensor], keypoints: Tensor, inverses: Tensor) -> Tensor:
        """Frames (B, 256, 256, 3) in 0..1 of a prepared source, for keypoints (B, 50, 2) and inverses (B, 10, 8, 5)."""
        return self.inpainting(maps, self.motion(motion, keypoints, inverses)).permute(0, 2, 3, 1).contiguous()

    def _keypoints(self, pictures: np.ndarray) -> Tensor:
        with inference():
            return self.detector(to_device(pictures, self.device))


def create(
    weights: str | Path | None = None,
    device: str = "auto",
    dtype: str = "float32",
    batch: int | None = None,
) -> Tps:
    """TPS with the weights of a published file or a registered name.

    device: "auto", "cpu", "cuda", "cuda:N". dtype: of the inpainting network's convolutions, "float32" or "bfloat16";
    all that has coordinates stays float32. batch: frames a call (where not given, 1 on a CPU, 8 on a GPU, 32 on one
    with over 40 GB).
    Raises GeneratorError for missing or unfitting weights, and for a device, type or batch that cannot be.
    """
    where, precision = resolve(device, dtype)
    resolved = resolve_weights(weights, LAYOUT)
    return Tps(read_checkpoint(resolved.path), resolved, device=where, dtype=precision, batch=batch)
