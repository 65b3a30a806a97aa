"""The motion of one clip: the states of a face (rig.STATE), from a signature, a content and the clip's random numbers.

Legend: T frames at 25 fps, K expression coefficients; p: the values of the motion parameters (signature.PARAMETERS) in
the clip. "Play" is slow random movement.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nvfair_tools.simulate.content import ARTICULATORS, Content, Script, emotion_offset, make_script
from nvfair_tools.simulate.fields import EXPRESSION, EXPRESSION_INDEX
from nvfair_tools.simulate.rig import POSE, STATE, K
from nvfair_tools.simulate.signature import DEFAULT_DIFFICULTY, DEFAULT_DYNAMICS, PARAMETERS, Dynamics, Signature
from nvfair_tools.simulate.statistics import FPS

_POSE_INDEX = {name: K + n for n, name in enumerate(POSE)}
_ARTICULATOR_INDICES = [EXPRESSION_INDEX[name] for name in ARTICULATORS]
# Factors of the articulators' smoothing: the corners move further than the lips part, and need more time.
_SLOWNESS = (1.0, 1.0, 1.8, 1.8)


def perform_clip(
    signature: Signature,
    content: Content,
    random: np.random.Generator,
    frames: int,
    difficulty: float = DEFAULT_DIFFICULTY,
    dynamics: Dynamics = DEFAULT_DYNAMICS,
) -> np.ndarray:
    """Performs a clip: states (T, K + 6) of a person with `signature` who performs `content`.

    frames: the length T. random: the source of everything that differs between clips of equal content.
    """
    p = signature.parameter_values(random.standard_normal(len(PARAMETERS)), difficulty, dynamics)
    emotion, arousal = emotion_offset(content.emotion)
    script = make_script(content.text, 4.0 * (1 + frames // 40))
    # The recording starts near the beginning of the text, never at exactly the same syllable.
    start = float(random.uniform(0.0, 0.5)) if content.scenario == "scripted" else float(random.uniform(0.0, 2.0))
    states = np.zeros((frames, len(STATE)))
    stress = _add_speech(states, script, p, start, arousal, random)
    voice = stress - stress.mean()
    # Columns: 0 to 2 lip corners, 3 and 4 lips, 5 to 7 brows, 8 and 9 lids, 10 chin.
    play = _coloured_noise(
        random,
        frames,
        hertz=np.array([p.corner_hz] * 3 + [1.2 * dynamics.tempo] * 2 + [p.brow_hz] * 3 + [0.5 * dynamics.tempo] * 3),
    )
    _add_corners(states, p, play[:, 0:3], arousal)
    states[:, EXPRESSION_INDEX["open"]] += p.lip_play * play[:, 3]
    states[:, EXPRESSION_INDEX["width"]] += 1.5 * p.lip_play * play[:, 4] + 0.35 * states[:, EXPRESSION_INDEX["open"]]
    # The chin moves behind closed lips too.
    states[:, EXPRESSION_INDEX["jaw"]] += p.chin_play * play[:, 10]
    states[:, EXPRESSION_INDEX["open"]] -= 1.2 * p.chin_play * play[:, 10]
    _add_brows(states, p, play[:, 5:8], stress, random, arousal)
    _add_lids(states, p, play[:, 8:10], random)
    _add_head(states, p, voice, random, arousal, dynamics.tempo)
    # The idiom: each movement brings others along.
    mixing = signature.mixing_matrix(random.standard_normal((K, K)), difficulty, dynamics)
    states[:, :K] = _mixed_movements(states[:, :K], mixing, dynamics.idiom_lag_s * FPS)
    _add_posture(states, p, emotion, random)
    states[:, EXPRESSION_INDEX["jaw"]] = soft_floor(states[:, EXPRESSION_INDEX["jaw"]])
    states[:, EXPRESSION_INDEX["open"]] = soft_floor(states[:, EXPRESSION_INDEX["open"]])
    return states


def resting_state(
    signature: Signature,
    random: np.random.Generator,
    difficulty: float = DEFAULT_DIFFICULTY,
    dynamics: Dynamics = DEFAULT_DYNAMICS,
) -> np.ndarray:
    """The state (K + 6,) of a person who sits for a portrait: at rest, with closed mouth."""
    states = np.zeros((1, len(STATE)))
    p = signature.parameter_values(random.standard_normal(len(PARAMETERS)), difficulty, dynamics)
    _add_posture(states, p, np.zeros(K), random)
    states[:, EXPRESSION_INDEX["open"]] = soft_floor(states[:, EXPRESSION_INDEX["open"]])
    return states[0]


def soft_floor(values: np.ndarray, softness: float = 0.02) -> np.ndarray:
    """Computes max(values, 0) with a rounded corner, so that meeting lips do not pass through each other."""
    return 0.5 * (values + np.sqrt(np.square(values) + softness**2)) - 0.5 * softness


def _mixed_movements(movement: np.ndarray, mixing: np.ndarray, lag: float) -> np.ndarray:
    """Adds to each movement (T, K) the movements that it brings along, `lag` frames later."""
    if not lag:
        return movement @ mixing
    later = np.stack([_delayed(column, lag) for column in movement.T], axis=1)
    return movement + later @ (mixing - np.eye(K))


def _add_speech(
    states: np.ndarray, script: Script, p: SimpleNamespace, start: float, arousal: float, random: np.random.Generator
) -> np.ndarray:
    """Adds the articulators' movement; returns the stress (T,), 0 to about 1."""
    frames = len(states)
    clock = start + p.speech_rate * np.arange(frames) / FPS
    # A text is never spoken twice in the same rhythm: its time runs unevenly.
    rhythm = _coloured_noise(random, frames, hertz=np.array([0.4]))[:, 0]
    clock = clock + 0.06 * (rhythm - rhythm[0])
    # Scale the targets by the person's gains; closures have a gain of their own; each keyframe varies.
    gains = np.array([p.jaw_gain, p.open_gain, p.width_gain, p.pucker_gain]) * arousal**0.5
    targets = script.targets * gains
    targets = np.where(script.closure[:, None] & (targets < 0), targets * p.closure, targets)
    targets = targets * (1.0 + 0.15 * random.standard_normal(targets.shape))
    # Interpolate between keyframes and smooth.
    for n, (index, slowness) in enumerate(zip(_ARTICULATOR_INDICES, _SLOWNESS, strict=True)):
        width = slowness * p.articulation_s * FPS
        states[:, index] += _gaussian_smoothed(np.interp(clock, script.time, targets[:, n]), width)
    return _gaussian_smoothed(np.interp(clock, script.time, script.stress), 2.5)


def _add_corners(states: np.ndarray, p: SimpleNamespace, play: np.ndarray, arousal: float) -> None:
    """Adds the movement of the lip corners, the cheeks and the laugh lines."""
    both = 0.85 * play[:, 0]
    left, right = EXPRESSION_INDEX["corner_left"], EXPRESSION_INDEX["corner_right"]
    jaw, width = states[:, EXPRESSION_INDEX["jaw"]], states[:, EXPRESSION_INDEX["width"]]
    scale = p.corner_play * arousal
    states[:, left] += scale * (1 + p.corner_asymmetry) * (both + 0.5 * play[:, 1]) + p.speech_to_corner_left * width
    states[:, right] += scale * (1 - p.corner_asymmetry) * (both + 0.5 * play[:, 2]) + p.speech_to_corner_right * width
    smile = 0.5 * (states[:, left] + states[:, right])
    states[:, EXPRESSION_INDEX["cheeks"]] += 0.5 * smile + p.speech_to_cheeks * width
    states[:, EXPRESSION_INDEX["laugh_lines"]] += 0.5 * smile + p.speech_to_laugh_lines * jaw


def _add_brows(
    states: np.ndarray,
    p: SimpleNamespace,
    play: np.ndarray,
    stress: np.ndarray,
    random: np.random.Generator,
    arousal: float,
) -> None:
    """Adds slow play of the brows, single raises, and their part in the stress of speech."""
    frames = len(states)
    times = np.arange(frames) / FPS
    raised = np.zeros(frames)
    for time in _event_times(random, frames, p.brow_event_rate * arousal):
        size = p.brow_event_size * float(np.exp(0.3 * random.standard_normal()))
        duration = p.brow_event_s * float(np.exp(0.3 * random.standard_normal()))
        raised += size * np.exp(-0.5 * np.square((times - time) / (0.5 * duration)))
    voice = stress - stress.mean()
    together = p.brow_play * arousal * play[:, 0] + raised + p.stress_to_brow * voice
    states[:, EXPRESSION_INDEX["brow_left"]] += (1 + p.brow_asymmetry) * together + 0.35 * p.brow_play * play[:, 1]
    states[:, EXPRESSION_INDEX["brow_right"]] += (1 - p.brow_asymmetry) * together + 0.35 * p.brow_play * play[:, 2]
    states[:, EXPRESSION_INDEX["frown"]] += p.stress_to_frown * voice


def _add_lids(states: np.ndarray, p: SimpleNamespace, play: np.ndarray, random: np.random.Generator) -> None:
    """Adds blinks and slow play of the lids; the lids also follow the brows."""
    frames = len(states)
    times = np.arange(frames) / FPS
    closed = np.zeros((frames, 2))
    for time in _event_times(random, frames, p.blink_rate):
        # A few blinks are double.
        blink_times = [time, time + 0.35] if random.random() < 0.08 else [time]
        for blink_time in blink_times:
            phase = times - blink_time
            course = np.where(phase < 0, 1 + phase / p.blink_close_s, 1 - phase / p.blink_open_s)
            depth = np.clip(p.blink_depth + 0.1 * random.standard_normal(), 0.3, 1.0)
            depth = depth * (1 + 0.05 * random.standard_normal(2))
            closed = np.maximum(closed, np.clip(course, 0, 1)[:, None] * depth)
    brows = 0.5 * (states[:, EXPRESSION_INDEX["brow_left"]] + states[:, EXPRESSION_INDEX["brow_right"]])
    lids = p.lid_play * (0.8 * play[:, :1] + 0.6 * play[:, 1:] * np.array([1.0, -1.0]))
    open_lids = lids + p.brow_to_lid * brows[:, None]
    # A closing lid hides its other movements.
    both = open_lids * (1 - closed) + closed
    states[:, EXPRESSION_INDEX["lid_left"]] += both[:, 0]
    states[:, EXPRESSION_INDEX["lid_right"]] += both[:, 1]


def _add_head(
    states: np.ndarray,
    p: SimpleNamespace,
    voice: np.ndarray,
    random: np.random.Generator,
    arousal: float,
    tempo: float,
) -> None:
    """Adds the pose of the head: slow and quick play, and its part in the stress of speech."""
    frames = len(states)
    slow = _coloured_noise(random, frames, hertz=np.full(6, p.head_hz))
    quick = _coloured_noise(random, frames, hertz=np.full(6, 1.6 * tempo))
    play = slow + p.fidget * quick
    nod = _delayed(voice, p.nod_lag_s * FPS)
    yaw = p.yaw_play * arousal * (play[:, 0] + p.stress_to_yaw * nod)
    states[:, _POSE_INDEX["yaw"]] += yaw
    states[:, _POSE_INDEX["pitch"]] += p.pitch_play * arousal * (play[:, 1] + p.stress_to_pitch * nod)
    states[:, _POSE_INDEX["roll"]] += (
        p.roll_play * arousal * (play[:, 2] + p.stress_to_roll * nod) + p.yaw_to_roll * yaw
    )
    states[:, _POSE_INDEX["x"]] += p.sway * arousal * play[:, 3]
    states[:, _POSE_INDEX["y"]] += 0.6 * p.sway * arousal * play[:, 4]
    states[:, _POSE_INDEX["log_scale"]] += p.lean * play[:, 5]


def _add_posture(states: np.ndarray, p: SimpleNamespace, emotion: np.ndarray, random: np.random.Generator) -> None:
    """Adds the resting expression and pose, and the emotion (K,), whose strength varies slowly."""
    frames = len(states)
    states[:, :K] += p.expressivity * emotion * (1 + 0.25 * _coloured_noise(random, frames, hertz=np.array([0.15])))
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
    states[:, _POSE_INDEX["yaw"]] += p.rest_yaw
    states[:, _POSE_INDEX["pitch"]] += p.rest_pitch
    states[:, _POSE_INDEX["roll"]] += p.rest_roll


def _event_times(random: np.random.Generator, frames: int, rate: float) -> list[float]:
    """Times in seconds of events at `rate` a second, more regular than a Poisson process, from before the start on."""
    times: list[float] = []
    seconds, time = frames / FPS, -float(random.uniform(0.0, 1.0 / rate))
    while True:
        time += 0.2 + float(random.gamma(2.0, max(1.0 / rate - 0.2, 0.1) / 2.0))
        if time > seconds + 0.5:
            return times
        times.append(time)


def _coloured_noise(random: np.random.Generator, frames: int, hertz: np.ndarray) -> np.ndarray:
    """Gaussian noise (T, columns) of unit variance, low-pass of second order with corner frequencies `hertz`."""
    # A power of two that is at least twice the length, so that the ends of the periodic noise do not meet.
    size = 1 << max(int(2 * frames - 1).bit_length(), 7)
    frequencies = np.fft.rfftfreq(size, 1.0 / FPS)
    gain = 1.0 / (1.0 + np.square(frequencies[:, None] / hertz))
    # Unit variance by Parseval's theorem: all but the first and the last bin count twice.
    gain *= np.sqrt(size / (2.0 * np.square(gain).sum(axis=0) - np.square(gain[0]) - np.square(gain[-1])))
    white = np.fft.rfft(random.standard_normal((size, len(hertz))), axis=0)
    return np.fft.irfft(white * gain, size, axis=0)[:frames]


def _gaussian_smoothed(values: np.ndarray, width: float) -> np.ndarray:
    """Convolves with a Gaussian of standard deviation `width` frames; values beyond the ends repeat the last ones."""
    reach = max(int(np.ceil(3 * width)), 1)
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / max(width, 1e-3)))
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def _delayed(values: np.ndarray, frames: float) -> np.ndarray:
    """`values` (T,) later by `frames`; values beyond the ends repeat the last ones."""
    grid = np.arange(len(values))
    return np.interp(grid - frames, grid, values)
