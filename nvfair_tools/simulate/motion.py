"""Motion = signature x content x clip: the states of a face (rig.STATE) through one clip.

Legend: T frames at 25 fps, K expression coefficients.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nvfair_tools.simulate.content import ARTICULATORS, Content, Script, emotion_offset, script
from nvfair_tools.simulate.fields import EXPRESSION, INDEX
from nvfair_tools.simulate.rig import POSE, STATE, K
from nvfair_tools.simulate.signature import DEFAULT_DIFFICULTY, PARAMETERS, USUAL, Dynamics, Signature
from nvfair_tools.simulate.statistics import FPS

_POSE = {name: K + n for n, name in enumerate(POSE)}
_ARTICULATORS = [INDEX[name] for name in ARTICULATORS]
# The corners travel further than the lips part, and take longer.
_SLOWNESS = (1.0, 1.0, 1.8, 1.8)


def perform(
    signature: Signature,
    content: Content,
    random: np.random.Generator,
    frames: int,
    difficulty: float = DEFAULT_DIFFICULTY,
    dynamics: Dynamics = USUAL,
) -> np.ndarray:
    """States float32 (T, K + 6) of a person with `signature` performing `content` for `frames` frames.

    Everything that is the clip's own comes from `random`.
    """
    p = signature.values(random.standard_normal(len(PARAMETERS)), difficulty, dynamics)
    offset, arousal = emotion_offset(content.emotion)
    spoken = script(content.text, 4.0 * (1 + frames // 40))
    # The recording starts somewhere near the beginning of the text, never at exactly the same syllable.
    start = float(random.uniform(0.0, 0.5)) if content.scenario == "scripted" else float(random.uniform(0.0, 2.0))
    states = np.zeros((frames, len(STATE)))
    stress = _speech(states, spoken, p, start, arousal, random)
    voice = stress - stress.mean()
    play = _coloured(
        random,
        frames,
        hertz=np.array([p.corner_hz] * 3 + [1.2 * dynamics.tempo] * 2 + [p.brow_hz] * 3 + [0.5 * dynamics.tempo] * 3),
    )
    _corners(states, p, play[:, 0:3], arousal)
    states[:, INDEX["open"]] += p.lip_play * play[:, 3]
    states[:, INDEX["width"]] += 1.5 * p.lip_play * play[:, 4] + 0.35 * states[:, INDEX["open"]]
    # The chin moves behind closed lips too.
    states[:, INDEX["jaw"]] += p.chin_play * play[:, 10]
    states[:, INDEX["open"]] -= 1.2 * p.chin_play * play[:, 10]
    _brows(states, p, play[:, 5:8], stress, random, arousal)
    _lids(states, p, play[:, 8:10], random)
    _head(states, p, voice, random, arousal, dynamics.tempo)
    mixing = signature.mixing(random.standard_normal((K, K)), difficulty, dynamics)
    states[:, :K] = _mixed(states[:, :K], mixing, dynamics.idiom_lag_s * FPS)
    _posture(states, p, offset, random)
    states[:, INDEX["jaw"]] = soft_floor(states[:, INDEX["jaw"]])
    states[:, INDEX["open"]] = soft_floor(states[:, INDEX["open"]])
    return states.astype(np.float32)


def rest(
    signature: Signature,
    random: np.random.Generator,
    difficulty: float = DEFAULT_DIFFICULTY,
    dynamics: Dynamics = USUAL,
) -> np.ndarray:
    """State float32 (K + 6,) of a person who sits for a portrait: at rest, mouth closed."""
    states = np.zeros((1, len(STATE)))
    p = signature.values(random.standard_normal(len(PARAMETERS)), difficulty, dynamics)
    _posture(states, p, np.zeros(K), random)
    states[:, INDEX["open"]] = soft_floor(states[:, INDEX["open"]])
    return states[0].astype(np.float32)


def _mixed(movement: np.ndarray, mixing: np.ndarray, lag: float) -> np.ndarray:
    """Each movement (T, K) with those that it brings along, `lag` frames later."""
    if not lag:
        return movement @ mixing
    later = np.stack([_shifted(column, lag) for column in movement.T], axis=1)
    return movement + later @ (mixing - np.eye(K))


def _speech(
    states: np.ndarray, spoken: Script, p: SimpleNamespace, start: float, arousal: float, random: np.random.Generator
) -> np.ndarray:
    """Adds the articulators' movement; returns the stress (T,), 0 to about 1."""
    frames = len(states)
    clock = start + p.speech_rate * np.arange(frames) / FPS
    # Nobody says a thing twice in the same rhythm: the text's time runs unevenly.
    uneven = _coloured(random, frames, hertz=np.array([0.4]))[:, 0]
    clock = clock + 0.06 * (uneven - uneven[0])
    gains = np.array([p.jaw_gain, p.open_gain, p.width_gain, p.pucker_gain]) * arousal**0.5
    targets = spoken.targets * gains
    targets = np.where(spoken.closure[:, None] & (targets < 0), targets * p.closure, targets)
    targets = targets * (1.0 + 0.15 * random.standard_normal(targets.shape))
    for n, (index, slowness) in enumerate(zip(_ARTICULATORS, _SLOWNESS, strict=True)):
        width = slowness * p.articulation_s * FPS
        states[:, index] += _smoothed(np.interp(clock, spoken.time, targets[:, n]), width)
    return _smoothed(np.interp(clock, spoken.time, spoken.stress), 2.5)


def _corners(states: np.ndarray, p: SimpleNamespace, play: np.ndarray, arousal: float) -> None:
    both = 0.85 * play[:, 0]
    left, right = INDEX["corner_left"], INDEX["corner_right"]
    jaw, width = states[:, INDEX["jaw"]], states[:, INDEX["width"]]
    scale = p.corner_play * arousal
    states[:, left] += scale * (1 + p.corner_asymmetry) * (both + 0.5 * play[:, 1]) + p.speech_to_corner_left * width
    states[:, right] += scale * (1 - p.corner_asymmetry) * (both + 0.5 * play[:, 2]) + p.speech_to_corner_right * width
    smile = 0.5 * (states[:, left] + states[:, right])
    states[:, INDEX["cheeks"]] += 0.5 * smile + p.speech_to_cheeks * width
    states[:, INDEX["laugh_lines"]] += 0.5 * smile + p.speech_to_laugh_lines * jaw


def _brows(
    states: np.ndarray,
    p: SimpleNamespace,
    play: np.ndarray,
    stress: np.ndarray,
    random: np.random.Generator,
    arousal: float,
) -> None:
    frames = len(states)
    times = np.arange(frames) / FPS
    raised = np.zeros(frames)
    for at in _events(random, frames, p.brow_event_rate * arousal):
        size = p.brow_event_size * float(np.exp(0.3 * random.standard_normal()))
        hold = p.brow_event_s * float(np.exp(0.3 * random.standard_normal()))
        raised += size * np.exp(-0.5 * np.square((times - at) / (0.5 * hold)))
    voice = stress - stress.mean()
    together = p.brow_play * arousal * play[:, 0] + raised + p.stress_to_brow * voice
    states[:, INDEX["brow_left"]] += (1 + p.brow_asymmetry) * together + 0.35 * p.brow_play * play[:, 1]
    states[:, INDEX["brow_right"]] += (1 - p.brow_asymmetry) * together + 0.35 * p.brow_play * play[:, 2]
    states[:, INDEX["frown"]] += p.stress_to_frown * voice


def _lids(states: np.ndarray, p: SimpleNamespace, play: np.ndarray, random: np.random.Generator) -> None:
    frames = len(states)
    times = np.arange(frames) / FPS
    closed = np.zeros((frames, 2))
    for at in _events(random, frames, p.blink_rate):
        again = [at, at + 0.35] if random.random() < 0.08 else [at]
        for begin in again:
            phase = times - begin
            course = np.where(phase < 0, 1 + phase / p.blink_close_s, 1 - phase / p.blink_open_s)
            depth = np.clip(p.blink_depth + 0.1 * random.standard_normal(), 0.3, 1.0)
            depth = depth * (1 + 0.05 * random.standard_normal(2))
            closed = np.maximum(closed, np.clip(course, 0, 1)[:, None] * depth)
    brows = 0.5 * (states[:, INDEX["brow_left"]] + states[:, INDEX["brow_right"]])
    lids = p.lid_play * (0.8 * play[:, :1] + 0.6 * play[:, 1:] * np.array([1.0, -1.0]))
    open_lids = lids + p.brow_to_lid * brows[:, None]
    # A closing lid covers whatever it was doing.
    both = open_lids * (1 - closed) + closed
    states[:, INDEX["lid_left"]] += both[:, 0]
    states[:, INDEX["lid_right"]] += both[:, 1]


def _head(
    states: np.ndarray,
    p: SimpleNamespace,
    voice: np.ndarray,
    random: np.random.Generator,
    arousal: float,
    tempo: float,
) -> None:
    frames = len(states)
    slow = _coloured(random, frames, hertz=np.full(6, p.head_hz))
    quick = _coloured(random, frames, hertz=np.full(6, 1.6 * tempo))
    play = slow + p.fidget * quick
    nod = _shifted(voice, p.nod_lag_s * FPS)
    yaw = p.yaw_play * arousal * (play[:, 0] + p.stress_to_yaw * nod)
    states[:, _POSE["yaw"]] += yaw
    states[:, _POSE["pitch"]] += p.pitch_play * arousal * (play[:, 1] + p.stress_to_pitch * nod)
    states[:, _POSE["roll"]] += p.roll_play * arousal * (play[:, 2] + p.stress_to_roll * nod) + p.yaw_to_roll * yaw
    states[:, _POSE["x"]] += p.sway * arousal * play[:, 3]
    states[:, _POSE["y"]] += 0.6 * p.sway * arousal * play[:, 4]
    states[:, _POSE["log_scale"]] += p.lean * play[:, 5]


def _posture(states: np.ndarray, p: SimpleNamespace, offset: np.ndarray, random: np.random.Generator) -> None:
    """Adds the resting expression and pose, and the emotion, which comes and goes slowly."""
    frames = len(states)
    states[:, :K] += p.expressivity * offset * (1 + 0.25 * _coloured(random, frames, hertz=np.array([0.15])))
    resting = {
        "corner_left": p.rest_corners + p.rest_corner_asymmetry,
        "corner_right": p.rest_corners - p.rest_corner_asymmetry,
        "brow_left": p.rest_brows,
        "brow_right": p.rest_brows,
        "frown": p.rest_frown,
        "lid_left": p.rest_lids,
        "lid_right": p.rest_lids,
        "open": p.rest_open,
    }
    for name, value in resting.items():
        states[:, EXPRESSION.index(name)] += value
    states[:, _POSE["yaw"]] += p.rest_yaw
    states[:, _POSE["pitch"]] += p.rest_pitch
    states[:, _POSE["roll"]] += p.rest_roll


def _events(random: np.random.Generator, frames: int, rate: float) -> list[float]:
    """Times in seconds of events at `rate` a second, more regular than a Poisson process, from before the start on."""
    times: list[float] = []
    seconds, at = frames / FPS, -float(random.uniform(0.0, 1.0 / rate))
    while True:
        at += 0.2 + float(random.gamma(2.0, max(1.0 / rate - 0.2, 0.1) / 2.0))
        if at > seconds + 0.5:
            return times
        times.append(at)


def _coloured(random: np.random.Generator, frames: int, hertz: np.ndarray) -> np.ndarray:
    """Gaussian noise (T, columns) of unit variance, low-pass of second order with corner frequencies `hertz`."""
    size = 1 << max(int(2 * frames - 1).bit_length(), 7)
    grid = np.fft.rfftfreq(size, 1.0 / FPS)
    gain = 1.0 / (1.0 + np.square(grid[:, None] / hertz))
    gain *= np.sqrt(size / (2.0 * np.square(gain).sum(axis=0) - np.square(gain[0]) - np.square(gain[-1])))
    white = np.fft.rfft(random.standard_normal((size, len(hertz))), axis=0)
    return np.fft.irfft(white * gain, size, axis=0)[:frames]


def _smoothed(values: np.ndarray, width: float) -> np.ndarray:
    """Convolution with a Gaussian of standard deviation `width` frames; the ends are held."""
    reach = max(int(np.ceil(3 * width)), 1)
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / max(width, 1e-3)))
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def _shifted(values: np.ndarray, frames: float) -> np.ndarray:
    """`values` (T,) later by `frames`; the ends are held."""
    grid = np.arange(len(values))
    return np.interp(grid - frames, grid, values)


def soft_floor(values: np.ndarray, softness: float = 0.02) -> np.ndarray:
    """max(values, 0) with a rounded corner: lips that meet do not pass through each other."""
    return 0.5 * (values + np.sqrt(np.square(values) + softness**2)) - 0.5 * softness
