"""face-vid2vid as a generator: one portrait, one driving clip, frames.

After Wang, Mallya and Liu, "One-Shot Free-View Neural Talking-Head Synthesis for Video Conferencing", 2021, in the
layout of the published unofficial weights. Legend: B batch, T driving frames, K keypoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor

from generators.checkpoint import Checkpoint, filled, read_checkpoint, select
from generators.clip import encode_clip, portrait_picture
from generators.device import BATCH, batch_size, inference, on_card, resolve, to_device, to_host
from generators.errors import GeneratorError
from generators.face import Face, voxceleb_framing
from generators.face_vid2vid.fast_spade import Buffers
from generators.face_vid2vid.folding import fold
from generators.face_vid2vid.layout import LAYOUTS, MODULES, identify_variant, layout
from generators.face_vid2vid.rendering import Appearance, Renderer
from generators.face_vid2vid.rotation import Convention, degrees
from generators.face_vid2vid.sizes import Sizes
from generators.face_vid2vid.transfer import (
    OPTIONS,
    FreeView,
    HeadPoses,
    adapt_scale,
    relative,
    relative_scale,
)
from generators.generator import MotionMode, digest
from generators.reference_frame import reference_index
from generators.replay import Replay
from generators.weights import Weights
from generators.weights import resolve as resolve_weights

# Frames of a driving clip that are estimated together, unless `batch` says otherwise.
ESTIMATED_TOGETHER = 8


@dataclass(frozen=True)
class Source:
    """A target: its appearance and its canonical keypoints (1, K, 3) on the device; its mesh (478, 3) or None.

    canonical_on_host, keypoints_on_host: its canonical and posed keypoints on the CPU, so that no pair waits for them.
    """

    appearance: Appearance
    canonical: Tensor
    canonical_on_host: Tensor
    keypoints_on_host: Tensor
    mesh: np.ndarray | None


@dataclass(frozen=True)
class Motion:
    """A driving clip: head poses and expressions of T frames, on the CPU; meshes (T, 478, 3) if all frames have one."""

    poses: HeadPoses
    meshes: np.ndarray | None

    def __len__(self) -> int:
        return len(self.poses)


class FaceVid2Vid:
    """The `Generator`; made by `create` from a checkpoint file.

    Motion mode options: `adapt_scale` (default True; relative motion is scaled to the target's size), and `yaw`,
    `pitch`, `roll` in degrees, which replace the driving frames' angles ("free view"; the published advice is yaw
    within 45, pitch and roll within 20). Reference "best" needs faces that carry meshes.
    """

    name = "face-vid2vid"
    family = "face-vid2vid"
    version = "2"
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
        rotation: Literal["auto", "current", "beta"] = "auto",
        sizes: Sizes | None = None,
    ) -> None:
        """checkpoint: what `weights` holds. dtype: of the renderer's convolutions. batch: frames a call. rotation:
        as in `create`. sizes: of the networks, if not the published ones.

        Raises GeneratorError where the checkpoint does not fill the networks exactly, for an unknown rotation, and for
        a batch below 1.
        """
        where = f"weights {weights.path}"
        if rotation != "auto" and rotation not in get_args(Convention):
            raise GeneratorError(f"rotation {rotation!r} is unknown: choose 'auto', 'current' or 'beta'")
        sizes = sizes or Sizes()
        self.variant, antialias = identify_variant(checkpoint, where=where)
        self.rotation: Convention = cast(Convention, rotation) if rotation != "auto" else _convention(antialias)
        expected = layout(self.variant, antialias, sizes)
        modules = select(checkpoint, expected, where=where)
        self.weights, self.licence = weights, weights.licence
        self.device, self.dtype, self.batch = device, dtype, batch_size(batch, device, most=BATCH["cuda"])
        self.size = sizes.image
        self.framing = voxceleb_framing(self.size)
        network, self.detector, self.estimator = (
            filled(expected.required[name], modules[name], where=f"{where}, module {name!r}") for name in MODULES
        )
        fold(self.detector)
        fold(self.estimator)
        self.detector.to(device)
        self.estimator.to(device)
        with torch.inference_mode():
            self.renderer = Renderer(network, dtype, device)
        self.replay = Replay(self._paint, device, self.name)
        # A recording writes to the same memory each time; elsewhere it is asked for once a rendering.
        self._buffers = Buffers() if on_card(device) else None

    def fingerprint(self) -> str:
        """Hex digest of what determines the pixels: name, version, weights, framing, rotation, precision."""
        return digest(
            name=self.name,
            version=self.version,
            weights=self.weights.sha256,
            framing=asdict(self.framing),
            rotation=self.rotation,
            dtype=str(self.dtype),
        )

    def encode_source(self, portrait: Face) -> Source:
        """Appearance volume, keypoints and heatmaps of a portrait. Raises GeneratorError unless it is size x size."""
        picture = portrait_picture(portrait, generator=self.name, size=self.size)
        with inference():
            pixels = to_device(picture, self.device).contiguous()
            canonical = self.detector(pixels)
            keypoints = self._poses(pixels).keypoints(canonical, self.rotation)
            appearance = self.renderer.appearance(pixels, keypoints)
            return Source(appearance, canonical, canonical.cpu(), keypoints.cpu(), portrait.mesh)

    def encode_motion(self, driving: Iterable[Face]) -> Motion:
        """Head pose and expression of each frame, once a clip; about 250 bytes a frame beside the mesh.

        Raises GeneratorError for an empty clip or a frame of another size.
        """
        together = max(self.batch, ESTIMATED_TOGETHER)
        poses, meshes = encode_clip(driving, self._clip_poses, batch=together, generator=self.name, size=self.size)
        return Motion(HeadPoses.joined(poses).to("cpu"), meshes)

    def check_mode(self, mode: MotionMode) -> None:
        """Raises GeneratorError for an option that is unknown or has a wrong value."""
        mode.check_options(self.name, OPTIONS)
        FreeView.parse(mode.options)
        adapt_scale(mode.options)

    def render(self, source: Source, motion: Motion, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames (size, size, 3), float32 in 0..1, one for each driving frame.

        Raises GeneratorError, before the first frame, for an unknown option or a reference frame that is not there.
        """
        return to_host(self._batches(source.appearance, self.driving_keypoints(source, motion, mode)))

    @torch.inference_mode()
    def driving_keypoints(self, source: Source, motion: Motion, mode: MotionMode) -> Tensor:
        """(T, K, 3) keypoints that the target's face gets, on the device."""
        self.check_mode(mode)
        view, scaled = FreeView.parse(mode.options), adapt_scale(mode.options)
        poses = motion.poses.to(self.device)
        driving = poses.keypoints(source.canonical, self.rotation, view)
        if mode.kind == "absolute":
            return driving
        index = reference_index(mode, source.mesh, motion.meshes, len(motion), generator=self.name)
        reference = poses[index : index + 1].keypoints(source.canonical, self.rotation)
        scale = 1.0
        if scaled:
            on_host = motion.poses[index : index + 1].keypoints(source.canonical_on_host, self.rotation)
            scale = relative_scale(source.keypoints_on_host, on_host)
        return relative(driving, reference, source.appearance.keypoints, scale)

    def _batches(self, appearance: Appearance, keypoints: Tensor) -> Iterator[Tensor]:
        tensors = (appearance.volume, appearance.squeezed, appearance.keypoints, appearance.heat)
        buffers = self._buffers or Buffers()
        for start in range(0, len(keypoints), self.batch):
            part = keypoints[start : start + self.batch]
            with inference():
                if self._buffers is None:
                    frames = self._painted(appearance, part, buffers)
                else:
                    frames = self.replay(tensors, (part,), self.batch)
            yield frames

    def _paint(self, source: Sequence[Tensor], frames: Sequence[Tensor]) -> Tensor:
        """Frames of an appearance's (volume, squeezed, keypoints, heat) for (keypoints,)."""
        return self._painted(Appearance(*source), frames[0], self._buffers or Buffers())

    def _painted(self, appearance: Appearance, keypoints: Tensor, buffers: Buffers) -> Tensor:
        """Frames (B, size, size, 3) for keypoints (B, K, 3)."""
        return self.renderer.pictures(appearance, keypoints, buffers).permute(0, 2, 3, 1).contiguous()

    def _clip_poses(self, pictures: np.ndarray) -> HeadPoses:
        with inference():
            return self._poses(to_device(pictures, self.device).contiguous())

    def _poses(self, pixels: Tensor) -> HeadPoses:
        out = self.estimator(pixels)
        angles = {name: degrees(out[name]) for name in ("yaw", "pitch", "roll")}
        return HeadPoses(**angles, translation=out["translation"], expression=out["expression"])


def create(
    weights: str | Path | None = None,
    device: str = "auto",
    dtype: str = "float32",
    batch: int | None = None,
    *,
    rotation: Literal["auto", "current", "beta"] = "auto",
) -> FaceVid2Vid:
    """face-vid2vid with the weights of a published file or a registered name; the variant is told by its tensors.

    device: "auto", "cpu", "cuda", "cuda:N". dtype: of the renderer's convolutions, "float32" or "bfloat16";
    coordinates, softmaxes and sampling stay float32. batch: frames a call (1 on a CPU, 8 on a GPU where not given).
    rotation: how angles become a rotation matrix, "current", or "beta" for the first published weights; "auto" takes
    "beta" where the keypoint detector is theirs.
    Raises GeneratorError for missing or unfitting weights, and for a device, type, batch or rotation that cannot be.
    """
    where, precision = resolve(device, dtype)
    resolved = resolve_weights(weights, *LAYOUTS)
    checkpoint = read_checkpoint(resolved.path)
    return FaceVid2Vid(checkpoint, resolved, device=where, dtype=precision, batch=batch, rotation=rotation)


def _convention(antialias: bool) -> Convention:
    return "current" if antialias else "beta"
