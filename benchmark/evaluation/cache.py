"""What the sections of an evaluation share: windows by how they are cut, embeddings, training and validation people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from benchmark.evaluation.evidence import Evidence
from benchmark.evaluation.validation import ValidationScores, validation_scores
from benchmark.methods.candidates import Candidate
from benchmark.metrics.subgroups import demographic_values
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset

_DETECTOR_VIDEOS = 1500

Say = Callable[[str], None]


@dataclass
class SharedWork:
    """What sections share: windows by how they are cut, and embeddings by candidate and windows."""

    dataset: Dataset
    device: str
    say: Say
    evidence: Evidence | None
    mesh: bool
    windows: dict[str, WindowSet] = field(default_factory=dict)
    embeddings: dict[tuple[str, str], tuple[VideoEmbeddings | None, str]] = field(default_factory=dict)

    @cached_property
    def demographics(self) -> dict[str, dict[str, str | None]]:
        """Column -> person -> value, of the columns in which the data set says anything."""
        return demographic_values(self.dataset.identities)

    def training(self, protocol: Protocol) -> WindowSet | None:
        """Windows of a seeded sample of training people's reenactments, by any generator; None where there are none."""
        videos = self.dataset.usable()
        chosen = videos[(videos["split"] == protocol.split.train) & videos["generator"].notna()].sort_values("video")
        if len(chosen) > _DETECTOR_VIDEOS:
            rng = np.random.default_rng(protocol.uncertainty.seed)
            chosen = chosen.iloc[np.sort(rng.choice(len(chosen), _DETECTOR_VIDEOS, replace=False))]
        return None if chosen.empty else self.cut(chosen, protocol)[1]

    def validated(self, one: Candidate, protocol: Protocol, people: frozenset[str], section: int) -> ValidationScores:
        """Scores of validation people, kept as evidence."""
        self.say(f"validation people: {one.name}")
        found = validation_scores(one, self.dataset, protocol, people, lambda videos: self.cut(videos, protocol)[1])
        if self.evidence is not None:
            self.evidence.keep_validation(one.name, section, found)
        return found

    def cut(self, videos: pd.DataFrame, protocol: Protocol) -> tuple[str, WindowSet]:
        """Windows of `videos`, and the key that names them."""
        key = "\n".join([protocol.time.model_dump_json(), protocol.missing.model_dump_json(), *videos["video"]])
        if key not in self.windows:
            self.say(f"reading {len(videos)} videos")
            self.windows[key] = read_windows(self.dataset, protocol, videos=videos["video"], mesh=self.mesh)
        return key, self.windows[key]

    def embedded(
        self, one: Candidate, key: str, windows: WindowSet, section: int
    ) -> tuple[VideoEmbeddings | None, str]:
        """Embeddings of a candidate, computed once, and the file of evidence that holds them ("": none)."""
        if (one.name, key) not in self.embeddings:
            self.say(f"embedding {len(windows)} windows with {one.name}")
            found = one.embeddings(windows, self.dataset)
            file = self.evidence.keep(one, windows, found, section) if self.evidence is not None else ""
            self.embeddings[one.name, key] = found, file
        return self.embeddings[one.name, key]
