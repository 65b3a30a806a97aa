"""Which videos a training run reads, and what it declares to have seen."""

from __future__ import annotations

import pandas as pd

from benchmark.methods.declaration import Declaration, RoleExposure, check_disjoint
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.selection import ValidationSet
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, did_you_mean


def videos_of_split(dataset: Dataset, split: str, generators: tuple[str, ...]) -> pd.DataFrame:
    """Reenactments of a split by these generators; NvfairError naming what is not there."""
    reenactments = dataset.videos[dataset.videos["generator"].notna()]
    known = sorted(reenactments["generator"].unique())
    unknown = [name for name in generators if name not in known]
    if unknown or not generators:
        raise NvfairError(
            f"generator {', '.join(unknown)!r} is not in the data set" if unknown else "no generator is named",
            where=dataset.folder,
            expected=f"some of {', '.join(known)}",
            remedy=did_you_mean(unknown, known),
        )
    videos = reenactments[(reenactments["split"] == split) & reenactments["generator"].isin(generators)]
    if videos.empty:
        raise NvfairError(
            f"split {split!r} has no video by {', '.join(generators)}",
            where=dataset.folder,
            expected=f"one of the splits {', '.join(sorted(reenactments['split'].unique()))}",
        )
    return videos


def declare_exposure(
    dataset: Dataset,
    protocol: Protocol,
    options: TrainOptions,
    windows: WindowSet,
    validation: ValidationSet,
    data_record: dict[str, str],
) -> Declaration:
    """What a training run has seen; NvfairError where its splits share a person.

    windows: the training windows. validation: people and trials of selection. data_record: name and sha256 of
    the data set, to which what found its faces is added. Our training takes no thresholds and no cohort.
    """
    test = dataset.videos[dataset.videos["split"] == protocol.split.test]
    registered = dataset.identities[dataset.identities["split"] == protocol.split.test]["identity"]
    declaration = Declaration(
        training=_exposure(windows.videos, options.generators),
        selection=_exposure(validation.windows.videos, options.generators if validation.usable else ()),
        held_out=frozenset({*test["driver"], *test["target"], *registered}),
        data={**data_record, **_landmarkers(dataset)},
    )
    check_disjoint(declaration, where=dataset.folder)
    return declaration


def _landmarkers(dataset: Dataset) -> dict[str, str]:
    """What found the data set's faces, as a declaration holds it; {} where nothing did, as with simulated people."""
    sources = dataset.landmark_sources
    return {"landmarkers": "; ".join(sorted(sources))} if sources else {}


def _exposure(videos: pd.DataFrame, generators: tuple[str, ...]) -> RoleExposure:
    return RoleExposure.from_videos(videos["driver"], videos["target"], generators)
