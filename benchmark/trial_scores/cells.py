"""Everything that one scorer gives in one cell under one protocol: from here a figure is the same wherever it is
computed, in an evaluation or from a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.protocols.schema import Protocol, TrialRule
from benchmark.trial_scores.figures import figures
from benchmark.trial_scores.scored_trials import PairScorer
from benchmark.trial_scores.scores import Scorer
from benchmark.trials.trials import make_trials

# Cross-cross trials grow with the square of the videos; so many clips of each driver on each face are enough beside
# the headline. The protocol nvfair-cross-cross takes all.
_CROSS_CLIPS = 4


@dataclass(frozen=True)
class Beside:
    """What a cell is looked at beside.

    asked: the videos that should have been scored, those without a window among them (index 0..N-1): what is missing
    counts as rejected. validation: genuine and impostor scores of validation people. demographics: column -> person ->
    value.
    """

    asked: pd.DataFrame
    validation: tuple[np.ndarray, np.ndarray] | None = None
    demographics: Mapping[str, Mapping[str, str | None]] | None = None


def cell_figures(
    scorer: PairScorer, videos: pd.DataFrame, cell: str, protocol: Protocol, beside: Beside
) -> dict[str, Any]:
    """Figures of `scorer` on the trials of `cell`, and where it can score any trial, of the cross-cross trials.

    videos: the table that the scorer numbers.
    """
    # Templates are drawn from what there is, so that trials with and without the lost videos cannot be told apart.
    asked = None if protocol.trials.template is not None else list(make_trials(beside.asked, cell, protocol.trials))
    result = figures(
        scorer,
        list(make_trials(videos, cell, protocol.trials)),
        videos,
        protocol,
        asked=asked,
        validation=beside.validation,
        demographics=beside.demographics,
    )
    plain = protocol.trials.template is None and not protocol.trials.across_generators
    if plain and protocol.trials.rule is TrialRule.SELF_SELF_VS_SELF_CROSS and isinstance(scorer, Scorer):
        rule = protocol.trials.model_copy(update={"rule": TrialRule.CROSS_CROSS, "clips_per_driver": _CROSS_CLIPS})
        found = list(make_trials(videos, cell, rule))
        if any(one.complete for one in found):
            whole = figures(scorer, found, videos, protocol.model_copy(update={"trials": rule}), full=False)
            result["cross_cross"] = {key: whole[key] for key in ("auc_mean", "auc_pooled", "trials")}
    return result
