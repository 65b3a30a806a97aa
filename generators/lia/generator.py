"""LIA as a `Generator`: a portrait's face moved by a driving clip's motion codes.

Legend: B batch, T frames, H W height and width, M motion dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generators.checkpoint import Checkpoint, read_checkpoint
from generators.clip import encode_clip, portrait_picture
from generators.device import batch_size, inference, on_card, resolve, sent, to_device, to_host
from generators.errors import GeneratorError
from generators.face import Face, voxceleb_framing
from generators.generator import MotionMode, digest
from generators.lia import latent
from generators.lia.card_decoder import CardDecoder
from generators.lia.fast_decoder import FastDecoder, Surface
from generators.lia.fast_encoder import FastEncoder
from generators.lia.layout import LAYOUT, read_network
from generators.lia.network import Architecture
from generators.lia.stretch import stretched
from generators.lia.styles import Styles
from generators.reference_frame import reference_index
from generators.replay import Replay, filled_up
from generators.weights import Weights
from generators.weights import resolve as resolve_weights

OPTIONS = ("clip_stretch", "linear_manipulation")
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
    version = "2"
    value_range = (-1.0, 1.0)
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
        compile: bool = False,
        shape: Architecture | None = None,
    ) -> None:
        """checkpoint: what `weights` holds. dtype: of the convolutions. batch: frames a call. compile: pass the decoder
        through `torch.compile`. shape: of the network, if not the published one.

        Raises GeneratorError where the checkpoint does not fill the network exactly, and for a batch below 1.
        """
        network = read_network(checkpoint, where=f"weights {weights.path}", shape=shape)
        self.weights, self.licence = weights, weights.licence
        self.device, self.dtype, self.batch = device, dtype, batch_size(batch, device)
        self.size = network.shape.size
        self.framing = voxceleb_framing(self.size)
        self._on_card = on_card(device)
        self._encoder = FastEncoder(network, dtype, self._on_card).eval().to(device)
        self._styles = Styles(network).eval().to(device)
        self._decoder = (CardDecoder if self._on_card else FastDecoder)(network, dtype).eval().to(device)
        self._decode: Callable[..., tuple[Tensor, list[Tensor], list[Tensor]]] = self._decoder
        self._full_batches = compile  # a compiled decoder is one for each batch size
        if compile:
            self._decode = torch.compile(self._decoder, dynamic=False)
        self.replay = Replay(self._paint_codes, device, self.name)

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
        """Everything of a portrait that no driver changes. Raises GeneratorError unless it is size x size pixels."""
        picture = portrait_picture(portrait, generator=self.name, size=self.size)
        with inference():
            style, code, features = self._encoder(self._image(picture))
            surface, scales = self._decoder.surface(features), self._styles.of_source(style)
        return Source(scales, code[0].cpu().numpy(), surface, portrait.mesh)

    def encode_motion(self, driving: Iterable[Face]) -> Motion:
        """The motion code of every driving frame; `driving` is read once, `batch` faces at a time.

        Raises GeneratorError for an empty clip or a frame that is not size x size pixels.
        """
        codes, meshes = encode_clip(driving, self._code, batch=self.batch, generator=self.name, size=self.size)
        with inference():
            return Motion(torch.cat(codes).cpu().numpy(), meshes)

    def check_mode(self, mode: MotionMode) -> None:
        """Raises GeneratorError for an option that is unknown or has a wrong value."""
        mode.check_options(self.name, OPTIONS)
        stretch = mode.options.get("clip_stretch", False)
        if not isinstance(stretch, bool):
            raise GeneratorError(f"option clip_stretch must be true or false; got {stretch!r}")

    def render(self, source: Source, motion: Motion, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames float32 (size, size, 3), RGB, unclamped around -1..1, one for each driving frame; streams.

        Raises GeneratorError at once for an unknown option, a reference frame the clip lacks, or `reference="best"`
        without meshes.
        """
        self.check_mode(mode)
        frames = self._frames(source, self._codes(source, motion, mode))
        return stretched(frames) if mode.options.get("clip_stretch", False) else frames

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
        first = reference_index(mode, source.mesh, motion.meshes, len(motion.codes), generator=self.name)
        return latent.relative(motion.codes, first, source.code)

    def _frames(self, source: Source, codes: np.ndarray) -> Iterator[np.ndarray]:
        return to_host(self._batches(source, codes))

    def _batches(self, source: Source, codes: np.ndarray) -> Iterator[Tensor]:
        if self._on_card:
            yield from self._recorded_batches(source, codes)
            return
        for block in range(0, len(codes), STYLE_FRAMES):
            with inference():
                moved = sent(torch.from_numpy(codes[block : block + STYLE_FRAMES]), self.device)
                scales, gains = self._styles(source.scales, moved)
            for start in range(0, len(moved), self.batch):
                rows = slice(start, start + self.batch)
                with inference():
                    frames = self.paint([s[rows] for s in scales], [g[rows] for g in gains], source.surface)
                yield frames

    def _recorded_batches(self, source: Source, codes: np.ndarray) -> Iterator[Tensor]:
        tensors = (source.scales, *source.surface.features, *source.surface.colours)
        with inference():
            moved = sent(torch.from_numpy(codes), self.device)
        for start in range(0, len(codes), self.batch):
            with inference():
                frames = self.replay(tensors, (moved[start : start + self.batch],), self.batch)
            yield frames

    def _paint_codes(self, source: Sequence[Tensor], frames: Sequence[Tensor]) -> Tensor:
        """Frames of a source's (scales, features, colours) for motion codes (B, M)."""
        (codes,) = frames
        features = len(self._decoder.resolutions) - 1
        surface = Surface(tuple(source[1 : 1 + features]), tuple(source[1 + features :]))
        scales, gains = self._styles(source[0], codes)
        return self.paint(scales, gains, surface)

    def paint(self, scales: list[Tensor], gains: list[Tensor], surface: Surface) -> Tensor:
        """Frames (B, size, size, 3) around -1..1 of a source's surface, for each layer's styles (B, C)."""
        count = len(scales[0])
        if self._full_batches:
            scales, gains = ([filled_up(rows, self.batch) for rows in tensors] for tensors in (scales, gains))
        pictures, _, _ = self._decode(scales, gains, surface)
        return pictures[:count].permute(0, 2, 3, 1).contiguous()

    def _code(self, pictures: np.ndarray) -> Tensor:
        with inference():
            return self._encoder(self._image(pictures))[1]

    def _image(self, pictures: np.ndarray) -> Tensor:
        """uint8 (B, H, W, 3) -> (B, 3, H, W) float32 in -1..1 on the device."""
        return (to_device(pictures, self.device) - 0.5) * 2.0


def create(
    weights: str | Path | None = None,
    device: str = "auto",
    dtype: str = "float32",
    batch: int | None = None,
    *,
    compile: bool = False,
) -> Lia:
    """LIA with the weights of a published file or a registered name.

    device: "auto", "cpu", "cuda", "cuda:N". dtype: of the convolutions, "float32" or "bfloat16"; styles, flows and
    sampling stay float32. batch: frames a call (where not given, 1 on a CPU, 8 on a GPU, 32 on one with over 40 GB).
    compile: `torch.compile` the decoder (minutes at first use).
    Raises GeneratorError for missing or unfitting weights, and for a device, type or batch that cannot be.
    """
    where, precision = resolve(device, dtype)
    resolved = resolve_weights(weights, LAYOUT)
    return Lia(read_checkpoint(resolved.path), resolved, device=where, dtype=precision, batch=batch, compile=compile)
