"""Cohorts for score normalisation: videos of people who are in no trial, and candidates that are scored with them.

A cohort is a file that `nvfair embed` wrote, or a data set whose people are embedded by the method itself. Its people
become people of the method's cohorts role, so that overlap with test people is refused as for any other role.

Legend: M videos of the cohort.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark.methods.candidates import Candidate
from benchmark.methods.declaration import Declaration, RoleExposure
from benchmark.methods.embedding_files import read_embeddings, video_embeddings
from benchmark.protocols.schema import Protocol, Scoring, Time
from benchmark.trial_scores.score_normalisation import NormalisedScorer
from benchmark.trial_scores.scores import PairScorer, VideoEmbeddings
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

# Key of an embeddings file's metadata that says whom its videos show, and how they were cut into windows.
META_KEY = "cohort"


@dataclass(frozen=True)
class Cohort:
    """Embeddings of people who are in no trial.

    name: in the names of rows. exposure: the people and generators of its videos. time: how their windows were cut.
    checkpoint: sha256 of the record of the checkpoint that embedded them, "" where it is not known.
    """

    name: str
    embeddings: VideoEmbeddings
    exposure: RoleExposure
    time: Time
    checkpoint: str = ""

    @classmethod
    def embed(
        cls, candidate: Candidate, data: Dataset, protocol: Protocol, split: str, generators: tuple[str, ...] = ()
    ) -> Cohort:
        """The reenactments of a data set's split, embedded by `candidate`; windows are cut as `protocol` says.

        generators: empty for those that the candidate was trained on, where the data set has any of them, else for all:
        a cohort by other generators makes these generators that the method has touched. Raises NvfairError where no
        video is left, and where the candidate gives no embeddings.
        """
        videos = data.usable()
        videos = videos[(videos["split"] == split) & videos["generator"].notna()]
        known = sorted(videos["generator"].unique())
        trained_on = [name for name in known if name in (candidate.declaration.training.generators or ())]
        chosen = list(generators) or trained_on or known
        videos = videos[videos["generator"].isin(chosen)]
        if videos.empty:
            raise NvfairError(
                f"the cohort has no reenactment in split {split!r} by {', '.join(chosen) or 'any generator'}",
                where=data.folder,
                expected=f"splits {', '.join(sorted(data.videos['split'].unique()))}; "
                f"generators {', '.join(known) or 'none'}",
            )
        windows = read_windows(data, protocol, videos=videos["video"], mesh=_needs_mesh(candidate))
        embeddings = candidate.embeddings(windows, data)
        if embeddings is None:
            raise NvfairError(f"{candidate.name} gives no embeddings, so that no cohort can normalise its scores")
        exposure = RoleExposure.from_videos(
            windows.videos["driver"], windows.videos["target"], windows.videos["generator"].unique()
        )
        return cls(data.folder.resolve().name, embeddings, exposure, protocol.time.window_only)

    @classmethod
    def read(cls, path: str | Path) -> Cohort:
        """The cohort in a file that `nvfair embed` wrote; NvfairError where it does not say whom it shows."""
        path = Path(path)
        table = read_embeddings(path)
        try:
            about = json.loads(table.meta[META_KEY])
            exposure = RoleExposure.from_videos(about["drivers"], about["targets"], about["generators"])
            time = Time.model_validate(about["time"])
        except (KeyError, TypeError, ValueError) as error:
            raise NvfairError(
                "the file does not say whom its videos show, so that nobody can check that they are in no trial",
                where=path,
                expected="a file that `nvfair embed` wrote",
                remedy="embed these people again, or name their data set in place of the file",
            ) from error
        videos = sorted(dict.fromkeys(table.video))
        return cls(
            path.stem, video_embeddings(table, videos, where=path), exposure, time, table.meta.get("checkpoint", "")
        )


def cohort_meta(windows: WindowSet, protocol: Protocol) -> str:
    """What a file of embeddings says of its videos, as the value of META_KEY."""
    videos = windows.videos
    names = {f"{role}s": sorted(videos[role].unique()) for role in ("driver", "target", "generator")}
    return json.dumps({**names, "time": protocol.time.window_only.model_dump(mode="json")}, sort_keys=True)


def joined_cohort_meta(parts: Sequence[str]) -> str:
    """What a file says of its videos whose parts say each of `parts` (of `cohort_meta`, under one protocol)."""
    first, *others = (json.loads(part) for part in parts)
    for other in others:
        first |= {key: sorted({*first[key], *other[key]}) for key in first if key != "time"}
    return json.dumps(first, sort_keys=True)


@dataclass
class NormalisedCandidate:
    """A candidate whose scores are normalised by a cohort (benchmark.trial_scores.score_normalisation).

    plain: the same without it. nearest: so many videos of the cohort count for each side of a trial; 0: all.
    """

    plain: Candidate
    cohort: Cohort
    nearest: int = 0
    declaration: Declaration = field(init=False)

    def __post_init__(self) -> None:
        digest = self.plain.describe().get("digest", "")
        if self.cohort.checkpoint and digest and self.cohort.checkpoint != digest:
            raise NvfairError(
                f"the cohort {self.cohort.name} was embedded by another checkpoint than {self.plain.name}",
                remedy="embed it with this checkpoint",
            )
        declared = self.plain.declaration
        self.declaration = replace(declared, cohorts=declared.cohorts.joined(self.cohort.exposure))

    @property
    def name(self) -> str:
        """The plain candidate's name, and what normalises its scores."""
        nearest = f", nearest {self.nearest}" if self.nearest else ""
        return f"{self.plain.name}, normalised by {self.cohort.name}{nearest}"

    def check_protocol(self, protocol: Protocol) -> None:
        """Raises NvfairError where the candidate or the cohort does not fit the protocol."""
        self.plain.check_protocol(protocol)
        if self.cohort.time != protocol.time.window_only:
            raise NvfairError(
                f"the cohort {self.cohort.name} was cut into windows of {self.cohort.time}, "
                f"the protocol asks for {protocol.time.window_only}",
                where=f"protocol {protocol.name}",
                remedy="evaluate this protocol alone, or embed the cohort under it",
            )

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> VideoEmbeddings | None:
        """Embeddings of the plain candidate."""
        return self.plain.embeddings(windows, dataset)

    def scorer(self, embeddings: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        """A scorer that normalises; NvfairError where the candidate has scores only."""
        if embeddings is None:
            raise NvfairError(f"{self.plain.name} has scores only, which no cohort can normalise")
        return NormalisedScorer(embeddings, self.cohort.embeddings, scoring, self.nearest)

    def describe(self) -> dict[str, Any]:
        """The plain candidate's record, and the normalisation."""
        normalisation = {
            "cohort": self.cohort.name,
            "videos": len(self.cohort.embeddings.video_ids),
            "nearest": self.nearest,
        }
        return {**self.plain.describe(), "normalisation": normalisation}


def plain_candidate(candidate: Candidate) -> Candidate:
    """The candidate that embeds: without a normalisation of its scores."""
    return candidate.plain if isinstance(candidate, NormalisedCandidate) else candidate


def _needs_mesh(candidate: Candidate) -> bool:
    return getattr(getattr(candidate, "method", None), "needs", "") == "mesh"
