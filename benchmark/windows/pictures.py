"""Which picture a video shows at a time, and small grey pictures.

Legend: H, W height and width of a picture.
"""

from __future__ import annotations

import numpy as np

GREY_SIZE = 128


def grey_picture(image: np.ndarray) -> np.ndarray:
    """A picture uint8 RGB (H, W, 3) as grey uint8 (128, 128): BT.601 weights, the whole picture resized (bilinear).

    Its shape is not kept, as nothing is cut off. Every pixel of the large picture counts where it is made smaller.
    """
    from PIL import Image

    grey = Image.fromarray(image).convert("L")
    return np.asarray(grey.resize((GREY_SIZE, GREY_SIZE), Image.Resampling.BILINEAR))


def shown_frames(frame_times: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Numbers of the frames that a video shows at `times`, of any shape: the last frame that began before each.

    frame_times: seconds at which the video's frames begin, rising. After the end it is the last frame.
    """
    return np.clip(np.searchsorted(frame_times, times + 1e-6, side="right") - 1, 0, len(frame_times) - 1)
