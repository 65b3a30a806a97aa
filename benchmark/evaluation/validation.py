"""Scores of validation people, from which thresholds and calibration are taken before the test is looked at.

Only generators that a method was trained on are used: a threshold set on a generator would make it one that the method
has touched.

Legend: G genuine and I impostor trials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.methods.candidates import Candidate
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trials.trials import cell_names, make_trials
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text


@dataclass(frozen=True)
class ValidationScores:
    """Scores of validation people: genuine (G,) and impostor (I,); None where there are none, and `reason` says why."""

    genuine: np.ndarray | None
    impostor: np.ndarray | None
    reason: str = ""
    people: int = 0

    @property
    def scores(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(genuine, impostor), or None where there are none."""
        return None if self.genuine is None or self.impostor is None else (self.genuine, self.impostor)


def compute_validation_scores(
    candidate: Candidate,
    dataset: Dataset,
    protocol: Protocol,
    test_people: frozenset[str],
    windows_of: Callable[[pd.DataFrame], WindowSet],
) -> ValidationScores:
    """Scores of `candidate` on validation people under the protocol's trials, over the generators it was trained on.

    windows_of: gives the windows of a table of videos. Raises NvfairError where a validation person is a test person.
    """
    usable = dataset.usable()
    videos = usable[(usable["split"] == protocol.split.validation) & usable["generator"].notna()]
    people = frozenset(videos["driver"]) | frozenset(videos["target"])
    common = sorted(people & test_people)
    if common:
        raise NvfairError(
            f"{count_text(len(common), 'person is', 'people are')} in validation and in test: {', '.join(common[:5])}",
            where=dataset.folder,
            expected="splits without a person in common, in either role",
        )
    trained_on = candidate.declaration.training.generators
    if trained_on is None:
        return ValidationScores(None, None, "it is not known which generators it was trained on")
    videos = videos[videos["generator"].isin(trained_on)]
    if videos.empty:
        return ValidationScores(None, None, "there are no validation videos by a generator it was trained on")
    windows = windows_of(videos)
    generators = sorted(windows.videos["generator"].unique())
    try:
        scorer = candidate.scorer(candidate.embeddings(windows, dataset), windows, protocol.scoring)
        scored_cells = [
            score_trials(scorer, list(make_trials(windows.videos, cell, protocol.trials)), windows.videos, protocol)
            for cell in cell_names(generators, protocol.trials)
        ]
    except NvfairError as error:  # a file of test embeddings has none of these videos; few people make no trials
        return ValidationScores(None, None, f"validation people could not be scored: {error.what.splitlines()[0]}")
    if not scored_cells:
        return ValidationScores(None, None, "trials go across generators, and it was trained on one")
    genuine = np.concatenate([scored.genuine for scored in scored_cells])
    impostor = np.concatenate([scored.impostor for scored in scored_cells])
    return ValidationScores(genuine, impostor, people=len(people))
