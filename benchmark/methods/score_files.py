"""Files of scores: `trial`, `score`, one row a trial, larger for more alike. Needs no torch.

A trial is named by its two videos in canonical order (`benchmark.trials.trials.trial_name`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.methods.embedding_files import table_columns
from benchmark.trial_scores.scores import TargetScores
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError, Problems

_SHOWN = 5


def read_scores(path: str | Path) -> pd.Series:
    """Scores (float64) indexed by trial, from Parquet or CSV.

    Raises NvfairError where a column is missing, and Problems that name trials given twice and scores that are NaN.
    """
    path = Path(path)
    columns, _ = table_columns(path)
    missing = [name for name in ("trial", "score") if name not in columns]
    if missing:
        raise NvfairError(f"no column {missing[0]!r}", where=path, expected="trial, score")
    wanted = ["trial", "score"]
    table = (
        pd.read_csv(path, usecols=wanted) if path.suffix.lower() == ".csv" else pd.read_parquet(path, columns=wanted)
    )
    numbers = pd.to_numeric(table["score"], errors="coerce").astype(np.float64)
    scores = pd.Series(numbers.to_numpy(), index=pd.Index(table["trial"].astype(str)))
    problems = [f"the score of trial {name} is not a number" for name in scores.index[scores.isna()]]
    problems += [f"trial {name} is given twice" for name in scores.index[scores.index.duplicated()].unique()]
    if problems:
        raise Problems(path, problems, remedy="give every trial one score; minus infinity stands for no match")
    return scores


@dataclass(frozen=True)
class TableScorer:
    """Looks scores up. videos: ids (N,) that trials number. where: the file, for errors."""

    scores: pd.Series
    videos: np.ndarray
    where: Path

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials; Problems that name the first trials without one."""
        return TargetScores(trials, self._of(trials, trials.genuine), self._of(trials, trials.impostor))

    def _of(self, trials: TargetTrials, pairs: np.ndarray) -> np.ndarray:
        names = trials.trial_names(self.videos, pairs)
        row = self.scores.index.get_indexer(pd.Index(names, dtype=object))
        lost = np.flatnonzero(row < 0)
        if len(lost):
            named = [f"trial {names[n]} has no score" for n in lost[:_SHOWN]]
            more = [f"and {len(lost) - _SHOWN} more"] if len(lost) > _SHOWN else []
            raise Problems(self.where, named + more, remedy="score every trial of the protocol")
        return self.scores.to_numpy()[row]
