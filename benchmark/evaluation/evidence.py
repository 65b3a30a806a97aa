"""What a figure can be recomputed from: embeddings (or scores) of every candidate, and the test videos' table.

    videos-SECTION.parquet            the videos that should have been scored, and whether they were
    NAME-SECTION.parquet              embeddings: video, window, start_frame, embedding; or the file as it was given
    NAME-SECTION-validation.parquet   kind, score: the scores of validation people, from which thresholds come

Pixels and landmarks stay where they are: their licences do not travel with figures.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.evaluation.validation import ValidationScores
from benchmark.methods.candidates import Candidate, EmbeddingsCandidate, ScoresCandidate
from benchmark.methods.embedding_files import write_embeddings
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.windows.window_set import WindowSet
from nvfair_tools.files import atomic_output, make_folder

# Columns of the videos' table that trials, figures and controls of a protocol read.
COLUMNS = (
    "video", "kind", "source", "split", "target", "driver", "clip", "generator", "generator_family", "scenario",
    "state", "licence", "permitted_use",
)  # fmt: skip


def videos_file(section: int) -> str:
    """Name of the file of a section's videos."""
    return f"videos-{section}.parquet"


def validation_file(name: str, section: int) -> str:
    """Name of the file of a method's validation scores."""
    return f"{name}-{section}-validation.parquet"


class Evidence:
    """Writes what candidates were scored from to `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)

    def keep(self, one: Candidate, windows: WindowSet, found: VideoEmbeddings | None, section: int) -> str:
        """Keeps one candidate's embeddings of `windows`, or its file; returns the file's name."""
        if isinstance(one, (EmbeddingsCandidate, ScoresCandidate)):
            name = f"{one.name}-{section}{one.path.suffix}"
            with atomic_output(self.folder / name) as aside:
                shutil.copyfile(one.path, aside)
            return name
        assert found is not None
        name = f"{one.name}-{section}.parquet"
        meta = {"declaration": json.dumps(one.declaration.to_json(), sort_keys=True)}
        write_embeddings(self.folder / name, windows, found.window_embeddings, meta)
        return name

    def keep_validation(self, name: str, section: int, found: ValidationScores) -> None:
        """Keeps scores of validation people, where there are any: thresholds come from them."""
        if found.genuine is None or found.impostor is None:
            return
        counts = {"genuine": len(found.genuine), "impostor": len(found.impostor)}
        table = pd.DataFrame(
            {
                "kind": np.repeat(list(counts), list(counts.values())),
                "score": np.concatenate([found.genuine, found.impostor]),
            }
        )
        with atomic_output(self.folder / validation_file(name, section)) as aside:
            table.to_parquet(aside, index=False)

    def keep_videos(self, asked: pd.DataFrame, scored: pd.Series, section: int) -> None:
        """Keeps the table of a section's videos: those that should have been scored, and whether they were."""
        table = asked.reindex(columns=list(COLUMNS)).assign(scored=asked["video"].isin(scored))
        with atomic_output(self.folder / videos_file(section)) as aside:
            table.to_parquet(aside, index=False)
