"""Small grey pictures of the frames of windows, for networks that see pictures and no landmarks.

Legend: F frames of all videos, S side of a picture (128 pixels), B windows a batch, T frames a window.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.windows.pictures import GREY_SIZE, grey_picture, shown_frames
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError


def with_grey_frames(windows: WindowSet, dataset: Dataset) -> WindowSet:
    """The same windows with a grey picture uint8 (F, 128, 128) of every frame, decoded from the data set's videos.

    A frame shows what its video shows at that time. Pictures take 16 kB a frame in memory. Raises NvfairError for a
    video without a file, and as `nvfair_tools.media.decoding.decode` does.
    """
    from nvfair_tools.media.decoding import decode

    grey = np.empty((len(windows.landmarks), GREY_SIZE, GREY_SIZE), np.uint8)
    for number, video in enumerate(windows.videos.to_dict("records")):
        if not isinstance(video["path"], str):
            raise NvfairError(
                f"pictures are needed, but video {video['video']} has no file",
                where=dataset.folder,
                remedy="use a data set with videos",
            )
        pictures, times = [], []
        for frame in decode(dataset.folder / video["path"]):
            pictures.append(grey_picture(frame.image))
            times.append(frame.time)
        rows = np.arange(windows.offsets[number], windows.offsets[number + 1])
        frame_numbers = shown_frames(np.array(times), windows.source_times(rows))
        grey[rows] = np.stack(pictures)[frame_numbers]
    return replace(windows, grey=grey)
