"""Embeddings of a data set's windows.

Legend: W windows, T frames a window, H width, D embedding size.
A frame is projected once however many windows share it.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmark.inputs import DeviceFrames
from benchmark.scores import VideoEmbeddings
from benchmark.temporal_cnn import TemporalCnn, window_embedding
from benchmark.windows import WindowSet

# Frames and windows worked on at once: some 130 MB of distances.
_FRAMES = 4096
_WINDOWS = 512


def embed_windows(
    network: TemporalCnn, windows: WindowSet, frames: DeviceFrames | None = None, device: torch.device | str = "cpu"
) -> np.ndarray:
    """One embedding a window (W, D) float32, L2-normalised, in the order of `windows`.

    frames: the windows' landmarks where they already are on a device.
    """
    if frames is None:
        frames = DeviceFrames(windows.landmarks, network.shape.input, device)
    was_training = network.training
    network.eval()
    result = np.empty((len(windows), network.shape.embedding), dtype=np.float32)
    steps = torch.arange(windows.length, device=frames.device)
    # Batches follow the order of videos, so that a batch's frames lie together.
    with torch.inference_mode():
        first = 0
        while first < len(windows):
            last = _batch_end(windows, first)
            low, high = int(windows.start[first]), int(windows.start[last - 1]) + windows.length
            rows = torch.arange(low, high, device=frames.device)
            hidden = torch.cat(
                [network.project(frames.features(part, reuse=True)) for part in rows.split(_FRAMES)], dim=1
            )
            start = torch.from_numpy(windows.start[first:last] - low).to(frames.device)
            batch = hidden[:, start[:, None] + steps].transpose(0, 1)  # (B, H, T)
            result[first:last] = window_embedding(network.temporal(batch)).cpu().numpy()
            first = last
    network.train(was_training)
    return result


def by_video(windows: WindowSet, embeddings: np.ndarray) -> VideoEmbeddings:
    """Window embeddings (W, D) grouped by video, as the scores want them."""
    counts = np.bincount(windows.video, minlength=len(windows.videos))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return VideoEmbeddings(windows.videos["video"].to_numpy(dtype=object), offsets, embeddings)


def _batch_end(windows: WindowSet, first: int) -> int:
    """One past the last window of a batch that begins at `first`."""
    low = windows.start[first]
    limit = min(first + _WINDOWS, len(windows))
    fits = np.searchsorted(windows.start[first:limit], low + 4 * _FRAMES - windows.length, side="right")
    return first + max(int(fits), 1)
