"""What the sections of an evaluation share: windows by how they are cut, embeddings, training and validation people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from benchmark.evaluation.evidence import Evidence
from benchmark.evaluation.validation import ValidationScores, compute_validation_scores
from benchmark.methods.candidates import Candidate
from benchmark.methods.cohorts import NormalisedCandidate, plain_candidate
from benchmark.metrics.subgroups import demographic_values
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.quantities import count_text

# So many videos of training people are enough for the detectors among the shortcuts.
_MAX_TRAINING_VIDEOS = 1500

# Told what is being done, a line at a time.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class CachedWindows:
    """Windows, and the key by which embeddings of them are cached."""

    key: str
    windows: WindowSet


@dataclass
class EvaluationCache:
    """Windows and embeddings, each computed once for all sections of an evaluation.

    evidence: where embeddings and validation scores are written, None for nowhere. mesh: whether windows need
    MediaPipe's mesh.
    """

    dataset: Dataset
    progress: Progress
    evidence: Evidence | None
    mesh: bool
    _windows: dict[str, WindowSet] = field(default_factory=dict)
    _embeddings: dict[tuple[str, str], tuple[VideoEmbeddings | None, str]] = field(default_factory=dict)

    @cached_property
    def demographics(self) -> dict[str, dict[str, str | None]]:
        """Column -> person -> value, of the demographic columns that have any value."""
        return demographic_values(self.dataset.identities)

    def windows(self, videos: pd.DataFrame, protocol: Protocol) -> CachedWindows:
        """Windows of a table of videos, cut as the protocol says."""
        key = "\n".join([protocol.time.model_dump_json(), protocol.missing.model_dump_json(), *videos["video"]])
        if key not in self._windows:
            self.progress(f"reading {count_text(len(videos), 'video')}")
            self._windows[key] = read_windows(self.dataset, protocol, videos=videos["video"], mesh=self.mesh)
        return CachedWindows(key, self._windows[key])

    def embeddings(
        self, candidate: Candidate, cached: CachedWindows, section: int
    ) -> tuple[VideoEmbeddings | None, str]:
        """(a candidate's embeddings, the name of the file of evidence that holds them, "" where none was written).

        Scores that a cohort normalises do not follow from such a file alone: the name is "" then, and the embeddings of
        the cohort are written too.
        """
        plain = plain_candidate(candidate)
        key = (plain.name, cached.key)
        if key not in self._embeddings:
            self.progress(f"embedding {count_text(len(cached.windows), 'window')} with {plain.name}")
            embeddings = plain.embeddings(cached.windows, self.dataset)
            file = ""
            if self.evidence is not None:
                file = self.evidence.write_candidate(plain, cached.windows, embeddings, section)
            self._embeddings[key] = embeddings, file
        embeddings, file = self._embeddings[key]
        if not isinstance(candidate, NormalisedCandidate):
            return embeddings, file
        if self.evidence is not None:
            self.evidence.write_cohort(candidate)
        return embeddings, ""

    def training_windows(self, protocol: Protocol) -> WindowSet | None:
        """Windows of a seeded sample of training people's reenactments, by any generator; None where there are none."""
        usable = self.dataset.usable()
        videos = usable[(usable["split"] == protocol.split.train) & usable["generator"].notna()].sort_values("video")
        if len(videos) > _MAX_TRAINING_VIDEOS:
            rng = np.random.default_rng(protocol.uncertainty.seed)
            videos = videos.iloc[np.sort(rng.choice(len(videos), _MAX_TRAINING_VIDEOS, replace=False))]
        return None if videos.empty else self.windows(videos, protocol).windows

    def validation_scores(
        self, candidate: Candidate, protocol: Protocol, test_people: frozenset[str], section: int
    ) -> ValidationScores:
        """A candidate's scores of validation people, which are written as evidence too."""
        self.progress(f"scoring {candidate.name} on validation people")
        scores = compute_validation_scores(
            candidate, self.dataset, protocol, test_people, lambda videos: self.windows(videos, protocol).windows
        )
        if self.evidence is not None:
            self.evidence.write_validation(candidate.name, section, scores)
        return scores
