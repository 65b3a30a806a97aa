"""Triplets of AVAPrintDB's landmark files: which videos train, and who is anchor, positive and negative of an epoch.

Legend: V videos, R triplets, D embedding size, T frames of a window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional

from benchmark.methods.declaration import RoleExposure
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE, LandmarkFiles, SampleName

_DISTANCE_EPSILON = 1e-6  # added to each coordinate of a difference, as PyTorch's triplet loss does


@dataclass(frozen=True)
class DevVideos:
    """The videos of a training. names: (V,). points: (V,) float32 (frames, 109, 3) each, on the CPU.

    short: videos left out, as they have fewer frames than a window. dropped_frames: frames that were not finite.
    """

    names: tuple[SampleName, ...]
    points: tuple[torch.Tensor, ...]
    short: int = 0
    dropped_frames: int = 0

    @classmethod
    def read(cls, files: LandmarkFiles, collection: str, generator: str, window: int) -> DevVideos:
        """Reads the videos of a collection's DEV people by one generator.

        collection: "cremad" or "ravdess". generator: as in the files' names. Videos of TEST people are not read. Raises
        NvfairError where there is nothing to train on.
        """
        test = TEST_PEOPLE.get(collection)
        if test is None:
            raise NvfairError(f"collection {collection!r} is unknown", expected=f"one of {', '.join(TEST_PEOPLE)}")
        listed = [
            name
            for name in files.names.values()
            if name.collection == collection and name.generator == generator and not {name.driver, name.target} & test
        ]
        if not listed:
            generators = sorted({name.generator for name in files.names.values() if name.collection == collection})
            raise NvfairError(
                f"no landmark file of {collection}'s DEV people by {generator}",
                where=files.root,
                expected=f"one of the generators {', '.join(generators)}" if generators else "files of this collection",
            )
        names, points, dropped = [], [], 0
        for name in sorted(listed, key=lambda name: name.stem):
            sequence = files.read(name.stem)
            dropped += sequence.dropped
            if len(sequence.points) >= window:
                names.append(name)
                points.append(torch.from_numpy(sequence.points))
        return cls(tuple(names), tuple(points), len(listed) - len(names), dropped)

    def without(self, people: frozenset[str]) -> DevVideos:
        """The videos in which none of these people takes part."""
        return self._only(not {name.driver, name.target} & people for name in self.names)

    def among(self, people: frozenset[str]) -> DevVideos:
        """The videos whose driver and target are both of these people."""
        return self._only({name.driver, name.target} <= people for name in self.names)

    def _only(self, chosen: Iterable[bool]) -> DevVideos:
        numbers = [number for number, keep in enumerate(chosen) if keep]
        return replace(
            self,
            names=tuple(self.names[number] for number in numbers),
            points=tuple(self.points[number] for number in numbers),
        )

    def windows(self, numbers: np.ndarray, starts: np.ndarray, length: int) -> torch.Tensor:
        """Windows (R, T, 109, 3) of the videos `numbers` (R,), from the frames `starts` (R,) on."""
        return torch.stack(
            [self.points[number][begin : begin + length] for number, begin in zip(numbers, starts, strict=True)]
        )

    def draw(self, window: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Video numbers of an epoch's anchors, positives and negatives (3, R), and where each window starts (3, R)."""
        triplets = np.stack(draw_epoch(self, rng))
        lengths = np.array([len(points) for points in self.points])
        return triplets, (rng.random(triplets.shape) * (lengths[triplets] - window + 1)).astype(np.int64)

    @property
    def people(self) -> RoleExposure:
        """Drivers, targets and generators of all the videos."""
        generators = {name.generator_label for name in self.names}
        return RoleExposure.from_videos(
            (name.driver for name in self.names), (name.target for name in self.names), generators
        )


def check_validation_people(people: frozenset[str]) -> None:
    """Raises NvfairError where people to select on are TEST people of the published plans.

    The authors' list for RAVDESS (Actor_03, Actor_13, Actor_19, Actor_23) is such a list: Actor_19 is a TEST person.
    """
    shared = sorted(people & frozenset().union(*TEST_PEOPLE.values()))
    if shared:
        raise NvfairError(
            f"{', '.join(shared)} among the validation people: TEST in the published plans, so selecting on them would "
            "select on the test",
            expected="DEV people only",
            remedy="leave them out; the authors' own list for RAVDESS holds ravdess:19, and no published file used it",
        )


def draw_epoch(videos: DevVideos, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (V,) of the anchors, positives and negatives of an epoch; see the top of this file.

    A driver with one video is an anchor of nobody's and stays a negative of others. Raises NvfairError where there are
    not two drivers, or none with two videos.
    """
    drivers, driver = np.unique([name.driver for name in videos.names], return_inverse=True)
    of_driver = [np.flatnonzero(driver == number) for number in range(len(drivers))]
    anchors = rng.permutation(np.flatnonzero([len(of_driver[number]) > 1 for number in driver]))
    if len(drivers) < 2 or not len(anchors):
        raise NvfairError(
            f"{len(drivers)} drivers, of whom {sum(len(group) > 1 for group in of_driver)} have two videos",
            expected="two drivers or more, and two videos of one of them",
        )
    positives, negatives = np.empty_like(anchors), np.empty_like(anchors)
    for row, anchor in enumerate(anchors):
        group = of_driver[driver[anchor]]
        positives[row] = rng.choice(group[group != anchor])
        other = (driver[anchor] + 1 + rng.integers(len(drivers) - 1)) % len(drivers)
        negatives[row] = rng.choice(of_driver[other])
    return anchors, positives, negatives


def triplet_loss(anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, margin: float) -> torch.Tensor:
    """The mean over R of max(0, |a - p| - |a - n| + margin), for embeddings (R, D)."""
    return functional.triplet_margin_loss(anchor, positive, negative, margin=margin, eps=_DISTANCE_EPSILON)
