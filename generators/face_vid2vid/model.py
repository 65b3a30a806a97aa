"""face-vid2vid as a generator: one portrait, one driving clip, frames.

After Wang, Mallya and Liu, "One-Shot Free-View Neural Talking-Head Synthesis for Video Conferencing", 2021, in the
layout of the published unofficial weights. Legend: B batch, T driving frames, K keypoints.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor

from generators.checkpoint import Checkpoint, file_sha256, load_strict, read_checkpoint
from generators.device import resolve
from generators.errors import GeneratorError
from generators.face import Face, Framing
from generators.face_vid2vid.appearance import VARIANTS
from generators.face_vid2vid.fast_spade import Buffers
from generators.face_vid2vid.folding import fold
from generators.face_vid2vid.head_pose import HeadPoseEstimator
from generators.face_vid2vid.keypoints import KeypointDetector
from generators.face_vid2vid.layout import LICENCE, MODULES, told_apart
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
from generators.generator import MotionMode

VERSION = "1"
# Frames of a driving clip that are estimated together.
ESTIMATED_TOGETHER = 8
# On a CPU more than one frame at a time only spoils the caches.
RENDERED_TOGETHER = {"cpu": 1, "cuda": 8}


@dataclass(frozen=True)
class Source:
    """A target: its appearance and its canonical keypoints (1, K, 3) on the device; its mesh (478, 3) or None."""

    appearance: Appearance
    canonical: Tensor
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
    version = VERSION
    value_range = (0.0, 1.0)
    licence = LICENCE
    needs_mesh = False
    needs_image = True

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        where: str,
        weights_sha256: str,
        device: str = "auto",
        dtype: str = "float32",
        rotation: Literal["auto", "current", "beta"] = "auto",
        batch: int | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        """checkpoint: as `read_checkpoint` gives it; `where` names it in errors. The other arguments as in `create`;
        sizes: of the networks, if not the published ones.

        Raises GeneratorError where the checkpoint does not fill the networks exactly, or an argument is unknown.
        """
        sizes = sizes or Sizes()
        self._device, kind = resolve(device, dtype)
        if rotation != "auto" and rotation not in get_args(Convention):
            raise GeneratorError(f"rotation {rotation!r} is unknown: choose 'auto', 'current' or 'beta'")
        if batch is not None and batch < 1:
            raise GeneratorError(f"batch {batch} is no number of frames: give 1 or more, or None to choose by device")
        self._batch = batch or RENDERED_TOGETHER[self._device.type]
        variant, antialias = told_apart(checkpoint, where=where)
        self.variant = variant
        self.rotation: Convention = cast(Convention, rotation) if rotation != "auto" else _convention(antialias)
        self.size = sizes.image
        self.framing = Framing(size=sizes.image)
        self._precision = dtype
        self._weights_sha256 = weights_sha256
        with torch.device("meta"):
            networks = (VARIANTS[variant](sizes), KeypointDetector(sizes, antialias), HeadPoseEstimator(sizes))
        for module, network in zip(MODULES, networks, strict=True):
            load_strict(network, checkpoint[module], where=f"{where}, module {module!r}")
            network.eval().requires_grad_(False)
        generator, self.detector, self.estimator = networks
        fold(self.detector)
        fold(self.estimator)
        self.detector.to(self._device)
        self.estimator.to(self._device)
        with torch.inference_mode():
            self.renderer = Renderer(generator, kind, self._device)

    def fingerprint(self) -> str:
        """Hex digest of what determines the pixels: name, version, weights, rotation convention, precision."""
        facts = {
            "name": self.name,
            "version": self.version,
            "weights": self._weights_sha256,
            "rotation": self.rotation,
            "dtype": self._precision,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def encode_source(self, portrait: Face) -> Source:
        """Appearance volume, keypoints and heatmaps of a portrait, once a target."""
        with _inference():
            pixels = self._pixels([portrait], "the portrait")
            canonical = self.detector(pixels)
            keypoints = self._poses(pixels).keypoints(canonical, self.rotation)
            return Source(self.renderer.appearance(pixels, keypoints), canonical, portrait.mesh)

    def encode_motion(self, driving: Iterable[Face]) -> Motion:
        """Head pose and expression of each frame, once a clip; about 250 bytes a frame beside the mesh.

        Raises GeneratorError for an empty clip or a frame of another size.
        """
        stream = iter(driving)
        parts: list[HeadPoses] = []
        meshes: list[np.ndarray | None] = []
        while faces := list(islice(stream, ESTIMATED_TOGETHER)):
            with _inference():
                poses = self._poses(self._pixels(faces, f"driving frame {len(meshes)}"))
                parts.append(poses.to("cpu"))
            meshes += [face.mesh for face in faces]
        if not parts:
            raise GeneratorError("face-vid2vid: the driving clip has no frames")
        complete = [mesh for mesh in meshes if mesh is not None]
        stacked = np.stack(complete) if len(complete) == len(meshes) else None
        return Motion(HeadPoses.joined(parts), stacked)

    def render(self, source: Source, motion: Motion, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames (size, size, 3), float32 in 0..1, one for each driving frame.

        Raises GeneratorError, before the first frame, for an unknown option or a reference frame that is not there.
        """
        return self._frames(source.appearance, self.driving_keypoints(source, motion, mode))

    def driving_keypoints(self, source: Source, motion: Motion, mode: MotionMode) -> Tensor:
        """(T, K, 3) keypoints that the target's face gets, on the device."""
        mode.check_options(self.name, OPTIONS)
        view, scaled = FreeView.parse(mode.options), adapt_scale(mode.options)
        poses = motion.poses.to(self._device)
        driving = poses.keypoints(source.canonical, self.rotation, view)
        if mode.kind == "absolute":
            return driving
        index = _reference(source, motion, mode)
        reference = poses[index : index + 1].keypoints(source.canonical, self.rotation)
        own = source.appearance.keypoints
        return relative(driving, reference, own, relative_scale(own, reference) if scaled else 1.0)

    def _frames(self, appearance: Appearance, keypoints: Tensor) -> Iterator[np.ndarray]:
        buffers = Buffers()
        waiting: deque[tuple[Tensor, torch.cuda.Event | None]] = deque()
        for start in range(0, len(keypoints), self._batch):
            # Entered anew for each batch: a generator must not hold the mode while its caller runs.
            with _inference():
                pictures = self.renderer.pictures(appearance, keypoints[start : start + self._batch], buffers)
                waiting.append(_on_its_way(pictures.permute(0, 2, 3, 1)))
            # The GPU computes the next batch while this one travels.
            if len(waiting) > (1 if self._device.type == "cuda" else 0):
                yield from _arrived(*waiting.popleft())
        while waiting:
            yield from _arrived(*waiting.popleft())

    def _pixels(self, faces: list[Face], where: str) -> Tensor:
        for index, face in enumerate(faces):
            if face.image.shape[:2] != (self.size, self.size):
                raise GeneratorError(
                    f"face-vid2vid: {where}{f' + {index}' if index else ''} is {face.image.shape[1]} x "
                    f"{face.image.shape[0]} pixels, expected {self.size} x {self.size}: frame the face by the "
                    "generator's `framing` first"
                )
        stacked = torch.from_numpy(np.stack([face.image for face in faces])).to(self._device)
        return stacked.permute(0, 3, 1, 2).float().div_(255.0).contiguous()

    def _poses(self, pixels: Tensor) -> HeadPoses:
        out = self.estimator(pixels)
        angles = {name: degrees(out[name]) for name in ("yaw", "pitch", "roll")}
        return HeadPoses(**angles, translation=out["translation"], expression=out["expression"])


def create(
    weights: str | Path | None = None,
    device: str = "auto",
    dtype: str = "float32",
    rotation: Literal["auto", "current", "beta"] = "auto",
    batch: int | None = None,
) -> FaceVid2Vid:
    """face-vid2vid with the published weights of the checkpoint file `weights`; the variant is told by its tensors.

    device: "auto", "cpu", "cuda", "cuda:N". dtype: of the renderer's convolutions, "float32" or "bfloat16"
    (coordinates, softmaxes and sampling stay float32). rotation: how angles become a rotation matrix, "current", or
    "beta" for the first published weights; "auto" takes "beta" where the keypoint detector is theirs. batch: frames
    rendered together.

    Raises GeneratorError for missing or unfitting weights and unknown arguments.
    """
    if weights is None:
        raise GeneratorError(
            "face-vid2vid needs `weights`: the path of a published checkpoint (its licence is "
            f"{LICENCE}), a file that holds {list(MODULES)}"
        )
    path = Path(weights)
    checkpoint = read_checkpoint(path)
    return FaceVid2Vid(
        checkpoint,
        where=f"weights {path}",
        weights_sha256=file_sha256(path),
        device=device,
        dtype=dtype,
        rotation=rotation,
        batch=batch,
    )


@contextmanager
def _inference() -> Iterator[None]:
    """No autograd, and float32 convolutions in float32: cuDNN would otherwise keep 10 bits of every factor (TF32)."""
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
        yield


def _convention(antialias: bool) -> Convention:
    return "current" if antialias else "beta"


def _reference(source: Source, motion: Motion, mode: MotionMode) -> int:
    if mode.reference == "best":
        if source.mesh is None or motion.meshes is None:
            missing = "the portrait" if source.mesh is None else "a driving frame"
            raise GeneratorError(
                f"face-vid2vid: reference 'best' compares meshes, but {missing} has none: track the faces first, "
                "or choose a frame index"
            )
        from generators.reference_frame import best_frame

        return int(best_frame(source.mesh, motion.meshes))
    if mode.reference >= len(motion):
        raise GeneratorError(
            f"face-vid2vid: reference frame {mode.reference} is not in a clip of {len(motion)} frames; "
            f"choose 0 to {len(motion) - 1}, or 'best'"
        )
    return mode.reference


def _on_its_way(frames: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """The frames on the CPU, or a copy to the CPU under way and the event that ends it."""
    if not frames.is_cuda:
        return frames.contiguous(), None
    host = torch.empty(frames.shape, dtype=frames.dtype, pin_memory=True)
    host.copy_(frames, non_blocking=True)
    done = torch.cuda.Event()
    done.record()
    return host, done


def _arrived(frames: Tensor, done: torch.cuda.Event | None) -> Iterator[np.ndarray]:
    if done is not None:
        done.synchronize()
    yield from frames.numpy()
