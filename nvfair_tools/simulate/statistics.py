"""What a talking head's motion looks like in numbers: amplitudes, speeds, time constants, spectra, blinks.

The same measures on real tracks and on simulated ones say how alike they are; `docs/simulation.md` holds both.

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
NAMES = (*(f"{signal}/{measure}" for signal in SIGNALS for measure in MEASURES), "blinks_per_min")
# MediaPipe's points that the signals are made of.
POINTS = (33, 263, 13, 14, 61, 291, 105, 334, 159, 145, 386, 374, 152, 4, 234, 454)
# The upper end of the pitch proxy: the top of the forehead, or the nose's root in sets without one (values about a
# tenth lower).
_TOPS = (10, 168)
_BLINK_DEPTH = 0.5  # of the clip's usual aperture
_BLINK_FRAMES = 15  # a longer closure is not a blink


def signals(mesh: np.ndarray, points: Sequence[int] | None = None) -> np.ndarray:
    """The signals (T, S) of a mesh (T, 478, 2 or 3), or of landmarks (T, L, 2) whose mesh indices are `points`.

    Roll is in degrees, the rest in units of the median distance of the outer eye corners. Raises ValueError where a
    point that a signal needs is not among `points`.
    """
    place = {index: index for index in range(478)} if points is None else {p: i for i, p in enumerate(points)}
    missing = sorted(set(POINTS) - set(place))
    tops = [index for index in _TOPS if index in place]
    if missing or not tops:
        raise ValueError(f"the signals need the mesh points {missing or list(_TOPS)}, which the landmarks lack")
    p = {index: mesh[:, place[index], :2].astype(np.float64) for index in (*POINTS, tops[0])}

    def apart(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(p[a] - p[b], axis=1)

    eyes = apart(33, 263)
    unit = float(np.median(eyes))
    slope = p[263] - p[33]
    columns = {
        "mouth_open": apart(13, 14),
        "mouth_width": apart(61, 291),
        "lip_corner_left": apart(291, 4),
        "lip_corner_right": apart(61, 4),
        "brow_left": apart(334, 386),
        "brow_right": apart(105, 159),
        "eye_left": apart(386, 374),
        "eye_right": apart(159, 145),
        "jaw_drop": apart(152, 4),
        "yaw_proxy": apart(4, 234) - apart(4, 454),
        "pitch_proxy": apart(4, 152) - apart(4, tops[0]),
        "head_x": p[4][:, 0],
        "head_y": p[4][:, 1],
        "scale": eyes,
    }
    result = np.stack([columns[name] / unit if name in columns else np.zeros(len(mesh)) for name in SIGNALS], axis=1)
    result[:, SIGNALS.index("roll")] = np.degrees(np.unwrap(np.arctan2(slope[:, 1], slope[:, 0])))
    return result


def clip_statistics(values: np.ndarray, fps: float = FPS) -> dict[str, float]:
    """Every measure of every signal of one clip (T, S); NaN where a signal does not move.

    std; vel_rms: root mean square of first differences, per second; halflife_s: lag at which the autocorrelation
    first falls below 0.5; centroid_hz: power-weighted mean frequency of the signal less its mean.
    """
    centred = values - values.mean(axis=0)
    frames = len(values)
    std = centred.std(axis=0)
    speed = np.sqrt(np.square(np.diff(values, axis=0) * fps).mean(axis=0))
    padded = np.fft.rfft(centred, 2 * frames, axis=0)
    acf = np.fft.irfft(np.abs(padded) ** 2, axis=0)[:frames]
    power = np.abs(np.fft.rfft(centred, axis=0)) ** 2
    hertz = np.fft.rfftfreq(frames, 1.0 / fps)
    found: dict[str, float] = {}
    for n, name in enumerate(SIGNALS):
        moving = std[n] > 1e-9
        below = np.flatnonzero(acf[:, n] < 0.5 * acf[0, n]) if moving else np.array([], dtype=int)
        found[f"{name}/std"] = float(std[n])
        found[f"{name}/vel_rms"] = float(speed[n])
        found[f"{name}/halflife_s"] = float(below[0] / fps) if len(below) else np.nan
        found[f"{name}/centroid_hz"] = float((power[:, n] @ hertz) / power[:, n].sum()) if moving else np.nan
    found["blinks_per_min"] = blinks(values[:, [SIGNALS.index("eye_left"), SIGNALS.index("eye_right")]]) * (
        60.0 * fps / frames
    )
    return found


def blinks(apertures: np.ndarray) -> int:
    """Number of closures of both eyes (T, 2) to under half their usual aperture that end within 0.6 s."""
    both = apertures.mean(axis=1)
    closed = both < _BLINK_DEPTH * np.median(both)
    edges = np.diff(np.concatenate([[0], closed.astype(int), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return int(np.sum(ends - starts <= _BLINK_FRAMES))


def share_between(values: Mapping[str, np.ndarray], people: Sequence[str]) -> dict[str, float]:
    """The share of each statistic's variance that lies between people: the intraclass correlation ICC(1) of its
    logarithm, of people with at least 3 clips (one-way analysis of variance; Shrout & Fleiss 1979), at least 0.

    values: name -> (N,) over clips. people: who each clip is of.
    """
    names, index, counts = np.unique(np.asarray(people), return_inverse=True, return_counts=True)
    kept = counts[index] >= 3
    return {name: _icc(np.asarray(value)[kept], index[kept]) for name, value in values.items()} if len(names) else {}


def _icc(values: np.ndarray, groups: np.ndarray) -> float:
    finite = np.isfinite(values) & (values > 0)
    logs, groups = np.log(values[finite]), groups[finite]
    _, groups, counts = np.unique(groups, return_inverse=True, return_counts=True)
    people, total = len(counts), len(logs)
    if people < 2 or total <= people:
        return float("nan")
    means = np.bincount(groups, logs) / counts
    between = float(counts @ np.square(means - logs.mean())) / (people - 1)
    within = float(np.square(logs - means[groups]).sum()) / (total - people)
    size = (total - float(np.square(counts).sum()) / total) / (people - 1)
    return max(0.0, (between - within) / (between + (size - 1) * within)) if between + within > 0 else float("nan")


def resampled(values: np.ndarray, time: np.ndarray, fps: float = FPS) -> np.ndarray:
    """Values (T, ...) at times (T,) interpolated to a steady `fps`."""
    flat = values.reshape(len(values), -1)
    ticks = np.arange(time[0], time[-1] + 0.5 / fps, 1.0 / fps)
    return np.stack([np.interp(ticks, time, column) for column in flat.T], axis=1).reshape(-1, *values.shape[1:])
