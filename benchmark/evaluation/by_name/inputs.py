"""What an evaluation is given by value or by name: data sets, methods, protocols, a cohort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from benchmark.methods.candidates import Candidate
from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.protocols.shipped import load_all
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import usable_for
from nvfair_tools.errors import NvfairError, did_you_mean

# A method in memory, or its name: a checkpoint's folder, "pretrained:NAME", an installed method, "package.module:name",
# or the path of a file of embeddings or scores.
MethodLike: TypeAlias = "Method | Candidate | type | str | Path"
ProtocolLike: TypeAlias = Protocol | str | Path
Progress = Callable[[str], None]


def normalised_candidates(
    candidates: Sequence[Candidate],
    cohort: Dataset | str | Path,
    protocol: Protocol,
    split: str,
    nearest: int,
    progress: Progress,
) -> list[Candidate]:
    """The candidates that give embeddings, with scores normalised by the cohort in a data set or a file.

    Raises NvfairError where none of them gives any.
    """
    from benchmark.methods.candidates import ScoresCandidate
    from benchmark.methods.cohorts import Cohort, NormalisedCandidate

    embedding = [candidate for candidate in candidates if not isinstance(candidate, ScoresCandidate)]
    if not embedding:
        raise NvfairError("no method gives embeddings, so that a cohort can normalise nothing")
    if not isinstance(cohort, Dataset) and Path(cohort).is_file():
        read = Cohort.read(cohort)
        return [NormalisedCandidate(candidate, read, nearest) for candidate in embedding]
    data = opened_dataset(cohort)
    normalised: list[Candidate] = []
    for candidate in embedding:
        progress(f"embedding the cohort with {candidate.name}")
        normalised.append(NormalisedCandidate(candidate, Cohort.embed(candidate, data, protocol, split), nearest))
    return normalised


def opened_dataset(data: Dataset | str | Path) -> Dataset:
    """The data set, without videos that people or licences do not permit to train and test on."""
    return usable_for(data if isinstance(data, Dataset) else Dataset.open(data), "training")


def several_methods(methods: MethodLike | Sequence[MethodLike]) -> list[MethodLike]:
    """One method or several, as a list."""
    return list(methods) if isinstance(methods, (list, tuple)) else [methods]  # type: ignore[list-item]


def several_protocols(protocols: ProtocolLike | Sequence[ProtocolLike]) -> list[Protocol]:
    """Protocols by value or name; a sweep as its members."""
    values = [protocols] if isinstance(protocols, (Protocol, str, Path)) else list(protocols)
    return [member for value in values for member in load_all(value)]


def optional_path(path: str | Path | None) -> Path | None:
    """The path that a text names, where there is one."""
    return None if path is None else Path(path)


def chosen_reenactments(dataset: Dataset, split: str, generators: Sequence[str]) -> pd.DataFrame:
    """The reenactments of a split by some generators; empty for all. Raises NvfairError where there are none."""
    reenactments = dataset.videos[dataset.videos["generator"].notna()]
    chosen = reenactments[reenactments["split"] == split]
    if generators:
        chosen = chosen[chosen["generator"].isin(generators)]
    if chosen.empty:
        raise NvfairError(
            f"no reenactment in split {split!r} by {', '.join(generators) or 'any generator'}",
            where=dataset.folder,
            expected=f"splits {', '.join(sorted(reenactments['split'].unique()))}; "
            f"generators {', '.join(sorted(reenactments['generator'].unique()))}",
            remedy=did_you_mean([split, *generators], {*reenactments["split"], *reenactments["generator"]}),
        )
    return chosen
