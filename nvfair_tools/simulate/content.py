"""The content of a clip, which all its performers share: the syllables of a script, and an emotion.

Legend: E keyframes of the articulators (ARTICULATORS) in nominal seconds, before a person's speech rate is applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nvfair_tools.simulate.fields import EXPRESSION, EXPRESSION_INDEX
from nvfair_tools.simulate.randomness import random_generator

ARTICULATORS = ("jaw", "open", "width", "pucker")
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

# Targets of the articulators in the middle of each vowel, in units of the expression fields.
_VOWELS = np.array(
    [
        (0.46, 0.42, 0.05, 0.0),
        (0.30, 0.36, 0.50, 0.0),
        (0.12, 0.24, 0.80, 0.0),
        (0.38, 0.30, -0.35, 0.6),
        (0.12, 0.12, -0.55, 0.9),
        (0.22, 0.26, 0.10, 0.1),
    ]
)
# The same at each kind of consonant: lips pressed together, teeth on lip, tongue behind the teeth, tongue at the back.
_CONSONANTS = np.array(
    [(0.04, -0.08, -0.05, 0.1), (0.07, 0.05, 0.1, 0.0), (0.12, 0.18, 0.2, 0.0), (0.2, 0.2, 0.0, 0.1)]
)
_CONSONANT_SHARE = np.array([0.22, 0.1, 0.43, 0.25])

# What an emotion adds to the expression at an expressivity of 1, and the factor of all movement.
_EMOTIONS: dict[str, tuple[dict[str, float], float]] = {
    "neutral": ({}, 1.0),
    "calm": ({"corner_left": 0.1, "corner_right": 0.1}, 0.85),
    "happy": ({"corner_left": 0.6, "corner_right": 0.6, "cheeks": 0.5, "laugh_lines": 0.4, "width": 0.3}, 1.2),
    "sad": ({"corner_left": -0.3, "corner_right": -0.3, "frown": 0.3, "lid_left": 0.12, "lid_right": 0.12}, 0.8),
    "angry": ({"frown": 0.7, "brow_left": -0.3, "brow_right": -0.3, "open": 0.08}, 1.35),
    "fearful": ({"brow_left": 0.5, "brow_right": 0.5, "frown": 0.2, "lid_left": -0.1, "lid_right": -0.1}, 1.1),
    "disgust": ({"frown": 0.4, "cheeks": 0.5, "laugh_lines": 0.5, "corner_left": -0.2, "corner_right": -0.2}, 1.0),
    "surprised": ({"brow_left": 0.8, "brow_right": 0.8, "lid_left": -0.15, "lid_right": -0.15, "jaw": 0.1}, 1.25),
}


@dataclass(frozen=True)
class Script:
    """Keyframes of the articulators through a spoken text.

    time: (E,) nominal seconds, rising. targets: (E, 4) of ARTICULATORS. closure: (E,) True where the lips close.
    stress: (E,) 1 in the middle of a stressed vowel, less in other vowels, 0 elsewhere.
    """

    time: np.ndarray
    targets: np.ndarray
    closure: np.ndarray
    stress: np.ndarray


@dataclass(frozen=True)
class Content:
    """The content of one clip. text: equal texts have equal scripts. scenario: "scripted" or "free"."""

    text: str
    scenario: str = "scripted"
    emotion: str = "neutral"


def emotion_offset(emotion: str) -> tuple[np.ndarray, float]:
    """The expression that an emotion adds, (K,), and the factor by which it changes all movement."""
    added, arousal = _EMOTIONS[emotion]
    offset = np.zeros(len(EXPRESSION))
    for name, value in added.items():
        offset[EXPRESSION_INDEX[name]] = value
    return offset, arousal


@lru_cache(maxsize=512)
def make_script(text: str, seconds: float) -> Script:
    """Makes the first `seconds` (nominal) of a text's script: phrases of syllables with pauses between them.

    A longer excerpt begins with the shorter one.
    """
    random = random_generator("script", text)
    time, targets, closure, stress = [0.0], [np.zeros(len(ARTICULATORS))], [False], [0.0]
    clock = float(random.uniform(0.1, 0.4))
    while clock < seconds:
        # A phrase: each syllable is a consonant and a vowel, and at least every third syllable is stressed.
        beat = 0
        for _ in range(int(random.integers(4, 13))):
            length = float(np.clip(random.gamma(9.0, 0.21 / 9.0), 0.09, 0.45))
            consonant = int(random.choice(len(_CONSONANTS), p=_CONSONANT_SHARE))
            vowel = int(random.integers(len(_VOWELS)))
            beat = 0 if beat >= 2 or random.random() < 0.4 else beat + 1
            weight = 1.0 if beat == 0 else 0.65
            time += [clock + 0.12 * length, clock + 0.6 * length]
            targets += [_CONSONANTS[consonant], weight * _VOWELS[vowel]]
            closure += [consonant == 0, False]
            stress += [0.0, 1.0 if beat == 0 else 0.2]
            clock += length * (1.15 if beat == 0 else 0.9)
        # A pause with the mouth at rest.
        time += [clock + 0.1]
        targets += [np.zeros(len(ARTICULATORS))]
        closure += [False]
        stress += [0.0]
        clock += float(0.2 + random.gamma(1.5, 0.2))
    return Script(np.array(time), np.array(targets), np.array(closure), np.array(stress))
