"""Points of all frames, on the device where the network runs or as near to it as they fit.

Legend: F frames of all videos, N points of a frame, C coordinates of a point.
Points are sent to the device once, and windows are gathered from them there. Where they do not fit, they stay in the
computer's memory and each batch is gathered into one of two pinned buffers, from which it travels to the device while
the device still works on the batch before. Points that lie in a file (benchmark.windows.stored_frames) are gathered
from it in the same way, also for a CPU.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from benchmark.windows.stored_frames import StoredFrames
from nvfair_tools.errors import NvfairError

# device: on the device. stream: in the computer's memory. auto: on the device where they take less than half of its
# free memory.
FramePlacement = Literal["auto", "device", "stream"]
FRAME_PLACEMENTS: tuple[str, ...] = get_args(FramePlacement)
_SHARE_OF_FREE_MEMORY = 0.5
_FRAMES_AT_ONCE = 65_536  # sent from a file to the device


class FramePoints:
    """Points (F, N, C) of all frames; `take` gathers some of them on the device."""

    def __init__(
        self,
        points: np.ndarray | StoredFrames,
        device: torch.device | str = "cpu",
        placement: FramePlacement = "auto",
    ) -> None:
        """points: float32 (F, N, C), or pictures uint8 (F, H, W), which stay bytes; in memory or in a file.

        Raises NvfairError for an unknown placement, and where they do not fit.
        """
        if placement not in FRAME_PLACEMENTS:
            raise NvfairError(
                f"frame placement {placement!r} is unknown", expected=f"one of {', '.join(FRAME_PLACEMENTS)}"
            )
        self.device = torch.device(device)
        self.shape = tuple(points.shape)
        self.streamed = placement == "stream" or (placement == "auto" and not _fits(points.nbytes, self.device))
        # A CPU leaves points in their file, which is as near as its memory.
        self.streamed |= isinstance(points, StoredFrames) and self.device.type == "cpu"
        self._buffers = _PinnedBuffers(self.device) if self.streamed and self.device.type == "cuda" else None
        try:
            self.points = _in_place(points, self.device, self.streamed)
        except torch.cuda.OutOfMemoryError as error:
            raise NvfairError(
                f"{points.nbytes / 1e9:.1f} GB of landmarks do not fit on {device}",
                remedy="pass --frames stream",
            ) from error

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: Tensor | np.ndarray) -> Tensor:
        """Points (*S, N, C), on the device, of the frames numbered `rows`, whole numbers of any shape S."""
        indices = torch.as_tensor(rows)
        shape = (*indices.shape, *self.shape[1:])
        flat = indices.reshape(-1)
        if self._buffers is not None:
            return self._buffers.send(self.points, flat).reshape(shape)
        if isinstance(self.points, StoredFrames):
            return torch.from_numpy(self.points[indices.cpu().numpy()]).to(self.device)
        gathered = self.points.index_select(0, to_device(flat, self.points.device)).reshape(shape)
        return gathered if gathered.device == self.device else gathered.to(self.device)


class _PinnedBuffers:
    """Two pinned buffers: one is filled while the content of the other may still be on its way to the device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.buffers: list[Tensor | None] = [None, None]
        self.copies_done: list[torch.cuda.Event | None] = [None, None]
        self.current = 0

    def send(self, points: Tensor | StoredFrames, rows: Tensor) -> Tensor:
        """Points of `rows` (n,), gathered on the host and sent to the device without waiting for it."""
        self.current = 1 - self.current
        earlier_copy = self.copies_done[self.current]
        if earlier_copy is not None:
            earlier_copy.synchronize()  # the copy of two batches ago, long over
        shape = (len(rows), *points.shape[1:])
        buffer = self.buffers[self.current]
        if buffer is None or buffer.shape[0] < len(rows):
            buffer = torch.empty(shape, dtype=_torch_type(points), pin_memory=True)
            self.buffers[self.current] = buffer
        part = buffer[: len(rows)]
        if isinstance(points, StoredFrames):
            points.read(rows.cpu().numpy(), part.numpy())
        else:
            torch.index_select(points, 0, rows.cpu(), out=part)
        result = part.to(self.device, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self.copies_done[self.current] = event
        return result


def _in_place(points: np.ndarray | StoredFrames, device: torch.device, streamed: bool) -> Tensor | StoredFrames:
    """The points where `take` gathers them: on the device, or on the host where they are streamed."""
    if not isinstance(points, StoredFrames):
        kind = np.uint8 if points.dtype == np.uint8 else np.float32
        host_points = torch.from_numpy(np.ascontiguousarray(points, dtype=kind))
        return host_points if streamed else host_points.to(device)
    if streamed:
        return points
    on_device = torch.empty(points.shape, dtype=_torch_type(points), device=device)
    for first in range(0, len(points), _FRAMES_AT_ONCE):
        on_device[first : first + _FRAMES_AT_ONCE] = torch.from_numpy(points[first : first + _FRAMES_AT_ONCE])
    return on_device


def _torch_type(points: Tensor | StoredFrames) -> torch.dtype:
    return points.dtype if isinstance(points, Tensor) else torch.from_numpy(np.empty(0, points.dtype)).dtype


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """`values` on the device; the host does not wait for the copy."""
    if device.type == "cpu" or values.device.type != "cpu":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def _fits(size: int, device: torch.device) -> bool:
    """Whether `size` bytes take less than half of the device's free memory."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size < _SHARE_OF_FREE_MEMORY * free
