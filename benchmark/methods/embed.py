"""Running a method over windows.

Legend: W windows, B windows a batch, T frames a window, L landmarks, D embedding size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmark.methods.method import Method
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.windows.pictures import shown_frames
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_BATCH = 256


def embed_videos(method: Method, windows: WindowSet, dataset: Dataset, batch_size: int = _BATCH) -> VideoEmbeddings:
    """Embeddings of all windows, grouped by video.

    Raises NvfairError where the method gives another number of embeddings than windows, or one that is not finite,
    and where the data set lacks what the method needs.
    """
    if hasattr(method, "embed_all") and method.needs != "frames":
        embeddings = method.embed_all(windows)
    else:
        parts = [np.asarray(method.embed(batch)) for batch in window_batches(method, windows, dataset, batch_size)]
        embeddings = np.concatenate(parts) if parts else np.empty((0, 1), np.float32)
    return group_by_video(windows, _check_embeddings(embeddings, windows, method.name))


def window_batches(
    method: Method, windows: WindowSet, dataset: Dataset, batch_size: int = _BATCH
) -> Iterator[WindowBatch]:
    """Windows in their order, `batch_size` at a time, with what the method needs.

    Pictures are decoded a video at a time. Raises NvfairError where the data set has no mesh or no pictures.
    """
    if method.needs == "frames":
        yield from _picture_batches(method, windows, dataset, batch_size)
        return
    mesh = windows.mesh
    if method.needs == "mesh" and mesh is None:
        raise NvfairError(
            "it needs the mesh, which this data set did not keep",
            where=f"method {method.name}",
            remedy="build the data set with `features: {mesh: true}` in the recipe",
        )
    sizes = windows.sizes
    for first in range(0, len(windows), batch_size):
        batch = slice(first, first + batch_size)
        rows = windows.rows(batch)
        yield WindowBatch(
            landmarks=windows.landmarks[rows],
            fps=float(windows.rate),
            size=sizes[windows.video[batch]],
            mesh=mesh[rows] if method.needs == "mesh" and mesh is not None else None,
        )


def _picture_batches(method: Method, windows: WindowSet, dataset: Dataset, batch_size: int) -> Iterator[WindowBatch]:
    """Windows with pictures: at each time of a window, the frame that the video shows then; and their landmarks."""
    from nvfair_tools.media.decoding import decode

    sizes = windows.sizes
    for number, video in enumerate(windows.videos.to_dict("records")):
        if not isinstance(video["path"], str):
            raise NvfairError(
                f"it needs pictures, but video {video['video']} has no file",
                where=f"method {method.name}",
                remedy="evaluate it on a data set with videos",
            )
        frames = list(decode(dataset.folder / video["path"]))
        frame_times = np.array([frame.time for frame in frames])
        pictures = np.stack([frame.image for frame in frames])
        windows_of_video = np.flatnonzero(windows.video == number)
        for first in range(0, len(windows_of_video), batch_size):
            batch = windows_of_video[first : first + batch_size]
            rows = windows.rows(batch)
            frame_numbers = shown_frames(frame_times, windows.source_times(rows))
            yield WindowBatch(
                landmarks=windows.landmarks[rows],
                fps=float(windows.rate),
                size=sizes[windows.video[batch]],
                frames=pictures[frame_numbers],
            )


def group_by_video(windows: WindowSet, embeddings: np.ndarray) -> VideoEmbeddings:
    """Window embeddings (W, D), in the order of `windows`, grouped by video."""
    counts = np.bincount(windows.video, minlength=len(windows.videos))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return VideoEmbeddings(windows.videos["video"].to_numpy(dtype=object), offsets, embeddings)


def _check_embeddings(embeddings: np.ndarray, windows: WindowSet, name: str) -> np.ndarray:
    """Embeddings (W, D) as float32; NvfairError where their shape is another one or a number is not finite."""
    array = np.asarray(embeddings)
    where = f"method {name}"
    if array.ndim != 2 or len(array) != len(windows):
        raise NvfairError(f"it gave embeddings of shape {array.shape}", where=where, expected=f"({len(windows)}, D)")
    not_finite = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(not_finite):
        video = windows.videos["video"].iloc[windows.video[not_finite[0]]]
        raise NvfairError(
            f"not finite: {len(not_finite)} of {count_text(len(array), 'embedding')}, the first that of video {video}, "
            f"frame {windows.start_frame[not_finite[0]]}",
            where=where,
            remedy="find out why; leaving such windows out would flatter it",
        )
    return array.astype(np.float32, copy=False)
