"""Frames on a GPU by replaying one recording of all launches (a CUDA graph) for each batch of them.

A batch of frames takes some hundred small operations, which a host starts more slowly than a GPU carries them out.
Recorded once, they start together. A recording has fixed shapes and fixed memory, so inputs are copied into it, a
portrait's only when it changes. A clip's end, which has fewer frames, is painted in small batches by a recording of
their own, the last of them filled up with its last frame.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# (what depends on the portrait, what depends on the frames (B, ...)) -> pictures (B, ...)
Paint = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]
# Frames of a small batch.
REST = 8


class Replay:
    """`paint`, on a GPU recorded at the second call with a number of frames and replayed from then on.

    What is returned belongs to the caller. recording: False starts each operation anew; it is set so where a recording
    fails, with a warning.
    """

    def __init__(self, paint: Paint, device: torch.device, name: str) -> None:
        self.paint, self.device, self.name = paint, device, name
        self.recording = device.type == "cuda"
        self._begun: set[int] = set()  # numbers of frames that were called once
        self._recorded: dict[int, _Recording] = {}

    def __call__(self, source: Sequence[Tensor], frames: Sequence[Tensor], batch: int) -> Tensor:
        """Pictures (B, ...) of at most `batch` frames; call it in inference mode.

        source: tensors that nobody changes. frames: tensors (B, ...). A clip's last frames are painted REST at a time.
        """
        if not self.recording:
            return self.paint(source, frames)
        count = len(frames[0])
        size = batch if count == batch else min(batch, REST)
        parts = zip(*(rows.split(size) for rows in frames), strict=True)
        return torch.cat([self._painted(source, part, size) for part in parts])

    def _painted(self, source: Sequence[Tensor], frames: Sequence[Tensor], size: int) -> Tensor:
        """Pictures of at most `size` frames."""
        count = len(frames[0])
        if not self.recording:
            return self.paint(source, frames)
        frames = [filled_up(rows, size) for rows in frames]
        if size not in self._begun:  # a first call chooses algorithms and asks for memory, which no recording may
            self._begun.add(size)
            return self.paint(source, frames)[:count]
        stream = torch.cuda.current_stream(self.device)
        try:
            with torch.cuda.device(self.device):
                if size not in self._recorded:
                    self._recorded[size] = _Recording(self.paint, source, frames)
                return self._recorded[size](source, frames)[:count].clone()
        except RuntimeError as error:
            if size in self._recorded:
                raise
            self.recording = False
            torch.cuda.set_stream(stream)  # a recording that broke off leaves its own behind
            warnings.warn(
                f"{self.name}: this GPU's launches could not be recorded, so frames take longer: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            return self.paint(source, frames)[:count]


class _Recording:
    """One recording, with the memory of its inputs and its result."""

    def __init__(self, paint: Paint, source: Sequence[Tensor], frames: Sequence[Tensor]) -> None:
        self.held = source[0]
        self.source, self.frames = ([tensor.clone() for tensor in tensors] for tensors in (source, frames))
        self.graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile.
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.pictures = paint(self.source, self.frames)

    def __call__(self, source: Sequence[Tensor], frames: Sequence[Tensor]) -> Tensor:
        if source[0] is not self.held:
            torch._foreach_copy_(self.source, list(source))
            self.held = source[0]  # also keeps another tensor from taking its place
        torch._foreach_copy_(self.frames, list(frames))
        self.graph.replay()
        return self.pictures


def filled_up(rows: Tensor, count: int) -> Tensor:
    """(B, ...) -> (count, ...): the last row is repeated; the same tensor where nothing is missing."""
    missing = count - len(rows)
    return rows if missing <= 0 else torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])])
