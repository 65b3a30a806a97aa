"""Statistics of a talking head's motion: amplitudes, speeds, time constants, spectra, blinks.

The same statistics of real and of simulated tracks show how similar they are; `docs/simulation.md` lists both.

Legend: T frames at `FPS`, S signals; lengths in units of the clip's median distance of the outer eye corners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

FPS = 25.0
SIGNALS = (
    "mouth_open",
    "mouth_width",
    "lip_corner_left",
    "lip_corner_right",
    "brow_left",
    "brow_right",
    "eye_left",
    "eye_right",
    "jaw_drop",
    "roll",
    "yaw_proxy",
    "pitch_proxy",
    "head_x",
    "head_y",
    "scale",
)
MEASURES = ("std", "vel_rms", "halflife_s", "centroid_hz")
STATISTICS = (*(f"{signal}/{measure}" for signal in SIGNALS for measure in MEASURES), "blinks_per_min")
# MediaPipe's points from which the signals are computed.
POINTS = (33, 263, 13, 14, 61, 291, 105, 334, 159, 145, 386, 374, 152, 4, 234, 454)
# The upper end of the pitch proxy: the top of the forehead, or the root of the nose in sets without that point (values
# are then about a tenth lower).
_TOP_POINTS = (10, 168)
_BLINK_APERTURE = 0.5  # share of the clip's median aperture below which the eyes count as closed
_MAX_BLINK_FRAMES = 15  # a longer closure is not a blink


def motion_signals(mesh: np.ndarray, points: Sequence[int] | None = None) -> np.ndarray:
    """The signals (T, S) of a mesh (T, 478, 2 or 3), or of landmarks (T, L, 2) whose mesh indices are `points`.

    Roll is in degrees, the others are in units of the median distance of the outer eye corners. Raises ValueError where
    a point that a signal needs is not among `points`.
    """
    position = {index: index for index in range(478)} if points is None else {p: i for i, p in enumerate(points)}
    missing = sorted(set(POINTS) - set(position))
    tops = [index for index in _TOP_POINTS if index in position]
    if missing or not tops:
        raise ValueError(f"the signals need the mesh points {missing or list(_TOP_POINTS)}, which the landmarks lack")
    course = {index: mesh[:, position[index], :2].astype(np.float64) for index in (*POINTS, tops[0])}

    def distance(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(course[a] - course[b], axis=1)

    eye_distance = distance(33, 263)
    unit = float(np.median(eye_distance))
    eye_line = course[263] - course[33]
    columns = {
        "mouth_open": distance(13, 14),
        "mouth_width": distance(61, 291),
        "lip_corner_left": distance(291, 4),
        "lip_corner_right": distance(61, 4),
        "brow_left": distance(334, 386),
        "brow_right": distance(105, 159),
        "eye_left": distance(386, 374),
        "eye_right": distance(159, 145),
        "jaw_drop": distance(152, 4),
        "yaw_proxy": distance(4, 234) - distance(4, 454),
        "pitch_proxy": distance(4, 152) - distance(4, tops[0]),
        "head_x": course[4][:, 0],
        "head_y": course[4][:, 1],
        "scale": eye_distance,
    }
    result = np.stack([columns[name] / unit if name in columns else np.zeros(len(mesh)) for name in SIGNALS], axis=1)
    result[:, SIGNALS.index("roll")] = np.degrees(np.unwrap(np.arctan2(eye_line[:, 1], eye_line[:, 0])))
    return result


def clip_statistics(values: np.ndarray, fps: float = FPS) -> dict[str, float]:
    """The statistics of one clip's signals (T, S), by name; NaN where a signal does not move.

    std: standard deviation; vel_rms: root mean square of first differences, per second; halflife_s: lag at which the
    autocorrelation first falls below 0.5; centroid_hz: power-weighted mean frequency of the signal minus its mean.
    """
    centred = values - values.mean(axis=0)
    frames = len(values)
    std = centred.std(axis=0)
    speed = np.sqrt(np.square(np.diff(values, axis=0) * fps).mean(axis=0))
    # Autocorrelation by the Fourier transform, padded so that it does not wrap around.
    padded = np.fft.rfft(centred, 2 * frames, axis=0)
    autocorrelation = np.fft.irfft(np.abs(padded) ** 2, axis=0)[:frames]
    power = np.abs(np.fft.rfft(centred, axis=0)) ** 2
    hertz = np.fft.rfftfreq(frames, 1.0 / fps)
    statistics: dict[str, float] = {}
    for n, name in enumerate(SIGNALS):
        moving = std[n] > 1e-9
        below_half = autocorrelation[:, n] < 0.5 * autocorrelation[0, n]
        lags = np.flatnonzero(below_half) if moving else np.array([], dtype=int)
        statistics[f"{name}/std"] = float(std[n])
        statistics[f"{name}/vel_rms"] = float(speed[n])
        statistics[f"{name}/halflife_s"] = float(lags[0] / fps) if len(lags) else np.nan
        statistics[f"{name}/centroid_hz"] = float((power[:, n] @ hertz) / power[:, n].sum()) if moving else np.nan
    apertures = values[:, [SIGNALS.index("eye_left"), SIGNALS.index("eye_right")]]
    statistics["blinks_per_min"] = count_blinks(apertures) * (60.0 * fps / frames)
    return statistics


def count_blinks(apertures: np.ndarray) -> int:
    """Counts the closures of both eyes, from apertures (T, 2), to less than half the median that end within 0.6 s."""
    mean_aperture = apertures.mean(axis=1)
    closed = mean_aperture < _BLINK_APERTURE * np.median(mean_aperture)
    edges = np.diff(np.concatenate([[0], closed.astype(int), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return int(np.sum(ends - starts <= _MAX_BLINK_FRAMES))


def share_between_people(values: Mapping[str, np.ndarray], people: Sequence[str]) -> dict[str, float]:
    """The share of each statistic's variance that lies between people, at least 0.

    It is the intraclass correlation ICC(1) of the logarithm, over people with at least 3 clips (one-way analysis of
    variance; Shrout & Fleiss 1979). values: name -> (N,) over clips. people: the person of each clip.
    """
    names, index, counts = np.unique(np.asarray(people), return_inverse=True, return_counts=True)
    if not len(names):
        return {}
    repeated = counts[index] >= 3
    return {
        name: _intraclass_correlation(np.asarray(value)[repeated], index[repeated]) for name, value in values.items()
    }


def _intraclass_correlation(values: np.ndarray, groups: np.ndarray) -> float:
    """ICC(1) of the logarithms of `values` (N,) in `groups` (N,); NaN where it is not defined."""
    finite = np.isfinite(values) & (values > 0)
    logs, groups = np.log(values[finite]), groups[finite]
    _, groups, counts = np.unique(groups, return_inverse=True, return_counts=True)
    people, total = len(counts), len(logs)
    if people < 2 or total <= people:
        return float("nan")
    # Mean squares between and within people, and the mean number of clips of a person.
    means = np.bincount(groups, logs) / counts
    between = float(counts @ np.square(means - logs.mean())) / (people - 1)
    within = float(np.square(logs - means[groups]).sum()) / (total - people)
    size = (total - float(np.square(counts).sum()) / total) / (people - 1)
    return max(0.0, (between - within) / (between + (size - 1) * within)) if between + within > 0 else float("nan")


def resample_values(values: np.ndarray, time: np.ndarray, fps: float = FPS) -> np.ndarray:
    """Interpolates values (T, ...) at times (T,) to a constant frame rate `fps`."""
    flat = values.reshape(len(values), -1)
    ticks = np.arange(time[0], time[-1] + 0.5 / fps, 1.0 / fps)
    return np.stack([np.interp(ticks, time, column) for column in flat.T], axis=1).reshape(-1, *values.shape[1:])
