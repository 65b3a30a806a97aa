"""The motion of one clip: the states of a face (rig.STATE), from a signature, a content and the clip's random numbers.

Legend: T frames at 25 fps, K expression coefficients; p: the values of the motion parameters (signature.PARAMETERS) in
the clip. "Play" is slow random movement.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nvfair_tools.simulate.content import ARTICULATORS, Content, Script, emotion_offset, make_script
from nvfair_tools.simulate.fields import EXPRESSION, EXPRESSION_INDEX
from nvfair_tools.simulate.movement.courses import coloured_noise, delayed, event_times, gaussian_smoothed
from nvfair_tools.simulate.movement.idiom import TRAITS, retime, unbalance
from nvfair_tools.simulate.movement.onsets import add_habits, blink_times, find_onsets, stretch_pauses
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
    traits = None
    if dynamics.idiom is not None:
        traits = signature.trait_values(random.standard_normal(len(TRAITS)), dynamics.idiom)
        script = stretch_pauses(script, float(np.exp(traits.pause_length)))
    # The recording starts near the beginning of the text, never at exactly the same syllable.
    start = float(random.uniform(0.0, 0.5)) if content.scenario == "scripted" else float(random.uniform(0.0, 2.0))
    states = np.zeros((frames, len(STATE)))
    stress, clock = _add_speech(states, script, p, start, arousal, random)
    voice = stress - stress.mean()
    # Columns: 0 to 2 lip corners, 3 and 4 lips, 5 to 7 brows, 8 and 9 lids, 10 chin.
    play = coloured_noise(
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
    if traits is None:
        blinks = event_times(random, frames, p.blink_rate)
    else:
        onsets = find_onsets(script, clock)
        add_habits(states, onsets, traits, arousal, random)
        blinks = blink_times(onsets, traits, frames, p.blink_rate, random)
    _add_lids(states, p, play[:, 8:10], blinks, random)
    _add_head(states, p, voice, random, arousal, dynamics.tempo)
    # The idiom: each movement brings others along.
    mixing = signature.mixing_matrix(random.standard_normal((K, K)), difficulty, dynamics)
    states[:, :K] = _mixed_movements(states[:, :K], mixing, dynamics.idiom_lag_s * FPS)
    if traits is not None:
        retime(states, traits)
        unbalance(states, traits)
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
    later = np.stack([delayed(column, lag) for column in movement.T], axis=1)
    return movement + later @ (mixing - np.eye(K))


def _add_speech(
    states: np.ndarray, script: Script, p: SimpleNamespace, start: float, arousal: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Adds the articulators' movement; returns the stress (T,), 0 to about 1, and the script's time in each frame."""
    frames = len(states)
    clock = start + p.speech_rate * np.arange(frames) / FPS
    # A text is never spoken twice in the same rhythm: its time runs unevenly.
    rhythm = coloured_noise(random, frames, hertz=np.array([0.4]))[:, 0]
    clock = clock + 0.06 * (rhythm - rhythm[0])
    # Scale the targets by the person's gains; closures have a gain of their own; each keyframe varies.
    gains = np.array([p.jaw_gain, p.open_gain, p.width_gain, p.pucker_gain]) * arousal**0.5
    targets = script.targets * gains
    targets = np.where(script.closure[:, None] & (targets < 0), targets * p.closure, targets)
    targets = targets * (1.0 + 0.15 * random.standard_normal(targets.shape))
    # Interpolate between keyframes and smooth.
    for n, (index, slowness) in enumerate(zip(_ARTICULATOR_INDICES, _SLOWNESS, strict=True)):
        width = slowness * p.articulation_s * FPS
        states[:, index] += gaussian_smoothed(np.interp(clock, script.time, targets[:, n]), width)
    return gaussian_smoothed(np.interp(clock, script.time, script.stress), 2.5), clock


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
    for time in event_times(random, frames, p.brow_event_rate * arousal):
        size = p.brow_event_size * float(np.exp(0.3 * random.standard_normal()))
        duration = p.brow_event_s * float(np.exp(0.3 * random.standard_normal()))
        raised += size * np.exp(-0.5 * np.square((times - time) / (0.5 * duration)))
    voice = stress - stress.mean()
    together = p.brow_play * arousal * play[:, 0] + raised + p.stress_to_brow * voice
    states[:, EXPRESSION_INDEX["brow_left"]] += (1 + p.brow_asymmetry) * together + 0.35 * p.brow_play * play[:, 1]
    states[:, EXPRESSION_INDEX["brow_right"]] += (1 - p.brow_asymmetry) * together + 0.35 * p.brow_play * play[:, 2]
    states[:, EXPRESSION_INDEX["frown"]] += p.stress_to_frown * voice


def _add_lids(
    states: np.ndarray, p: SimpleNamespace, play: np.ndarray, blinks: list[float], random: np.random.Generator
) -> None:
    """Adds blinks at the times `blinks` and slow play of the lids; the lids also follow the brows."""
    frames = len(states)
    times = np.arange(frames) / FPS
    closed = np.zeros((frames, 2))
    for time in blinks:
        # A few blinks are double.
        closures = [time, time + 0.35] if random.random() < 0.08 else [time]
        for blink_time in closures:
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
    slow = coloured_noise(random, frames, hertz=np.full(6, p.head_hz))
    quick = coloured_noise(random, frames, hertz=np.full(6, 1.6 * tempo))
    play = slow + p.fidget * quick
    nod = delayed(voice, p.nod_lag_s * FPS)
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
    states[:, :K] += p.expressivity * emotion * (1 + 0.25 * coloured_noise(random, frames, hertz=np.array([0.15])))
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
