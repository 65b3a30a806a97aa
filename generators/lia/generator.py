"""LIA as a `Generator`: a portrait's face moved by a driving clip's motion codes.

Legend: B batch, T frames, H W height and width, M motion dimensions.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from generators.errors import GeneratorError
from generators.face import Face, Framing
from generators.generator import MotionMode
from generators.lia import latent
from generators.lia.fast_decoder import FastDecoder, Surface
from generators.lia.fast_encoder import FastEncoder
from generators.lia.network import Network
from generators.lia.stretch import stretched
from generators.lia.styles import Styles
from generators.lia.weights import LICENCE

OPTIONS = ("clip_stretch", "linear_manipulation")
# Larger batches only help where one frame cannot fill the device.
GPU_BATCH = 8
# The style layers of this many frames are computed at once: memory traffic of their matrices is shared.
STYLE_FRAMES = 32


@dataclass(frozen=True)
class Source:
    """A portrait, encoded: its share of the style scales, own motion code (M,), what the decoder samples, its mesh."""

    scales: Tensor
    code: np.ndarray
    surface: Surface
    mesh: np.ndarray | None


@dataclass(frozen=True)
class Motion:
    """A driving clip, encoded: motion codes float32 (T, M), and meshes (T, 478, 3) where every frame had one."""

    codes: np.ndarray
    meshes: np.ndarray | None


class Lia:
    """`Generator` by LIA's network (256 x 256, its "vox" weights).

    Options of a `MotionMode`: `clip_stretch` (bool, default False): the authors' brightness stretch over the whole
    clip (`generators.lia.stretch`). `linear_manipulation` ({dimension: delta}, delta a number or one for each driving
    frame): each frame shows the portrait's own motion plus the deltas; the driver then only gives the number of frames.
    """

    name = "lia"
    family = "lia"
    version = "1"
    value_range = (-1.0, 1.0)
    licence = LICENCE
    needs_mesh = False
    needs_image = True

    def __init__(
        self,
        network: Network,
        *,
        weights_sha256: str,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        batch: int | None = None,
        compile: bool = False,
    ) -> None:
        """`network` is folded and may be dropped afterwards. device: the CPU by default. dtype: of the convolutions.
        batch: frames a call (default 1 on a CPU, 8 on a GPU). compile: pass the decoder through `torch.compile`.

        Raises GeneratorError for a batch below 1.
        """
        if batch is not None and batch < 1:
            raise GeneratorError(f"batch must be at least 1 frame; got {batch}")
        self.size = network.shape.size
        self.framing = Framing(size=self.size)
        self._sha256, self._dtype = weights_sha256, dtype
        self._device = device or torch.device("cpu")
        on_gpu = self._device.type == "cuda"
        self._batch = batch or (GPU_BATCH if on_gpu else 1)
        self._encoder = FastEncoder(network, dtype).eval().to(self._device)
        self._styles = Styles(network).eval().to(self._device)
        self._decoder = FastDecoder(network, dtype).eval().to(self._device)
        self._decode: Callable[..., tuple[Tensor, list[Tensor], list[Tensor]]] = self._decoder
        self._full_batches = compile  # a compiled (and graph-captured) decoder is one for each batch size
        if compile:
            # On a GPU this mode also records the launches as one CUDA graph.
            self._decode = torch.compile(self._decoder, dynamic=False, mode="reduce-overhead" if on_gpu else "default")

    def fingerprint(self) -> str:
        """Hex digest of name, algorithm version, weights and precision."""
        facts = {"name": self.name, "version": self.version, "weights": self._sha256, "dtype": str(self._dtype)}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @torch.inference_mode()
    def encode_source(self, portrait: Face) -> Source:
        """Everything of a portrait that no driver changes. Raises GeneratorError unless it is size x size pixels."""
        image = self._images({"the portrait": portrait})
        with _exact_float32():
            style, code, features = self._encoder(image)
            surface = self._decoder.surface(features)
        return Source(self._styles.of_source(style), code[0].cpu().numpy(), surface, portrait.mesh)

    @torch.inference_mode()
    def encode_motion(self, driving: Iterable[Face]) -> Motion:
        """The motion code of every driving frame; `driving` is read once, `batch` faces at a time.

        Raises GeneratorError for an empty clip or a frame that is not size x size pixels.
        """
        codes: list[Tensor] = []
        meshes: list[np.ndarray | None] = []
        stream = iter(driving)
        while faces := list(islice(stream, self._batch)):
            images = self._images({f"driving frame {len(meshes) + i}": face for i, face in enumerate(faces)})
            with _exact_float32():
                codes.append(self._encoder(images)[1])
            meshes.extend(face.mesh for face in faces)
        if not codes:
            raise GeneratorError("the driving clip has no frames: give at least one")
        known = [mesh for mesh in meshes if mesh is not None]
        complete = np.stack(known).astype(np.float32) if len(known) == len(meshes) else None
        return Motion(torch.cat(codes).cpu().numpy(), complete)

    def render(self, source: Source, motion: Motion, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames float32 (size, size, 3), RGB, unclamped around -1..1, one for each driving frame; streams.

        Raises GeneratorError at once for an unknown option, a reference frame the clip lacks, or `reference="best"`
        without meshes.
        """
        mode.check_options(self.name, OPTIONS)
        stretch = mode.options.get("clip_stretch", False)
        if not isinstance(stretch, bool):
            raise GeneratorError(f"option clip_stretch must be true or false; got {stretch!r}")
        frames = self._frames(source, self._codes(source, motion, mode))
        return stretched(frames) if stretch else frames

    def linear_manipulation(self, source: Source, deltas: Iterable[Mapping[int, float]]) -> Iterator[np.ndarray]:
        """One frame for each {dimension: delta}: the portrait's own motion, moved along the dictionary's directions.

        `[{5: delta} for delta in generators.lia.latent.SWEEP]` is the authors' figure for dimension 5.
        Raises GeneratorError for an unknown dimension or no deltas.
        """
        codes = [latent.manipulated(source.code, delta, frames=1) for delta in deltas]
        if not codes:
            raise GeneratorError("linear manipulation: no deltas given, so there is no frame to render")
        return self._frames(source, np.concatenate(codes))

    def _codes(self, source: Source, motion: Motion, mode: MotionMode) -> np.ndarray:
        if "linear_manipulation" in mode.options:
            return latent.manipulated(source.code, mode.options["linear_manipulation"], len(motion.codes))
        if mode.kind == "absolute":
            return latent.absolute(motion.codes)
        reference = mode.reference
        if reference == "best":
            if source.mesh is None or motion.meshes is None:
                raise GeneratorError(
                    'reference="best" compares face meshes: give the portrait and every driving frame their mesh, '
                    "or name a reference frame"
                )
            from generators.reference_frame import best_frame

            reference = best_frame(source.mesh, motion.meshes)
        return latent.relative(motion.codes, reference, source.code)

    def _frames(self, source: Source, codes: np.ndarray) -> Iterator[np.ndarray]:
        # On a GPU the next batch is queued before the last one is awaited, so the device never idles.
        ahead = 1 if self._device.type == "cuda" else 0
        waiting: deque[Callable[[], np.ndarray]] = deque()
        for block in range(0, len(codes), STYLE_FRAMES):
            scales, gains = self._style(source, codes[block : block + STYLE_FRAMES])
            for start in range(0, len(scales[0]), self._batch):
                rows = slice(start, start + self._batch)
                waiting.append(self._launch([s[rows] for s in scales], [g[rows] for g in gains], source.surface))
                if len(waiting) > ahead:
                    yield from waiting.popleft()()
        while waiting:
            yield from waiting.popleft()()

    @torch.inference_mode()
    def _style(self, source: Source, codes: np.ndarray) -> tuple[list[Tensor], list[Tensor]]:
        with _exact_float32():
            return self._styles(source.scales, torch.from_numpy(codes).to(self._device))

    @torch.inference_mode()
    def _launch(self, scales: list[Tensor], gains: list[Tensor], surface: Surface) -> Callable[[], np.ndarray]:
        """Queues a batch; what is returned waits for its frames (B, H, W, 3)."""
        count = len(scales[0])
        if self._full_batches:
            scales, gains = ([_filled(t, self._batch) for t in tensors] for tensors in (scales, gains))
        with _exact_float32():
            pictures, _, _ = self._decode(scales, gains, surface)
        frames = pictures[:count].permute(0, 2, 3, 1).contiguous()
        if frames.device.type == "cpu":
            return frames.numpy
        host = torch.empty(frames.shape, pin_memory=True)
        host.copy_(frames, non_blocking=True)
        done = torch.cuda.Event()
        done.record()

        def wait() -> np.ndarray:
            done.synchronize()
            return host.numpy()

        return wait

    def _images(self, faces: Mapping[str, Face]) -> Tensor:
        """{what it is: picture} -> (B, 3, H, W) float32 in -1..1 on the device."""
        for what, face in faces.items():
            height, width = face.image.shape[:2]
            if (height, width) != (self.size, self.size):
                raise GeneratorError(
                    f"{what} is {width}x{height} pixels; lia needs faces framed and resized to {self.size}x{self.size}"
                )
        pixels = torch.from_numpy(np.stack([face.image for face in faces.values()]))
        if self._device.type == "cuda":
            pixels = pixels.pin_memory().to(self._device, non_blocking=True)
        return (pixels.permute(0, 3, 1, 2) / 255.0 - 0.5) * 2.0


def _filled(rows: Tensor, count: int) -> Tensor:
    """(B, C) -> contiguous (count, C): the last row is repeated."""
    return torch.cat([rows, rows[-1:].expand(count - len(rows), -1)])


def _exact_float32() -> AbstractContextManager[None]:
    """float32 convolutions in float32: cuDNN would otherwise keep 10 bits of every factor (TF32)."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False)
