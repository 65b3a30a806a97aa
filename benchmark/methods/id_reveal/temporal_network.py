"""The temporal network of ID-Reveal (Cozzolino et al., ICCV 2021), and its vectors of a video's windows.

Legend: B windows, C features a frame (62 parameters of a 3-D face model), T frames a window, R receptive field in
frames, D embedding size, U temporal positions that come out (T - R + 1), W vectors of a video, n frames of a video.

    convolutions over time without padding: the first of kernel 1, the others of kernel 3 with growing dilations
    each but the last: GroupNorm over 16 channels and all frames, from the second on plus its input cropped in the
    middle, LeakyReLU of slope 0.02
    the last: D channels, neither norm nor activation, no unit length

The norm runs over all frames of a window, so an embedding depends on the window it is computed in, not only on the R
frames that it sees. Frames without a face are NaN: the norm leaves them out, every position that sees one is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

# Dilations of the convolutions by the receptive field R that they give: the first has kernel 1, the others 3. Those for
# 51 are ID-Reveal's own; those for 31 and 71 are of a later project that follows NVFAIR's paper.
SCHEDULES: dict[int, tuple[int, ...]] = {
    31: (1, 1, 1, 1, 2, 2, 2, 2, 4),
    51: (1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 4),
    71: (1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4),
}
GROUP_CHANNELS = 16
_SLOPE = 0.02
_KERNEL = 3
_WINDOWS = 32  # embedded at once


class GroupNormWithGaps(nn.GroupNorm):
    """GroupNorm over (B, C, T) that leaves NaN values out of mean and variance; NaN stays NaN."""

    def forward(self, values: Tensor) -> Tensor:
        """Normalised values (B, C, T)."""
        grouped = values.reshape(len(values), self.num_groups, -1)
        present = ~grouped.isnan()
        count = present.sum(dim=2, keepdim=True)
        mean = torch.where(present, grouped, 0).sum(dim=2, keepdim=True) / count
        variance = torch.where(present, grouped - mean, 0).square().sum(dim=2, keepdim=True) / count
        normalised = ((grouped - mean) * (variance + self.eps).rsqrt()).reshape(values.shape)
        return normalised * self.weight[:, None] + self.bias[:, None]


class TemporalBlock(nn.Module):
    """A convolution over time, its norm, the cropped input where it is a residual block, and LeakyReLU."""

    def __init__(self, inputs: int, width: int, kernel: int, dilation: int, *, residual: bool, gaps: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, width, kernel, dilation=dilation)
        norm = GroupNormWithGaps if gaps else nn.GroupNorm
        self.norm = norm(width // GROUP_CHANNELS, width)
        self.residual = residual

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (B, H, T') of frames (B, C, T)."""
        return self.after_convolution(self.conv(frames), frames)

    def after_convolution(self, convolved: Tensor, frames: Tensor) -> Tensor:
        """The rest of the block (B, H, T') after its convolution (B, H, T') of `frames` (B, C, T)."""
        result = self.norm(convolved)
        if self.residual:
            crop = (frames.shape[2] - result.shape[2]) // 2
            result = result + frames[:, :, crop : crop + result.shape[2]]
        return functional.leaky_relu(result, _SLOPE)


class IdRevealNetwork(nn.Sequential):
    """ID-Reveal's network: frames (B, C, T) become embeddings (B, D, U), not of unit length."""

    def __init__(
        self,
        features: int = 62,
        embedding: int = 128,
        width: int = 512,
        dilations: Sequence[int] = SCHEDULES[51],
        *,
        gaps: bool = True,
    ) -> None:
        """features: C. embedding: D. width: channels between; a multiple of 16. gaps: whether frames may be NaN."""
        if width < GROUP_CHANNELS or width % GROUP_CHANNELS:
            raise NvfairError(f"width is {width}", expected=f"a multiple of {GROUP_CHANNELS}, the channels of a norm")
        if len(dilations) < 2 or min(dilations) < 1:
            raise NvfairError(f"dilations are {list(dilations)}", expected="at least two, each at least 1")
        kernels = [1] + [_KERNEL] * (len(dilations) - 1)
        channels = [features] + [width] * (len(dilations) - 1)
        blocks: list[nn.Module] = [
            TemporalBlock(before, after, kernel, dilation, residual=number > 0, gaps=gaps)
            for number, ((before, after), kernel, dilation) in enumerate(
                zip(pairwise(channels), kernels[:-1], dilations[:-1], strict=True)
            )
        ]
        super().__init__(*blocks, nn.Conv1d(width, embedding, kernels[-1], dilation=dilations[-1]))
        self.receptive_field = receptive_field(dilations)


def receptive_field(dilations: Sequence[int]) -> int:
    """Number R of frames that one embedding sees, where the first convolution has kernel 1 and the others 3."""
    return 1 + (_KERNEL - 1) * sum(dilations[1:])


def with_gaps(parameters: np.ndarray, frame_numbers: np.ndarray) -> np.ndarray:
    """Parameters (n, C) float32 of all frames from the first to the last face, NaN rows where there is no face.

    parameters: (m, C), one row a face. frame_numbers: (m,) of their frames. Such are `3ddfa` and `image_inds` in
    ID-Reveal's feature files. Raises NvfairError where the numbers do not rise or are not as many as the rows.
    """
    numbers = np.asarray(frame_numbers, dtype=np.int64)
    if len(numbers) != len(parameters) or (np.diff(numbers) <= 0).any():
        raise NvfairError(
            f"{count_text(len(parameters), 'row of parameters has', 'rows of parameters have')} {len(numbers)} frame "
            "numbers, or these do not rise",
            expected="one frame number a row, each larger than the one before",
        )
    if len(numbers) == 0:
        return np.empty(np.shape(parameters), np.float32)
    dense = np.full((numbers[-1] - numbers[0] + 1, np.shape(parameters)[1]), np.nan, np.float32)
    dense[numbers - numbers[0]] = parameters
    return dense


def window_vectors(
    network: IdRevealNetwork, parameters: np.ndarray, norm: np.ndarray | float, time: int = 100, stride: int = 1
) -> np.ndarray:
    """ID-Reveal's vectors (W, D) float32 of a video: one from the middle of each window of `time` frames.

    parameters: (n, C) of each frame, NaN where it has no face. norm: what they are divided by, a number or (C,).
    stride: frames from one window to the next. A window whose vector sees a frame without a face gives none.
    Raises NvfairError where a window is shorter than the receptive field.
    """
    if time < network.receptive_field:
        raise NvfairError(
            f"windows are {count_text(time, 'frame')} long",
            expected=f"at least {network.receptive_field} frames",
        )
    scaled = (np.asarray(parameters, dtype=np.float32) / np.asarray(norm, dtype=np.float32)).astype(np.float32)
    starts = np.arange(0, len(scaled) - time + 1, stride)
    middle = (time - network.receptive_field + 1) // 2
    head = network[len(network) - 1]
    assert isinstance(head, nn.Conv1d)
    parts = [np.empty((0, head.out_channels), np.float32)]
    with torch.inference_mode():
        for first in range(0, len(starts), _WINDOWS):
            rows = starts[first : first + _WINDOWS, None] + np.arange(time)
            windows = torch.from_numpy(scaled[rows].transpose(0, 2, 1).copy())  # (B, C, T)
            parts.append(network(windows)[:, :, middle].numpy())
    vectors = np.concatenate(parts)
    return vectors[np.isfinite(vectors).all(axis=1)]


def smallest_squared_distances(vectors: np.ndarray, references: np.ndarray) -> np.ndarray:
    """ID-Reveal's distance (W,) of each vector (W, D): the smallest squared Euclidean one to any reference (V, D)."""
    if len(references) == 0:
        raise NvfairError("there are no reference vectors", expected="at least one vector of the claimed person")
    exact, reference = np.asarray(vectors, np.float64), np.asarray(references, np.float64)
    return np.array([np.square(reference - vector).sum(axis=1).min() for vector in exact])
