"""Controls: scores that use no facial motion, on the same trials as a method.

Every trial compares videos of one face, yet appearance leaks: a driver's face shape stays in absolute motion, a single
frame carries an expression habit, a face driven by somebody else looks less natural than one driven by its owner, and
collections differ in length, frame rate and generator. A method's figure means something only next to these shortcuts.
"""

from benchmark.controls.appearance import SHAPE, STILL, shape_scorer, still_scorer
from benchmark.controls.crossness import CROSSNESS, CrossnessScorer, crossness_scorer
from benchmark.controls.metadata import LENGTH, ORIGIN, length_scorer, origin_scorer
from benchmark.controls.pose import POSE, head_pose, pose_scorer
from benchmark.controls.shortcuts import (
    DESCRIPTIONS,
    ShortcutFigures,
    shortcut_rows,
    shortcut_scorers,
    unavailable_shortcuts,
)

__all__ = [
    "CROSSNESS",
    "DESCRIPTIONS",
    "LENGTH",
    "ORIGIN",
    "POSE",
    "SHAPE",
    "STILL",
    "CrossnessScorer",
    "ShortcutFigures",
    "crossness_scorer",
    "head_pose",
    "length_scorer",
    "origin_scorer",
    "pose_scorer",
    "shape_scorer",
    "shortcut_rows",
    "shortcut_scorers",
    "still_scorer",
    "unavailable_shortcuts",
]
