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
from benchmark.trial_scores.scored_trials import scored_trials
from benchmark.trials.trials import cell_names, make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class ValidationScores:
    """genuine (G,), impostor (I,): scores of validation people; None with the reason where there are none."""

    genuine: np.ndarray | None
    impostor: np.ndarray | None
    reason: str = ""
    people: int = 0

    @property
    def pair(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Both, where they are."""
        return None if self.genuine is None or self.impostor is None else (self.genuine, self.impostor)


def validation_scores(
    one: Candidate,
    dataset: Dataset,
    protocol: Protocol,
    test_people: frozenset[str],
    cut: Callable[[pd.DataFrame], WindowSet] | None = None,
) -> ValidationScores:
    """Scores of `one` on validation people under the protocol's trials, over the generators it was trained on.

    cut: windows of a table of videos (default: they are prepared here). Raises NvfairError where a validation person
    is a test person.
    """
    videos = dataset.usable()
    mine = videos[(videos["split"] == protocol.split.validation) & videos["generator"].notna()]
    people = frozenset(mine["driver"]) | frozenset(mine["target"])
    both = sorted(people & test_people)
    if both:
        raise NvfairError(
            f"{len(both)} validation person(s) are test people: {', '.join(both[:5])}",
            where=dataset.folder,
            expected="splits without a person in common, in either role",
        )
    trained = one.declaration.training.generators
    if trained is None:
        return ValidationScores(None, None, "it is not known which generators it was trained on")
    mine = mine[mine["generator"].isin(trained)]
    if mine.empty:
        return ValidationScores(None, None, "there are no validation videos by a generator it was trained on")
    windows = read_windows(dataset, protocol, videos=mine["video"]) if cut is None else cut(mine)
    names = sorted(windows.videos["generator"].unique())
    try:
        scorer = one.scorer(one.embeddings(windows, dataset), windows, protocol.scoring)
        parts = [
            scored_trials(scorer, list(make_trials(windows.videos, cell, protocol.trials)), windows.videos, protocol)
            for cell in cell_names(names, protocol.trials)
        ]
    except NvfairError as error:  # a file of test embeddings has none of these videos; few people make no trials
        return ValidationScores(None, None, f"validation people could not be scored: {error.what.splitlines()[0]}")
    if not parts:
        return ValidationScores(None, None, "trials go across generators, and it was trained on one")
    genuine = np.concatenate([part.genuine for part in parts])
    impostor = np.concatenate([part.impostor for part in parts])
    return ValidationScores(genuine, impostor, people=len(people))
