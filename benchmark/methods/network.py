"""The base of every trainable network: what the train loop and the checkpoint know of it, and nothing else.

Legend: B windows a batch, T frames a window, N points of a frame (126 landmarks, or 109 of the mesh), C coordinates of
a point, D embedding size, U temporal positions that come out, F frames of all videos, W windows.

    points of a frame (N, C)  are made from tracks once, by `frame_points`, and then stay on the device
    windows (B, T, N, C)      are gathered from them there; `forward` turns them into embeddings (B, D, U)

A new network is a subclass of `Network` with a line in NETWORKS. Its sizes are a frozen dataclass (`shape_type`), so
that a checkpoint can build it again from JSON.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.methods.method import Needs
from benchmark.windows.device_frames import FramePoints
from benchmark.windows.stored_frames import StoredFrames
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError, did_you_mean
from nvfair_tools.landmarks.scheme import SCHEME_126

if TYPE_CHECKING:
    from typing import Self

    from benchmark.methods.train_options import TrainOptions

# Name in checkpoints and on the command line -> where the class is; it is imported when it is needed.
NETWORKS: Mapping[str, str] = MappingProxyType(
    {
        "temporal-cnn": "benchmark.methods.temporal_cnn:TemporalCnn",
        "graph-network": "benchmark.methods.avaprintdb.graph_network:GraphNetwork",
        "motion-signature": "benchmark.methods.motion_signature:MotionSignature",
        "nvfair-relative": "benchmark.methods.id_reveal.nvfair_relative:NvfairRelative",
        "trustfa": "benchmark.methods.trustfa.network:TrustFa",
        "attention-network": "benchmark.methods.avaprintdb.attention_network:AttentionNetwork",
    }
)
# Frames embedded at once: some 130 MB of distances.
_FRAMES = 4096


class Network(nn.Module):
    """A network that turns the points of windows into one embedding for each temporal position.

    method: its name in NETWORKS. shape_type: the dataclass of its sizes. needs: as that of a method. recommended:
    options that the network's own publication, or our experience, sets otherwise than TrainOptions does.
    """

    method: ClassVar[str]
    shape_type: ClassVar[type]
    needs: ClassVar[Needs] = "landmarks"
    recommended: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape

    @classmethod
    def from_options(cls, options: TrainOptions, window: int) -> Self:
        """A new network for windows of `window` frames; NvfairError where it cannot take such windows."""
        return cls(_parse_shape(cls, dict(options.sizes), where="--size"))

    @classmethod
    def from_json(cls, shape: dict[str, Any], where: object = "") -> Self:
        """A network with these sizes, as `shape_json` gives them, and fresh weights."""
        return cls(_parse_shape(cls, shape, where=where))

    def shape_json(self) -> dict[str, Any]:
        """The sizes of the network as plain values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self.shape).items()}

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding."""
        return int(self.shape.embedding)

    @property
    def uses_order(self) -> bool:
        """Whether the order of a window's frames can change its embedding; if not, training shuffles no frames."""
        return True

    def describe_input(self) -> dict[str, Any]:
        """What the network sees of a frame, in words, for the checkpoint and the report."""
        return {"input": self.method, "scale": "none"}

    def mesh_points(self) -> tuple[int, ...]:
        """Mesh indices that the network reads, if it needs the mesh; no other mesh points are kept in memory."""
        return ()

    def tracked_points(self) -> tuple[int, ...] | None:
        """Index in MediaPipe's mesh of each of the N points; None where they are no points of a mesh."""
        if self.needs == "mesh":
            return self.mesh_points()
        return tuple(int(point) for point in SCHEME_126.indices) if self.needs == "landmarks" else None

    def mirror_indices(self) -> tuple[int, ...] | None:
        """Index of each of the N points' mirror image among them; None where there are no mirror images."""
        return None

    def frame_points(self, windows: WindowSet) -> np.ndarray:
        """Points float32 (F, N, C) of all frames, as they lie on the device; landmarks in pixels, unless overridden.

        They are made of some videos at a time, so those of a video may depend on no other video.
        """
        return windows.landmarks[:]

    def points_of(self, windows: WindowSet) -> np.ndarray | StoredFrames:
        """The points (F, N, C) of windows: those that were read for this network, or else `frame_points`."""
        return self.frame_points(windows) if windows.points is None else windows.points

    def fit_statistics(self, frames: FramePoints, windows: WindowSet, seed: int) -> None:
        """Fits what the network takes from the training frames (nothing, unless overridden); called before training."""

    def forward(self, points: Tensor, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, U) of windows (B, T, N, C), and those of the same windows with their frames reordered.

        order: (B, T) positions within each window; None: no reordered windows are embedded, and None comes second.
        """
        raise NotImplementedError

    def pool(self, embeddings: Tensor) -> Tensor:
        """One embedding of unit length a window (B, D), from those of its temporal positions (B, D, U)."""
        return window_embedding(embeddings)

    def embed(self, frames: FramePoints, windows: WindowSet) -> np.ndarray:
        """One embedding a window (W, D) float32, in the order of `windows`."""
        batch_size = max(1, _FRAMES // windows.length)
        batches = []
        for first in range(0, len(windows), batch_size):
            rows = windows.rows(slice(first, first + batch_size))
            batches.append(self.pool(self(frames.take(rows))[0]).float())
        return join_batches(batches, self.embedding_size)


def network_class(method: str, where: object = "") -> type[Network]:
    """The class of the network with this name; NvfairError that lists all names where there is none."""
    if method not in NETWORKS:
        raise NvfairError(
            f"network {method!r} is unknown",
            where=where,
            expected=f"one of {', '.join(NETWORKS)}",
            remedy=did_you_mean([method], NETWORKS),
        )
    module, name = NETWORKS[method].split(":")
    return getattr(importlib.import_module(module), name)


def window_embedding(embeddings: Tensor) -> Tensor:
    """One embedding a window (B, D): the normalised mean of those of its temporal positions (B, D, U)."""
    return functional.normalize(embeddings.mean(dim=2), dim=1)


def join_batches(batches: Sequence[Tensor], embedding_size: int) -> np.ndarray:
    """Embeddings (W, D) float32 of batches (B, D) on the device; the host waits for it once, not once a batch."""
    return torch.cat(list(batches)).cpu().numpy() if batches else np.empty((0, embedding_size), dtype=np.float32)


def embed_windows(
    network: Network, windows: WindowSet, frames: FramePoints | None = None, device: torch.device | str = "cpu"
) -> np.ndarray:
    """One L2-normalised embedding a window (W, D) float32, in the order of `windows`.

    frames: points of the windows' frames, where they are on the network's device already; else they are sent there.
    """
    was_training = network.training
    network.eval()
    with torch.inference_mode(), whole_float32():
        if frames is not None:
            result = network.embed(frames, windows)
        else:
            # Some videos at a time, where there are many: their frames never lie in memory together. The result has its
            # place beforehand, as arrays that stay between those that go would leave memory in pieces.
            result = np.empty((len(windows), network.embedding_size), np.float32)
            first = 0
            for block in windows.blocks():
                result[first : first + len(block)] = network.embed(FramePoints(network.points_of(block), device), block)
                first += len(block)
    network.train(was_training)
    return result


@contextmanager
def whole_float32() -> Iterator[None]:
    """A context in which float32 convolutions on a GPU are float32; cuDNN would else keep 10 bits of each factor."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _parse_shape(cls: type[Network], content: dict[str, Any], where: object) -> Any:
    """The sizes of `cls` from plain values; NvfairError for an unknown, wrong or missing size."""
    known = {field.name: field for field in fields(cls.shape_type)}
    unknown = [name for name in content if name not in known]
    if unknown:
        raise NvfairError(
            f"{cls.method} has no size called {', '.join(unknown)}", where=where, expected=f"some of {', '.join(known)}"
        )
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    for name, value in values.items():
        default = known[name].default
        if default is not MISSING and (type(value) is not type(default) or (isinstance(value, int) and value < 0)):
            raise NvfairError(f"{cls.method} has {name}={value!r}", where=where, expected=f"such as {default!r}")
    try:
        return cls.shape_type(**values)
    except TypeError as error:
        raise NvfairError(f"the sizes of {cls.method} are not complete: {error}", where=where) from error
