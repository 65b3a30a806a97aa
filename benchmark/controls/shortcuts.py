"""The shortcuts that stand beside every figure, by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.controls.appearance import SHAPE, STILL, shape_scorer, still_scorer
from benchmark.controls.crossness import CROSSNESS, crossness_scorer
from benchmark.controls.metadata import LENGTH, ORIGIN, lacks_length, length_scorer, origin_scorer
from benchmark.controls.pose import POSE, pose_scorer
from benchmark.protocols.schema import Protocol, TrialRule, Trials
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.figures import compute_figures
from benchmark.trial_scores.scores import PairScorer
from benchmark.trials.trials import TargetTrials, make_trials
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset

DESCRIPTIONS = {
    SHAPE: "minus the distance of the two videos' mean normalised landmark distances: no motion at all",
    STILL: "the same for one frame, the middle one, of each video",
    POSE: "how the head is held and moved: means and deviations of turn, size and place, and of their change; "
    "no expression; where face shape leaks, it shifts the fitted pose a little",
    CROSSNESS: "a linear detector of 'not driven by its owner', trained on training people; knows no driver",
    ORIGIN: "whether the two videos share generator and collection: what detectors of these would give; constant, so "
    "exactly 0.5, where all trials of a face are within one of both",
    LENGTH: "how near the two videos' numbers of frames, durations and frame rates are: no picture is looked at",
}
# Cross-cross trials grow with the square of the videos; so many clips of each driver on each face are enough here.
_CROSS_CLIPS = 4


@dataclass(frozen=True)
class ShortcutFigures:
    """Figures of one shortcut on one generator (or cell); control: the shortcut's name."""

    control: str
    generator: str
    figures: CellFigures

    def to_json(self) -> dict[str, Any]:
        """Plain values: the figures' keys beside `control` and `generator`."""
        return {"control": self.control, "generator": self.generator, **self.figures.to_json()}


def shortcut_scorers(dataset: Dataset, windows: WindowSet, train: WindowSet | None = None) -> dict[str, PairScorer]:
    """Name -> scorer over the positions of `windows.videos`, in the order of `DESCRIPTIONS`.

    train: windows of training people, None where the data set has none; then the self/cross detector is left out.
    `unavailable_shortcuts` says which are, and why.
    """
    scorers: dict[str, PairScorer] = {
        SHAPE: shape_scorer(windows),
        STILL: still_scorer(windows),
        POSE: pose_scorer(windows, train),
    }
    absent = unavailable_shortcuts(dataset, windows, train)
    if CROSSNESS not in absent and train is not None:
        scorers[CROSSNESS] = crossness_scorer(train, windows)
    scorers[ORIGIN] = origin_scorer(windows)
    if LENGTH not in absent:
        scorers[LENGTH] = length_scorer(windows)
    return scorers


def unavailable_shortcuts(dataset: Dataset, windows: WindowSet, train: WindowSet | None = None) -> dict[str, str]:
    """Shortcuts that cannot be taken, with the reason."""
    absent = {}
    if train is None or not len(train.videos):
        absent[CROSSNESS] = f"{dataset.meta.get('name', dataset.folder.name)} has no videos of training people"
    elif (train.videos["driver"] != train.videos["target"]).nunique() < 2:
        absent[CROSSNESS] = "the training people have only self- or only cross-reenactments"
    if reason := lacks_length(windows):
        absent[LENGTH] = reason
    return absent


def shortcut_rows(
    scorers: Mapping[str, PairScorer],
    videos: pd.DataFrame,
    rules: Mapping[str, Sequence[TargetTrials]],
    protocol: Protocol,
) -> list[ShortcutFigures]:
    """Figures of every shortcut on the very trials of the main figure, one row a shortcut and generator.

    rules: generator -> trials over the positions of `videos`. Under NVFAIR's rule the figures also have `cross_cross`,
    the AUCs where both videos are cross-reenactments: there the self/cross detector must lose what it had.
    """
    cross = _cross(videos, rules, protocol)
    rows = []
    for name, scorer in scorers.items():
        for generator, trials_of_generator in rules.items():
            figures = compute_figures(scorer, trials_of_generator, videos, protocol, full=False)
            cross_trials = cross.get(generator, ())
            if any(target_trials.complete for target_trials in cross_trials):
                cross_protocol = _cross_protocol(protocol)
                figures = figures.with_cross_cross(
                    compute_figures(scorer, cross_trials, videos, cross_protocol, full=False)
                )
            rows.append(ShortcutFigures(name, generator, figures))
    return rows


def _cross_protocol(protocol: Protocol) -> Protocol:
    """The same, with plain cross-cross trials."""
    rule = Trials(
        rule=TrialRule.CROSS_CROSS,
        share_driving_clip=protocol.trials.share_driving_clip,
        clips_per_driver=_CROSS_CLIPS,
        seed=protocol.trials.seed,
    )
    return protocol.model_copy(update={"trials": rule})


def _cross(videos: pd.DataFrame, cells: Iterable[str], protocol: Protocol) -> dict[str, list[TargetTrials]]:
    """Cross-cross trials of each cell that is one generator's."""
    if protocol.trials.rule is not TrialRule.SELF_SELF_VS_SELF_CROSS:
        return {}
    rule, known = _cross_protocol(protocol).trials, set(videos["generator"])
    return {name: list(make_trials(videos, name, rule)) for name in cells if name in known}
