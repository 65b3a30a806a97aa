"""Running a method over windows.

Legend: W windows, B windows a batch, T frames a window, L landmarks, D embedding size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmark.methods.method import (
    Method,
)
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

_BATCH = 256


def embed_videos(method: Method, windows: WindowSet, dataset: Dataset, batch: int = _BATCH) -> VideoEmbeddings:
    """Embeddings of all windows, grouped by video.

    Raises NvfairError where the method gives another number of embeddings than windows, or one that is not finite,
    and where the data set lacks what it needs.
    """
    if hasattr(method, "embed_all"):
        return group_by_video(windows, _checked(method.embed_all(windows), windows, method.name))
    parts = [np.asarray(method.embed(one)) for one in window_batches(method, windows, dataset, batch)]
    whole = np.concatenate(parts) if parts else np.empty((0, 1), np.float32)
    return group_by_video(windows, _checked(whole, windows, method.name))


def window_batches(method: Method, windows: WindowSet, dataset: Dataset, batch: int = _BATCH) -> Iterator[WindowBatch]:
    """Windows in their order, `batch` at a time; pictures are decoded a video at a time."""
    if method.needs == "frames":
        yield from _pictures(method, windows, dataset, batch)
        return
    mesh = windows.mesh
    if method.needs == "mesh" and mesh is None:
        raise NvfairError(
            "it needs the mesh, which this data set did not keep",
            where=f"method {method.name}",
            remedy="build the data set with `features: {mesh: true}` in the recipe",
        )
    steps = np.arange(windows.length)
    size = windows.sizes
    for first in range(0, len(windows), batch):
        rows = windows.start[first : first + batch, None] + steps
        yield WindowBatch(
            landmarks=windows.landmarks[rows],
            fps=float(windows.rate),
            size=size[windows.video[first : first + batch]],
            mesh=mesh[rows] if method.needs == "mesh" and mesh is not None else None,
        )


def _pictures(method: Method, windows: WindowSet, dataset: Dataset, batch: int) -> Iterator[WindowBatch]:
    """Windows with pictures: of each wanted time the frame that is shown then. Landmarks come with them."""
    from nvfair_tools.media.decoding import decode

    size, steps = windows.sizes, np.arange(windows.length)
    for n, row in enumerate(windows.videos.to_dict("records")):
        if not isinstance(row["path"], str):
            raise NvfairError(
                f"it needs pictures, but video {row['video']} has no file", where=f"method {method.name}",
                remedy="evaluate it on a data set with videos",
            )  # fmt: skip
        frames = list(decode(dataset.folder / row["path"]))
        shown = np.array([frame.time for frame in frames])
        pictures = np.stack([frame.image for frame in frames])
        mine = np.flatnonzero(windows.video == n)
        for first in range(0, len(mine), batch):
            chosen = mine[first : first + batch]
            rows = windows.start[chosen, None] + steps
            wanted = (rows - windows.offsets[n]) / float(windows.rate)
            number = np.clip(np.searchsorted(shown, wanted + 1e-6, side="right") - 1, 0, len(frames) - 1)
            yield WindowBatch(
                landmarks=windows.landmarks[rows],
                fps=float(windows.rate),
                size=size[windows.video[chosen]],
                frames=pictures[number],
            )


def group_by_video(windows: WindowSet, embeddings: np.ndarray) -> VideoEmbeddings:
    """Window embeddings (W, D) grouped by video, as the scores want them."""
    counts = np.bincount(windows.video, minlength=len(windows.videos))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return VideoEmbeddings(windows.videos["video"].to_numpy(dtype=object), offsets, embeddings)


def _checked(values: np.ndarray, windows: WindowSet, name: str) -> np.ndarray:
    """Embeddings (W, D) as float32."""
    array = np.asarray(values)
    where = f"method {name}"
    if array.ndim != 2 or len(array) != len(windows):
        raise NvfairError(f"it gave embeddings of shape {array.shape}", where=where, expected=f"({len(windows)}, D)")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        video = windows.videos["video"].iloc[windows.video[bad[0]]]
        raise NvfairError(
            f"{len(bad)} of {len(array)} embeddings are not finite, the first that of video {video}, frame "
            f"{windows.start_frame[bad[0]]}",
            where=where,
            remedy="find out why; leaving such windows out would flatter it",
        )
    return array.astype(np.float32, copy=False)
