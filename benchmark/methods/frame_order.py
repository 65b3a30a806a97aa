"""Frames of windows in another order, with a gradient that does not have the host wait for the device.

Legend: B windows, H channels, T frames a window.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def reorder_frames(hidden: Tensor, order: Tensor) -> Tensor:
    """Frames (B, H, T) of each window in the order (B, T), a permutation of 0..T-1 for each window.

    The gradient of a permutation is the inverse permutation. That of `gather` adds up whatever comes to an index; on a
    GPU in deterministic mode it sorts all indices for that, and the host waits.
    """
    return _Reorder.apply(hidden, order)


class _Reorder(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, hidden: Tensor, order: Tensor) -> Tensor:
        context.save_for_backward(order)
        return _in_order(hidden, order)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (order,) = context.saved_tensors
        return _in_order(gradients[0], order.argsort(dim=1)), None


def _in_order(hidden: Tensor, order: Tensor) -> Tensor:
    return hidden.gather(2, order[:, None, :].expand(-1, hidden.shape[1], -1))
