"""The shortcuts that are scored by default on the trials of every method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.controls.appearance import SHAPE, STILL, shape_scorer, still_scorer
from benchmark.controls.crossness import CROSSNESS, crossness_scorer
from benchmark.controls.metadata import LENGTH, ORIGIN, length_scorer, missing_length_reason, origin_scorer
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
# The number of cross-cross trials grows with the square of the videos; these clips of a driver on a face are enough.
_CROSS_CLIPS = 4


@dataclass(frozen=True)
class ShortcutFigures:
    """Figures of one shortcut, `control`, on the trials of one generator (or of one cell)."""

    control: str
    generator: str
    figures: CellFigures

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON: `control`, `generator` and the keys of the figures."""
        return {"control": self.control, "generator": self.generator, **self.figures.to_json()}


def shortcut_scorers(dataset: Dataset, windows: WindowSet, train: WindowSet | None = None) -> dict[str, PairScorer]:
    """The scorer of each shortcut over the positions of `windows.videos`, by name, in the order of `DESCRIPTIONS`.

    train: windows of training people, None where the data set has none; then the self/cross detector is left out.
    `unavailable_shortcuts` gives the shortcuts that are left out, with the reason.
    """
    scorers: dict[str, PairScorer] = {
        SHAPE: shape_scorer(windows),
        STILL: still_scorer(windows),
        POSE: pose_scorer(windows, train),
    }
    unavailable = unavailable_shortcuts(dataset, windows, train)
    if CROSSNESS not in unavailable and train is not None:
        scorers[CROSSNESS] = crossness_scorer(train, windows)
    scorers[ORIGIN] = origin_scorer(windows)
    if LENGTH not in unavailable:
        scorers[LENGTH] = length_scorer(windows)
    return scorers


def unavailable_shortcuts(dataset: Dataset, windows: WindowSet, train: WindowSet | None = None) -> dict[str, str]:
    """Shortcuts that cannot be scored on these videos, each with the reason."""
    unavailable = {}
    if train is None or not len(train.videos):
        unavailable[CROSSNESS] = f"{dataset.meta.get('name', dataset.folder.name)} has no videos of training people"
    elif (train.videos["driver"] != train.videos["target"]).nunique() < 2:
        unavailable[CROSSNESS] = "the training people have only self- or only cross-reenactments"
    if reason := missing_length_reason(windows):
        unavailable[LENGTH] = reason
    return unavailable


def shortcut_rows(
    scorers: Mapping[str, PairScorer],
    videos: pd.DataFrame,
    trials_by_generator: Mapping[str, Sequence[TargetTrials]],
    protocol: Protocol,
) -> list[ShortcutFigures]:
    """Figures of every shortcut on the same trials as the main figure, one row for each shortcut and generator.

    trials_by_generator: generator -> trials over the positions of `videos`. Under NVFAIR's rule the figures also have
    `cross_cross`, the AUCs where both videos are cross-reenactments: there the self/cross detector must be at chance.
    """
    cross_trials_by_generator = _cross_trials(videos, trials_by_generator, protocol)
    rows = []
    for name, scorer in scorers.items():
        for generator, trials in trials_by_generator.items():
            figures = compute_figures(scorer, trials, videos, protocol, full=False)
            cross_trials = cross_trials_by_generator.get(generator, ())
            if any(target_trials.complete for target_trials in cross_trials):
                cross_protocol = _cross_protocol(protocol)
                figures = figures.with_cross_cross(
                    compute_figures(scorer, cross_trials, videos, cross_protocol, full=False)
                )
            rows.append(ShortcutFigures(name, generator, figures))
    return rows


def _cross_protocol(protocol: Protocol) -> Protocol:
    """The protocol with plain cross-cross trials in place of its own."""
    rule = Trials(
        rule=TrialRule.CROSS_CROSS,
        share_driving_clip=protocol.trials.share_driving_clip,
        clips_per_driver=_CROSS_CLIPS,
        seed=protocol.trials.seed,
    )
    return protocol.model_copy(update={"trials": rule})


def _cross_trials(videos: pd.DataFrame, cells: Iterable[str], protocol: Protocol) -> dict[str, list[TargetTrials]]:
    """Cross-cross trials of each of `cells` that is one generator's."""
    if protocol.trials.rule is not TrialRule.SELF_SELF_VS_SELF_CROSS:
        return {}
    rule, generators = _cross_protocol(protocol).trials, set(videos["generator"])
    return {cell: list(make_trials(videos, cell, rule)) for cell in cells if cell in generators}
