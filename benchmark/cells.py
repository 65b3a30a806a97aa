"""Everything that one scorer gives on one generator under one protocol: from here a figure is the same wherever it is
computed, in an evaluation, on the leaderboard or from a bundle."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.figures import PairScorer, figures
from benchmark.scores import Scorer
from benchmark.trials import trials
from nvfair_tools.protocol import Protocol, TrialRule

# Cross-cross trials grow with the square of the videos; so many clips of each driver on each face are enough beside
# the headline. The protocol nvfair-cross-cross takes all.
_CROSS_CLIPS = 4


def cell_figures(scorer: PairScorer, videos: pd.DataFrame, generator: str, protocol: Protocol) -> dict[str, Any]:
    """Figures of `scorer` on the trials of `generator`, and where it can score any trial, of the cross-cross trials.

    videos: the table that the scorer numbers.
    """
    result = figures(scorer, list(trials(videos, generator, protocol.trials)), videos, protocol)
    if protocol.trials.rule is TrialRule.SELF_SELF_VS_SELF_CROSS and isinstance(scorer, Scorer):
        rule = protocol.trials.model_copy(update={"rule": TrialRule.CROSS_CROSS, "clips_per_driver": _CROSS_CLIPS})
        found = list(trials(videos, generator, rule))
        if any(one.complete for one in found):
            whole = figures(scorer, found, videos, protocol.model_copy(update={"trials": rule}), full=False)
            result["cross_cross"] = {key: whole[key] for key in ("auc_mean", "auc_pooled", "trials")}
    return result
