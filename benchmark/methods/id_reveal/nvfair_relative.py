"""ID-Reveal's network on landmark distances: the closest known relative of NVFAIR's baseline, whose layers are unknown.

Legend: B windows, T frames a window, L landmarks (126), P distances of a frame (7,875), H width, D embedding size,
U temporal positions that come out (T - R + 1), R receptive field in frames, F frames of all videos.

NVFAIR's paper gives no layers. A later project that says it follows the paper takes windows of 71 frames, a receptive
field of exactly 71 and a schedule of dilations whose variant for 51 frames is that of ID-Reveal's published network.
This is that class with 7,875 distances and that schedule. The assembly is ours, and nobody has published it:

* distances of a frame divided by the distance of the inner eye corners, averaged over the video;
* clips of 75 frames give 5 embeddings of 128; a window of 71 frames gives one;
* Adam at 1e-4 without a schedule, 8 people x 16 clips a batch (`recommended`).

Whether the embeddings of the baseline have unit length is unknown. `unit_length`, on by default, is our choice: scores
compare embeddings of unit length in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.methods.frame_order import reorder_frames
from benchmark.methods.id_reveal.temporal_network import SCHEDULES, IdRevealNetwork, TemporalBlock
from benchmark.methods.inputs import FrameFeatures
from benchmark.methods.network import Network
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from typing import Self

    from benchmark.methods.train_options import TrainOptions

_INNER_EYE_CORNERS = (133, 362)  # mesh points, right and left


@dataclass(frozen=True)
class RelativeShape:
    """Sizes of the network: receptive field R (31, 51 or 71), width H, embedding D; and whether D has unit length."""

    receptive_field: int = 71
    width: int = 512
    embedding: int = 128
    unit_length: bool = True


class NvfairRelative(Network):
    """The closest known relative of NVFAIR's baseline: distances, ID-Reveal's temporal network, no padding."""

    method = "nvfair-relative"
    shape_type = RelativeShape
    recommended: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "optimiser": "adam",
            "schedule": "constant",
            "learning_rate": 1e-4,
            "weight_decay": 0.0,
            "warm_up": 0.0,
            "batch": 128,
            "drivers": 8,
        }
    )
    shape: RelativeShape

    def __init__(self, shape: RelativeShape) -> None:
        super().__init__(shape)
        if shape.receptive_field not in SCHEDULES:
            raise NvfairError(
                f"{self.method} has receptive_field={shape.receptive_field}",
                expected=f"one of {', '.join(map(str, SCHEDULES))}",
            )
        self.features = FrameFeatures("distances", "none")
        pairs = LANDMARK_COUNT * (LANDMARK_COUNT - 1) // 2
        self.layers = IdRevealNetwork(pairs, shape.embedding, shape.width, SCHEDULES[shape.receptive_field], gaps=False)

    @classmethod
    def from_options(cls, options: TrainOptions, window: int) -> Self:
        """A new network; NvfairError where windows of `window` frames are shorter than the receptive field."""
        network = super().from_options(options, window)
        field = network.shape.receptive_field
        if window < field:
            shorter = [known for known in SCHEDULES if known <= window]
            raise NvfairError(
                f"windows of {window} frames are shorter than what one embedding sees, {field} frames",
                remedy=f"pass --size receptive_field={max(shorter)}" if shorter else "use longer windows",
            )
        return network

    def describe_input(self) -> dict[str, Any]:
        """The input, the length that it is divided by, and the order of the pairs."""
        return {
            "input": "distances",
            "scale": "inner eye corners, mean over the video",
            "pairs": "all unordered, (0,1), (0,2), ...",
        }

    def mirror_indices(self) -> tuple[int, ...]:
        """Index of each landmark's mirror image in the scheme of 126 landmarks."""
        return tuple(int(n) for n in SCHEME_126.mirror)

    def frame_points(self, windows: WindowSet) -> np.ndarray:
        """Landmarks float32 (F, L, 2), centred in each frame and divided by their video's mean inner-eye distance.

        The mean is over all frames of the video that `windows` holds and that have landmarks; over a window's frames
        where a window comes alone (`Method.embed`). Raises NvfairError for a video whose eye corners coincide.
        """
        eyes = [int(np.flatnonzero(SCHEME_126.indices == point)[0]) for point in _INNER_EYE_CORNERS]
        lengths = mean_lengths(windows.landmarks[:], windows.offsets, (eyes[0], eyes[1]))
        unusable = np.flatnonzero(~(lengths > 0))
        if len(unusable):
            name = windows.videos.iloc[int(unusable[0])].get("video", "")
            raise NvfairError(
                "no distance of the inner eye corners, which distances are divided by: "
                f"{count_text(len(unusable), 'video')}",
                where=f"video {name}",
                expected="landmarks of the 126-point scheme in pixels",
            )
        return scaled_by_video(windows.landmarks[:], windows.offsets, lengths)

    def forward(self, points: Tensor, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, U) of windows (B, T, L, 2) of `frame_points`, and of reordered ones (see Network).

        The first block looks at one frame at a time, but for a norm that no order changes; so frames are put into
        another order after it. Its product with 7,875 distances, nearly equal from frame to frame, stays in float32.
        """
        first = self.layers[0]
        assert isinstance(first, TemporalBlock)
        with torch.autocast(points.device.type, enabled=False):
            distances = self.features(points.flatten(0, 1).float())  # (P, B T)
            projected = first.conv.weight[:, :, 0] @ distances + first.conv.bias[:, None]  # type: ignore[index]
        by_window = projected.reshape(len(projected), len(points), -1).transpose(0, 1)  # (B, H, T)
        hidden = first.after_convolution(by_window, by_window)
        if order is None:
            return self._after_first_block(hidden), None
        both = self._after_first_block(torch.cat([hidden, reorder_frames(hidden, order)]))
        return both[: len(hidden)], both[len(hidden) :]

    def _after_first_block(self, hidden: Tensor) -> Tensor:
        for layer in list(self.layers)[1:]:
            hidden = layer(hidden)
        whole = hidden.float()
        return functional.normalize(whole, dim=1) if self.shape.unit_length else whole


def mean_lengths(landmarks: np.ndarray, offsets: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    """Mean distance (N,) in pixels of two landmarks over each video's frames, in float64; NaN frames do not count.

    landmarks: (F, L, 2) pixels. offsets: (N + 1), video n has the frames offsets[n]:offsets[n + 1]. ends: numbers of
    the two landmarks. NaN for a video without landmarks.
    """
    spans = landmarks[:, ends[0]].astype(np.float64) - landmarks[:, ends[1]]
    lengths = np.hypot(spans[:, 0], spans[:, 1])
    means = np.full(len(offsets) - 1, np.nan)
    for number, (first, last) in enumerate(pairwise(offsets)):
        known = lengths[first:last][np.isfinite(lengths[first:last])]
        if len(known):
            means[number] = known.mean()
    return means


def scaled_by_video(landmarks: np.ndarray, offsets: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Landmarks float32 (F, L, 2), centred in each frame and divided by the length (N,) of its video (`offsets`)."""
    result = np.empty(landmarks.shape, np.float32)
    for length, first, last in zip(lengths, offsets[:-1], offsets[1:], strict=True):
        points = landmarks[first:last].astype(np.float32)
        exact = (points - points.mean(axis=1, keepdims=True)).astype(np.float64)
        result[first:last] = exact / length
    return result
