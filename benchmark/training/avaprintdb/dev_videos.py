"""Which videos of AVAPrintDB's release train: those of DEV people by one generator, as landmarks or frame features.

Legend: V videos, T frames of a window.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch

from benchmark.methods.declaration import RoleExposure
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE, SampleFiles, SampleName
from nvfair_tools.quantities import count_text

# People whom the authors hold out of the training of their attention networks, by collection. The list of their graph
# network is another one, and none of its published files used it.
ATTENTION_VALIDATION_PEOPLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "cremad": frozenset(
            f"cremad:{number}"
            for number in (1016, 1025, 1026, 1030, 1040, 1046, 1053, 1056, 1066, 1069, 1082, 1085, 1086)
        ),
        "ravdess": frozenset(f"ravdess:{number:02d}" for number in (4, 6, 12, 14)),
    }
)


@dataclass(frozen=True)
class DevVideos:
    """The videos of a training.

    names: (V,). points: (V,) float32 (frames, ...) each, on the CPU: 109 points in 3-D a frame, or its features.
    short: videos left out, as they have fewer frames than a window. dropped_frames: frames that were not finite.
    """

    names: tuple[SampleName, ...]
    points: tuple[torch.Tensor, ...]
    short: int = 0
    dropped_frames: int = 0

    @classmethod
    def read(
        cls,
        files: SampleFiles,
        collection: str,
        generator: str,
        window: int,
        *,
        window_seed: int | None = None,
        report: Callable[[str], None] | None = None,
    ) -> DevVideos:
        """Reads the videos of a collection's DEV people by one generator.

        collection: "cremad" or "ravdess". generator: as in the files' names. window_seed: keep one window of each video
        alone, at a random start that depends on this number and the video's name. report: takes a line of text now and
        then. Videos of TEST people are not read. Raises NvfairError where there is nothing to train on.
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
                f"no {files.suffix} file of {collection}'s DEV people by {generator}",
                where=files.root,
                expected=f"one of the generators {', '.join(generators)}" if generators else "files of this collection",
            )
        names, points, dropped = [], [], 0
        for number, name in enumerate(sorted(listed, key=lambda name: name.stem)):
            if report and number % 200 == 0:
                report(f"read {number} of {count_text(len(listed), 'file')}")
            sequence = files.read(name.stem)
            dropped += sequence.dropped
            frames = len(sequence.points)
            if frames < window:
                continue
            names.append(name)
            values = torch.from_numpy(sequence.points)
            if window_seed is not None:
                rng = np.random.default_rng([window_seed, zlib.crc32(name.stem.encode())])
                begin = int(rng.integers(frames - window + 1))
                values = values[begin : begin + window].clone()
            points.append(values)
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

    @property
    def people(self) -> RoleExposure:
        """Drivers, targets and generators of all the videos."""
        generators = {name.generator_label for name in self.names}
        return RoleExposure.from_videos(
            (name.driver for name in self.names), (name.target for name in self.names), generators
        )


def check_validation_people(people: frozenset[str]) -> None:
    """Raises NvfairError where people to select on are TEST people of the published plans.

    The list in the authors' code of the graph network for RAVDESS (Actor_03, Actor_13, Actor_19, Actor_23) is such a
    list: Actor_19 is a TEST person.
    """
    shared = sorted(people & frozenset().union(*TEST_PEOPLE.values()))
    if shared:
        raise NvfairError(
            f"{', '.join(shared)} among the validation people: TEST in the published plans, so selecting on them would "
            "select on the test",
            expected="DEV people only",
            remedy="leave them out; the authors' own list for RAVDESS holds ravdess:19, and no published file used it",
        )
