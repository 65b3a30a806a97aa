"""The files that a figure can be recomputed from: candidates' embeddings (or scores) and the table of the test videos.

    videos-SECTION.parquet            the videos that should have been scored, and whether they were
    NAME-SECTION.parquet              embeddings: video, window, start_frame, embedding; or the candidate's own file
    NAME-SECTION-validation.parquet   kind, score: the scores of validation people, from which thresholds come
    NAME-cohort.parquet               embeddings of the people by whom scores are normalised
    rights.json, consent.parquet      what decides whether the evidence may be passed on; the second where people were
                                      asked use by use

Pixels and landmarks stay where they are: their licences do not travel with figures.
"""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.evaluation.validation import ValidationScores
from benchmark.methods.candidates import Candidate, EmbeddingsCandidate, ScoresCandidate
from benchmark.methods.cohorts import NormalisedCandidate
from benchmark.methods.embedding_files import write_embeddings, write_video_embeddings
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import CONSENT_FILE, read_consents, write_consents
from nvfair_tools.dataset.rights import VideoRights
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, make_folder, write_text
from nvfair_tools.unique_keys import load_unique_json

# Columns of the videos' table that trials, figures and controls of a protocol read.
COLUMNS = (
    "video", "kind", "source", "split", "target", "driver", "clip", "generator", "generator_family", "scenario",
    "state", "licence", "permitted_use",
)  # fmt: skip


_RIGHTS_FILE = "rights.json"
_RIGHTS_KEYS = ("simulated", "governance")  # of dataset.json


def evidence_rights(folder: Path, simulated: bool, day: date | None = None) -> VideoRights:
    """What decides about the videos of the evidence in `folder`, as its data set said when it was evaluated.

    simulated: whether the report says that its people are simulated, which holds where the folder has no rights.json,
    as in reports of earlier releases. day: default, today. Raises NvfairError where a file is damaged.
    """
    path = folder / _RIGHTS_FILE
    meta: object = {"simulated": simulated}
    if path.exists():
        try:
            meta = load_unique_json(path.read_bytes())
        except ValueError as error:
            raise NvfairError(f"not valid JSON: {error}", where=path, remedy="run `nvfair evaluate` again") from error
    if not isinstance(meta, dict) or not isinstance(meta.get("governance", {}), dict):
        raise NvfairError("not the rights of a data set", where=path, remedy="run `nvfair evaluate` again")
    return VideoRights(folder, meta, day)


def videos_file(section: int) -> str:
    """Name of the file that holds the table of a section's videos."""
    return f"videos-{section}.parquet"


def validation_file(method: str, section: int) -> str:
    """Name of the file that holds a method's validation scores."""
    return f"{method}-{section}-validation.parquet"


class Evidence:
    """Writes what candidates were scored from to `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)
        self._people: set[str] = set()

    def write_candidate(
        self, candidate: Candidate, windows: WindowSet, embeddings: VideoEmbeddings | None, section: int
    ) -> str:
        """Writes a candidate's embeddings of `windows`, or copies its own file; returns the name of the new file."""
        if isinstance(candidate, (EmbeddingsCandidate, ScoresCandidate)):
            name = f"{candidate.name}-{section}{candidate.path.suffix}"
            with atomic_output(self.folder / name) as temporary_path:
                shutil.copyfile(candidate.path, temporary_path)
            return name
        assert embeddings is not None
        name = f"{candidate.name}-{section}.parquet"
        meta = {"declaration": json.dumps(candidate.declaration.to_json(), sort_keys=True)}
        write_embeddings(self.folder / name, windows, embeddings.window_embeddings, meta)
        return name

    def write_cohort(self, candidate: NormalisedCandidate) -> None:
        """Writes the embeddings of a candidate's cohort: one file, whatever the section."""
        meta = {"declaration": json.dumps(candidate.declaration.to_json(), sort_keys=True)}
        write_video_embeddings(self.folder / f"{candidate.name}-cohort.parquet", candidate.cohort.embeddings, meta)

    def write_validation(self, method: str, section: int, scores: ValidationScores) -> None:
        """Writes a method's scores of validation people, where there are any."""
        if scores.genuine is None or scores.impostor is None:
            return
        counts = {"genuine": len(scores.genuine), "impostor": len(scores.impostor)}
        table = pd.DataFrame(
            {
                "kind": np.repeat(list(counts), list(counts.values())),
                "score": np.concatenate([scores.genuine, scores.impostor]),
            }
        )
        with atomic_output(self.folder / validation_file(method, section)) as temporary_path:
            table.to_parquet(temporary_path, index=False)

    def write_videos(self, requested_videos: pd.DataFrame, scored: pd.Series, section: int) -> None:
        """Writes the table of the videos of a section that should have been scored; scored: ids of those that were."""
        table = requested_videos.reindex(columns=list(COLUMNS))
        table = table.assign(scored=requested_videos["video"].isin(scored))
        self._people.update(table["driver"], table["target"])
        with atomic_output(self.folder / videos_file(section)) as temporary_path:
            table.to_parquet(temporary_path, index=False)

    def write_rights(self, dataset: Dataset) -> None:
        """Writes what the people in the videos' tables agreed to, and what else decides about passing them on."""
        meta = {key: dataset.meta[key] for key in _RIGHTS_KEYS if key in dataset.meta}
        consents = read_consents(dataset.folder)
        if consents is None:
            (self.folder / CONSENT_FILE).unlink(missing_ok=True)  # of an earlier evaluation
        else:
            own = {person: consent for person, consent in consents.items() if person in self._people}
            write_consents(self.folder, own)
        write_text(self.folder / _RIGHTS_FILE, json.dumps(meta, indent=1, sort_keys=True) + "\n")
