"""All figures of one scorer in one cell under one protocol.

Every figure of a cell is computed here, so that it is the same in an evaluation, from a bundle and on the leaderboard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.protocols.schema import Protocol, TrialRule
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.figures import compute_figures
from benchmark.trial_scores.scores import PairScorer, Scorer
from benchmark.trials.trials import make_trials

# Cross-cross trials grow with the square of the videos; so many clips of each driver on each face are enough beside
# the headline. The protocol nvfair-cross-cross takes all.
_CROSS_CLIPS = 4


@dataclass(frozen=True)
class CellContext:
    """What the figures of a cell need besides the scores.

    requested_videos: the videos that should have been scored, those without a window among them (index 0..N-1): what
    is missing counts as rejected. validation_scores: genuine and impostor scores of validation people. demographics:
    column -> person -> value.
    """

    requested_videos: pd.DataFrame
    validation_scores: tuple[np.ndarray, np.ndarray] | None = None
    demographics: Mapping[str, Mapping[str, str | None]] | None = None


def compute_cell_figures(
    scorer: PairScorer, videos: pd.DataFrame, cell: str, protocol: Protocol, context: CellContext
) -> CellFigures:
    """Figures of `scorer` on the trials of `cell`, and where it can score any trial, of the cross-cross trials.

    videos: the table whose rows the scorer numbers.
    """
    # Templates are drawn from the videos that have scores, so trials with and without the lost videos do not compare.
    requested_trials = None
    if protocol.trials.template is None:
        requested_trials = list(make_trials(context.requested_videos, cell, protocol.trials))
    figures = compute_figures(
        scorer,
        list(make_trials(videos, cell, protocol.trials)),
        videos,
        protocol,
        requested_trials=requested_trials,
        validation_scores=context.validation_scores,
        demographics=context.demographics,
    )
    is_plain = protocol.trials.template is None and not protocol.trials.across_generators
    if is_plain and protocol.trials.rule is TrialRule.SELF_SELF_VS_SELF_CROSS and isinstance(scorer, Scorer):
        rule = protocol.trials.model_copy(update={"rule": TrialRule.CROSS_CROSS, "clips_per_driver": _CROSS_CLIPS})
        cross_trials = list(make_trials(videos, cell, rule))
        if any(target_trials.complete for target_trials in cross_trials):
            cross_protocol = protocol.model_copy(update={"trials": rule})
            cross_figures = compute_figures(scorer, cross_trials, videos, cross_protocol, full=False)
            figures = figures.with_cross_cross(cross_figures)
    return figures
