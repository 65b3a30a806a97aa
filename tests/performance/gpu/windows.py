"""Windows of made-up people, in memory: as many as a card needs, made in a moment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.windows.window_set import WindowSet

LENGTH = 71
_BLOCK = 4_096  # frames that are drawn; more are the same again, which costs the network as much


def made_windows(count: int, landmarks: np.ndarray | None = None) -> WindowSet:
    """`count` videos of one window each, by 16 people on 8 faces; landmarks: of all their frames, or drawn ones."""
    number = np.arange(count)
    names = {"driver": number % 16, "target": number // 16 % 8, "clip": number}
    table = pd.DataFrame({key: [f"{key}:{n:06d}" for n in value] for key, value in names.items()})
    return WindowSet(
        videos=table.assign(source="made", video=table["clip"], width=800, height=800),
        landmarks=repeated(drawn_frames(), count) if landmarks is None else landmarks,
        offsets=np.arange(count + 1) * LENGTH,
        video=number,
        start=number * LENGTH,
        length=LENGTH,
        excluded=pd.DataFrame(),
    )


def drawn_frames() -> np.ndarray:
    """Landmarks (F, 126, 2) float32 of some frames, in pixels."""
    return np.random.default_rng(0).normal(400, 60, (_BLOCK, 126, 2)).astype(np.float32)


def repeated(block: np.ndarray, windows: int) -> np.ndarray:
    """The frames of so many windows, a block of frames over and over."""
    frames = windows * LENGTH
    return np.tile(block, (-(-frames // len(block)), *(1,) * (block.ndim - 1)))[:frames]
