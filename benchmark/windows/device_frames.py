"""Points of all frames where the network runs, or as near to it as they fit; windows are gathered from them.

Legend: F frames of all videos, N points of a frame, C coordinates of a point.
Points are sent to the device once. Where they do not fit, they stay in the computer's memory and each batch is
gathered into one of two pinned buffers, from which it travels while the device still works on the batch before.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from nvfair_tools.errors import NvfairError

# auto: on the device where they take less than this share of its free memory.
FramePlacement = Literal["auto", "device", "stream"]
FRAME_PLACEMENTS: tuple[str, ...] = get_args(FramePlacement)
_SHARE = 0.5


class FramePoints:
    """Points (F, N, C) of all frames; `take` gathers some of them on the device."""

    def __init__(self, points: np.ndarray, device: torch.device | str = "cpu", place: FramePlacement = "auto") -> None:
        """points: float32 (F, N, C). Raises NvfairError for an unknown place, or where they do not fit as asked."""
        if place not in FRAME_PLACEMENTS:
            raise NvfairError(f"frames in {place!r}", expected=f"one of {', '.join(FRAME_PLACEMENTS)}")
        host = torch.from_numpy(np.ascontiguousarray(points, dtype=np.float32))
        self.device = torch.device(device)
        self.streamed = place == "stream" or (place == "auto" and not _fits(host.nbytes, self.device))
        self._slots = _Slots(self.device) if self.streamed and self.device.type == "cuda" else None
        try:
            self.points = host if self.streamed else host.to(self.device)
        except torch.cuda.OutOfMemoryError as error:
            raise NvfairError(
                f"{host.nbytes / 1e9:.1f} GB of landmarks do not fit on {device}", remedy="pass --frames stream"
            ) from error

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: Tensor | np.ndarray) -> Tensor:
        """Points (*S, N, C) on the device of the frames `rows`, whole numbers of any shape S."""
        wanted = torch.as_tensor(rows)
        shape = (*wanted.shape, *self.points.shape[1:])
        flat = wanted.reshape(-1)
        if self._slots is not None:
            return self._slots.send(self.points, flat).reshape(shape)
        taken = self.points.index_select(0, to_device(flat, self.points.device)).reshape(shape)
        return taken if taken.device == self.device else taken.to(self.device)


class _Slots:
    """Two pinned buffers; one is filled while the other may still be travelling."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.buffers: list[Tensor | None] = [None, None]
        self.done: list[torch.cuda.Event | None] = [None, None]
        self.turn = 0

    def send(self, points: Tensor, rows: Tensor) -> Tensor:
        self.turn = 1 - self.turn
        waiting = self.done[self.turn]
        if waiting is not None:
            waiting.synchronize()  # of the copy two batches ago, long over
        shape = (len(rows), *points.shape[1:])
        buffer = self.buffers[self.turn]
        if buffer is None or buffer.shape[0] < len(rows):
            buffer = torch.empty(shape, dtype=points.dtype, pin_memory=True)
            self.buffers[self.turn] = buffer
        part = buffer[: len(rows)]
        torch.index_select(points, 0, rows.cpu(), out=part)
        result = part.to(self.device, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self.done[self.turn] = event
        return result


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """`values` on the device, without waiting for it."""
    if device.type == "cpu" or values.device.type != "cpu":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def _fits(size: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size < _SHARE * free
