"""Videos encoded again at a lower quality, size or frame rate and tracked anew, as a platform does with an upload."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.stress.tracks import Track, TrackChange
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import make_folder, write_bytes
from nvfair_tools.landmarks.sources_of_points import mixture_text, source_of_points
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.landmarks.landmarker import Landmarker

# Part of the name of every stored track: raise it where the same settings would give other landmarks.
_VERSION = 1


@dataclass(frozen=True)
class Reencoding:
    """How videos are encoded again.

    crf: x264's constant rate factor (18: that of our data sets; about 23 to 40 on platforms). scale: factor of width
    and height, rounded to even numbers. rate: frames a second; the frames shown at these times are kept. None keeps all
    frames, as does a rate that is not below the video's own.
    """

    crf: int = 18
    scale: float = 1.0
    rate: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise NvfairError(f"crf is {self.crf}", expected="x264's rate factor, 0 to 51")
        if not 0 < self.scale <= 1:
            raise NvfairError(f"scale is {self.scale}", expected="a factor above 0, at most 1")
        if self.rate is not None and not 0 < self.rate < 1000:
            raise NvfairError(f"rate is {self.rate}", expected="frames a second, above 0")

    @property
    def words(self) -> str:
        """The settings in words, such as "CRF 35, half size"."""
        size = [] if self.scale == 1 else [f"{self.scale:g} of the size"]
        rate = [] if self.rate is None else [f"{self.rate:g} frames a second"]
        return ", ".join([f"CRF {self.crf}", *size, *rate])


def missing_reencoding_reason(dataset: Dataset, videos: pd.DataFrame) -> str:
    """Why these videos cannot be encoded and tracked again; "" where they can."""
    if "path" not in videos or not videos["path"].map(lambda path: isinstance(path, str)).all():
        return "the data set holds landmarks only, no videos"
    missing = [path for path in videos["path"] if not (dataset.folder / path).is_file()]
    if missing:
        return f"{count_text(len(missing), 'video is', 'videos are')} not on disk, the first: {missing[0]}"
    if importlib.util.find_spec("mediapipe") is None:
        return "mediapipe is not installed, so that videos cannot be tracked again"
    try:
        from nvfair_tools.landmarks.landmarker import create_landmarker

        landmarker = create_landmarker()
        landmarker.close()
    except NvfairError as error:
        return f"videos cannot be tracked again: {error}"
    here, theirs = source_of_points(f"{landmarker.name} {landmarker.version}"), dataset.landmark_sources
    if theirs and theirs != {here}:
        return f"their faces were not found by the landmarker that is installed here: {mixture_text(theirs | {here})}"
    return ""


def reencoding(
    dataset: Dataset,
    videos: pd.DataFrame,
    settings: Reencoding,
    *,
    store: Path | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> TrackChange:
    """The change that encodes each of `videos` again and tracks it anew.

    Landmarks are in pixels of the stored video, whatever the new size. Times are those of the data set's own track: a
    file's constant rate is only their mean. store: a folder for the new tracks, from which an interrupted run goes on;
    a stored track belongs to the video's content and the settings. report: called with the number of videos done and
    of all.

    The change raises MediaError where a file cannot be read, NvfairError where it holds another number of frames than
    its track.
    """
    row_of_video = {row["video"]: row for row in videos.to_dict("records")}
    folder = None if store is None else make_folder(store)
    done: set[str] = set()

    @cache
    def landmarker() -> Landmarker:
        from nvfair_tools.landmarks.landmarker import create_landmarker

        return create_landmarker()

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        row = row_of_video[video]
        path = None if folder is None else folder / _stored_name(row, settings)
        if path is not None and path.is_file():
            with np.load(path) as stored:
                track = stored["landmarks"], stored["valid"], stored["time"]
        else:
            track = _encoded_and_tracked(dataset.folder / row["path"], row, time, settings, landmarker())
            if path is not None:
                whole = io.BytesIO()
                np.savez(whole, landmarks=track[0], valid=track[1], time=track[2])
                write_bytes(path, whole.getvalue())
        done.add(video)
        report(len(done), len(row_of_video))
        return track

    return change


def _stored_name(row: dict, settings: Reencoding) -> str:
    """The name of a stored track, from the video's content (its id where no hash is known) and the settings."""
    content = row.get("sha256")
    content = content if isinstance(content, str) and content else row["video"]
    return hashlib.sha256(f"{_VERSION} {content} {settings!r}".encode()).hexdigest()[:32] + ".npz"


def _encoded_and_tracked(
    source: Path, row: dict, time: np.ndarray, settings: Reencoding, landmarker: Landmarker
) -> Track:
    """The track of a video after it was encoded again."""
    from nvfair_tools.landmarks.scheme import SCHEME_126
    from nvfair_tools.landmarks.tracking import track_video
    from nvfair_tools.media import encode

    keep = _kept_frames(time, settings.rate)
    rate = Fraction(int(row["fps_num"]), int(row["fps_den"]))
    if len(keep) < len(time):
        rate = Fraction(settings.rate).limit_denominator(1001)  # type: ignore[arg-type]
    counted = _Counted()
    with tempfile.TemporaryDirectory() as folder:
        encoded = Path(folder) / "encoded.mp4"
        encode(encoded, counted.images(source, set(keep.tolist()), settings.scale), rate, crf=settings.crf)
        track = track_video(encoded, landmarker)
    if counted.frames != len(time):
        raise NvfairError(
            f"the video holds {count_text(counted.frames, 'frame')}, its track {len(time)}",
            where=source,
            expected="a frame for each row of the track",
            remedy="build the data set again",
        )
    landmarks = SCHEME_126.take(track.mesh)[:, :, :2] * counted.pixels.astype(np.float32)
    return landmarks, track.valid, time[keep]


def _kept_frames(time: np.ndarray, rate: float | None) -> np.ndarray:
    """Numbers of the frames that are shown at 0, 1 / rate, 2 / rate, ... seconds; all where the rate is no lower."""
    if rate is None or len(time) < 2 or 1 / float(np.median(np.diff(time))) <= rate * (1 + 1e-6):
        return np.arange(len(time))
    moments = np.arange(time[0], time[-1] + 1e-9, 1 / rate)
    # The last frame that began by then; a tolerance, because times are rounded.
    return np.unique(np.searchsorted(time, moments + 1e-6, side="right") - 1)


class _Counted:
    """Frames of a video on their way to the encoder: how many there were, and stored pixels a new pixel (2,)."""

    def __init__(self) -> None:
        self.frames = 0
        self.pixels = np.ones(2)

    def images(self, source: Path, keep: set[int], scale: float) -> Iterator[np.ndarray]:
        """The frames to keep, in order, with their new size."""
        from PIL import Image

        from nvfair_tools.media import decode

        for frame in decode(source):
            self.frames += 1
            if frame.index not in keep:
                continue
            if scale == 1:
                yield frame.image
                continue
            height, width = frame.image.shape[:2]
            size = [max(2, 2 * round(scale * length / 2)) for length in (width, height)]
            self.pixels = np.array([width / size[0], height / size[1]])
            yield np.asarray(Image.fromarray(frame.image).resize(size, Image.Resampling.LANCZOS))
