"""Batches for training without labels of drivers: windows that show one clip pull each other, all others push.

Each batch draws clips at random from all of them, so that two clips of one person seldom meet: nobody says that they
are one person's, and in a batch they would push each other apart.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text


class ClipSampler:
    """Seeded batches of window numbers: a few windows of each of several clips.

    clip_of_video: (N,) number of each video's clip. first, count: (N,) first window and number of windows of each
    video. videos_of_clip: video numbers of each clip, which differ in face and generator.
    """

    def __init__(self, videos: pd.DataFrame, window_video: np.ndarray, size: int, clips: int, seed: int) -> None:
        """videos: table with driver and clip, index 0..N-1. window_video: (W,) video of each window.

        size: windows a batch. clips: clips a batch. Raises NvfairError where a batch has no two windows for each clip
        or is for more clips than there are.
        """
        if clips < 2 or size < 2 * clips:
            raise NvfairError(
                f"a batch has {size} windows of {count_text(clips, 'clip')}",
                expected="at least two clips, and two windows for each",
            )
        self.size, self.clips, self.seed = size, clips, seed
        self.first = np.searchsorted(window_video, np.arange(len(videos)))
        self.count = np.searchsorted(window_video, np.arange(len(videos)), side="right") - self.first
        # Clips of different drivers are different clips, whatever their names.
        self.clip_of_video = videos.groupby(["driver", "clip"], sort=True).ngroup().to_numpy()
        total = int(self.clip_of_video.max()) + 1 if len(videos) else 0
        if total < clips:
            raise NvfairError(
                f"there are {count_text(total, 'clip')}, and a batch is of {clips}", remedy="pass smaller --drivers"
            )
        order = np.argsort(self.clip_of_video, kind="stable")
        bounds = np.searchsorted(self.clip_of_video[order], np.arange(total + 1))
        self.videos_of_clip = [order[begin:end] for begin, end in pairwise(bounds)]

    def batch(self, number: int) -> np.ndarray:
        """Window numbers (size,) of batch `number`, on as many faces and by as many generators as can be."""
        rng = np.random.default_rng([self.seed, number])
        share = np.full(self.clips, self.size // self.clips)
        share[: self.size - int(share.sum())] += 1
        chosen = rng.choice(len(self.videos_of_clip), self.clips, replace=False)
        videos = np.concatenate(
            [
                np.resize(rng.permutation(self.videos_of_clip[clip]), count)
                for clip, count in zip(chosen, share, strict=True)
            ]
        )
        return self.first[videos] + (rng.random(len(videos)) * self.count[videos]).astype(np.int64)

    def labels(self, windows_video: np.ndarray) -> np.ndarray:
        """What the losses take for driver, target and clip (3, B) of windows of these videos (B,).

        The clip is the driver, all windows are on one face, so that any window pushes, and no two are of one driving
        clip, so that all of a clip's windows pull each other.
        """
        clip = self.clip_of_video[windows_video]
        return np.stack([clip, np.zeros_like(clip), np.arange(len(clip))])
