"""Files of scores: `trial` and `score`, one row a trial; a larger score means more alike. Needs no torch.

A trial is named by its two videos in canonical order (`benchmark.trials.trials.trial_name`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmark.methods.embedding_files import table_columns
from benchmark.trial_scores.scores import TargetScores
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError, Problems

_LISTED = 5  # trials that an error lists
_COLUMNS = ["trial", "score"]


def read_scores(path: str | Path) -> pd.Series:
    """Scores (float64) indexed by trial, from Parquet or CSV.

    Raises NvfairError where a column is missing, and Problems that name trials that are in the file twice and scores
    that are not numbers.
    """
    path = Path(path)
    columns, _ = table_columns(path)
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise NvfairError(f"no column {missing[0]!r}", where=path, expected="trial, score")
    is_csv = path.suffix.lower() == ".csv"
    try:
        table = pd.read_csv(path, usecols=_COLUMNS) if is_csv else pd.read_parquet(path, columns=_COLUMNS)
        numbers = pd.to_numeric(table["score"], errors="coerce").astype(np.float64)
    # pandas' and pyarrow's errors for damaged files, and for scores that are lists or bytes.
    except (pd.errors.ParserError, pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise NvfairError(f"cannot be read: {str(error)[:200]}", where=path, expected="trial and score") from error
    scores = pd.Series(numbers.to_numpy(), index=pd.Index(table["trial"].astype(str)))
    problems = [f"the score of trial {name} is not a number" for name in scores.index[scores.isna()]]
    problems += [f"trial {name} is given twice" for name in scores.index[scores.index.duplicated()].unique()]
    if problems:
        raise Problems(path, problems, remedy="give every trial one score; minus infinity stands for no match")
    return scores


@dataclass(frozen=True)
class TableScorer:
    """Looks the scores of trials up in a table.

    scores: by trial name. videos: ids (N,) of the videos that trials refer to by number. where: the file, for errors.
    """

    scores: pd.Series
    videos: np.ndarray
    where: Path

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials; Problems that name the first trials without one."""
        return TargetScores(trials, self._look_up(trials, trials.genuine), self._look_up(trials, trials.impostor))

    def _look_up(self, trials: TargetTrials, pairs: np.ndarray) -> np.ndarray:
        names = trials.trial_names(self.videos, pairs)
        rows = self.scores.index.get_indexer(pd.Index(names, dtype=object))
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            problems = [f"trial {names[number]} has no score" for number in missing[:_LISTED]]
            more = [f"and {len(missing) - _LISTED} more"] if len(missing) > _LISTED else []
            raise Problems(self.where, problems + more, remedy="score every trial of the protocol")
        return self.scores.to_numpy()[rows]
