"""Courses over time of which movements are made: random noise and events, and changes of a given course.

Legend: T frames at `FPS`.
"""

from __future__ import annotations

import numpy as np

from nvfair_tools.simulate.statistics import FPS


def coloured_noise(random: np.random.Generator, frames: int, hertz: np.ndarray) -> np.ndarray:
    """Gaussian noise (T, columns) of unit variance, low-pass of second order with corner frequencies `hertz`."""
    # A power of two that is at least twice the length, so that the ends of the periodic noise do not meet.
    size = 1 << max(int(2 * frames - 1).bit_length(), 7)
    frequencies = np.fft.rfftfreq(size, 1.0 / FPS)
    gain = 1.0 / (1.0 + np.square(frequencies[:, None] / hertz))
    # Unit variance by Parseval's theorem: all but the first and the last bin count twice.
    gain *= np.sqrt(size / (2.0 * np.square(gain).sum(axis=0) - np.square(gain[0]) - np.square(gain[-1])))
    white = np.fft.rfft(random.standard_normal((size, len(hertz))), axis=0)
    return np.fft.irfft(white * gain, size, axis=0)[:frames]


def event_times(random: np.random.Generator, frames: int, rate: float, regularity: float = 2.0) -> list[float]:
    """Times in seconds of events at `rate` a second, from before the start on.

    regularity: shape of the gamma distribution of the intervals; 1 is a Poisson process, more is more regular.
    """
    times: list[float] = []
    seconds, time = frames / FPS, -float(random.uniform(0.0, 1.0 / rate))
    while True:
        time += 0.2 + float(random.gamma(regularity, max(1.0 / rate - 0.2, 0.1) / regularity))
        if time > seconds + 0.5:
            return times
        times.append(time)


def gaussian_smoothed(values: np.ndarray, width: float) -> np.ndarray:
    """Convolves with a Gaussian of standard deviation `width` frames; values beyond the ends repeat the last ones."""
    reach = max(int(np.ceil(3 * width)), 1)
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / max(width, 1e-3)))
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def delayed(values: np.ndarray, frames: float) -> np.ndarray:
    """`values` (T,) later by `frames` (earlier where negative); values beyond the ends repeat the last ones."""
    grid = np.arange(len(values))
    return np.interp(grid - frames, grid, values)


def skewed(values: np.ndarray, frames: float) -> np.ndarray:
    """`values` (T,) whose quick rises come later by `frames` and whose quick falls come as much earlier.

    A positive number makes onsets late and quick and releases slow; a negative number the reverse.
    """
    grid = np.arange(len(values))
    speed = np.gradient(values)
    typical_speed = np.sqrt(np.square(speed).mean())
    if not typical_speed:
        return values
    return np.interp(grid - frames * np.tanh(speed / typical_speed), grid, values)
