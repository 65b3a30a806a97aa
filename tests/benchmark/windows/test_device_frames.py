"""Frames on the device or streamed to it are the same frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.windows.device_frames import FramePoints
from nvfair_tools.errors import NvfairError

POINTS = np.random.default_rng(0).normal(0, 1, (50, 6, 2)).astype(np.float32)


@pytest.mark.parametrize("placement", ["auto", "device", "stream"])
def test_windows_are_gathered_in_any_shape(placement: str) -> None:
    frames = FramePoints(POINTS, "cpu", placement)  # type: ignore[arg-type]
    rows = np.array([[3, 4, 5], [40, 41, 49]])
    taken = frames.take(rows)
    assert taken.shape == (2, 3, 6, 2)
    np.testing.assert_array_equal(taken.numpy(), POINTS[rows])
    np.testing.assert_array_equal(frames.take(torch.tensor([7])).numpy(), POINTS[[7]])
    assert len(frames) == 50


def test_unknown_placements_are_refused() -> None:
    with pytest.raises(NvfairError, match="auto, device, stream"):
        FramePoints(POINTS, "cpu", "disk")  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_streamed_batches_are_not_overwritten_while_they_travel() -> None:
    points = np.random.default_rng(1).normal(0, 1, (4000, 126, 2)).astype(np.float32)
    streamed, stored = FramePoints(points, "cuda", "stream"), FramePoints(points, "cuda", "device")
    rng = np.random.default_rng(2)
    rows = [rng.integers(4000, size=(64, 71)) for _ in range(20)]
    torch.cuda.set_sync_debug_mode("error")
    try:
        pairs = [(streamed.take(row), stored.take(row)) for row in rows]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(torch.equal(a, b) for a, b in pairs)
