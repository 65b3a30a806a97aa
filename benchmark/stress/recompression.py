"""Videos encoded again at a lower quality and tracked anew, as a platform does with an upload."""

from __future__ import annotations

import importlib.util
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.stress.tracks import Track, TrackChange
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError


def missing_recompression_reason(dataset: Dataset, videos: pd.DataFrame) -> str:
    """Why these videos cannot be encoded and tracked again; "" where they can."""
    if "path" not in videos or not videos["path"].map(lambda path: isinstance(path, str)).all():
        return "the data set holds landmarks only, no videos"
    missing = [path for path in videos["path"] if not (dataset.folder / path).is_file()]
    if missing:
        return f"{len(missing)} video(s) are not on disk, the first: {missing[0]}"
    if importlib.util.find_spec("mediapipe") is None:
        return "mediapipe is not installed, so that videos cannot be tracked again"
    try:
        from nvfair_tools.landmarks.landmarker import create_landmarker

        create_landmarker()
    except NvfairError as error:
        return f"videos cannot be tracked again: {error}"
    return ""


def recompression(dataset: Dataset, videos: pd.DataFrame, crf: int) -> TrackChange:
    """The change that encodes each of `videos` again by x264 at rate factor `crf` and tracks it anew.

    Times stay those of the data set's own track: a file's constant rate is only their mean. The change raises
    MediaError where a file cannot be read, NvfairError where it holds another number of frames than its track.
    """
    from nvfair_tools.landmarks.landmarker import create_landmarker
    from nvfair_tools.landmarks.scheme import SCHEME_126
    from nvfair_tools.landmarks.tracking import track_video
    from nvfair_tools.media import decode, encode

    landmarker = create_landmarker()
    row_of_video = {row["video"]: row for row in videos.to_dict("records")}

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        row = row_of_video[video]
        source = dataset.folder / row["path"]
        with tempfile.TemporaryDirectory() as folder:
            encoded = Path(folder) / "encoded.mp4"
            rate = Fraction(int(row["fps_num"]), int(row["fps_den"]))
            encode(encoded, (frame.image for frame in decode(source)), rate, crf=crf)
            track = track_video(encoded, landmarker)
        if len(track) != len(time):
            raise NvfairError(
                f"the video holds {len(track)} frames, its track {len(time)}",
                where=source,
                expected="a frame for each row of the track",
                remedy="build the data set again",
            )
        return SCHEME_126.take(track.mesh)[:, :, :2], track.valid, time

    return change
