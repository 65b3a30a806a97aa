"""The plan of all videos to render, as columns: every pair by every generator, with the id of each video.

Legend: N planned videos.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import Pair, PairTable
from nvfair_tools.curate.portraits import Portrait
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.tables import clips_by_rights, inherited_rights
from nvfair_tools.curate.video_paths import reenactment_path
from nvfair_tools.identity import identity_file_name
from nvfair_tools.media.source_types import SOURCE_TYPE_TAG
from nvfair_tools.pipeline.id_template import ID_TYPE, IdTemplate, id_text, slot

if TYPE_CHECKING:  # the generators' packages are for those who render
    from nvfair_tools.render.choice import ChosenGenerator

VERSION = "2"  # of framing, bridging and writing; a generator's own version is in its fingerprint


@dataclass(frozen=True)
class DrivingClip:
    """A clip and its track, shared by all videos that it drives. tasks: those videos, for generators that make them
    all at once; else empty."""

    video: Path
    track: Path
    fps: Fraction
    max_gap: float
    keep_truncated: bool
    tasks: tuple[RenderTask, ...] = ()


@dataclass(frozen=True)
class RenderTask:
    """The files of one video to render.

    portrait_id: id of the target's portrait. picture, portrait_track: the portrait's image and its one-frame track.
    output, path: the file to write, absolute and relative to the data set.
    """

    portrait_id: str
    picture: Path
    portrait_track: Path
    output: Path
    path: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Rendering:
    """A planned video before it is rendered. id: of the video."""

    id: str
    pair: Pair
    generator: ChosenGenerator
    path: str
    task: RenderTask


@dataclass(frozen=True, eq=False)
class RenderPlan(Sequence[Rendering]):
    """All planned videos, generator by generator, each in the order of the pairs.

    rows: for each generator, the places of its pairs (int32). ids: packed (N,). clips, names: by clip id. portraits: by
    identity. As a sequence, it makes each `Rendering` when it is asked for.
    """

    session: Session
    pairs: PairTable
    generators: tuple[ChosenGenerator, ...]
    rows: tuple[np.ndarray, ...]
    ids: np.ndarray
    clips: Mapping[str, Clip]
    names: Mapping[str, str]
    portraits: Mapping[str, Portrait]

    @cached_property
    def starts(self) -> list[int]:
        """The place of each generator's first video, and the number of all videos."""
        return [0, *np.cumsum([len(rows) for rows in self.rows]).tolist()]

    @cached_property
    def target_clips(self) -> dict[str, list[Clip]]:
        """The clips that carry the rights of each person's face, by identity."""
        return clips_by_rights(self.clips.values())

    def part(self, number: int) -> slice:
        """The places of the videos of the generator with this number."""
        return slice(self.starts[number], self.starts[number + 1])

    def generator_of(self, place: int) -> int:
        """The number of the generator of the video at `place`."""
        return bisect_right(self.starts, place) - 1

    def pair_of(self, place: int) -> Pair:
        """The pair of the video at `place`."""
        number = self.generator_of(place)
        return self.pairs[int(self.rows[number][place - self.starts[number]])]

    def path_of(self, place: int) -> str:
        """Path of the video at `place`, relative to the data set."""
        pair = self.pair_of(place)
        return reenactment_path(pair, self.generators[self.generator_of(place)].label, self.names[pair.clip_id])

    def id_of(self, place: int) -> str:
        """The id of the video at `place`."""
        return id_text(self.ids[place : place + 1])[0]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Rendering: ...
    @overload
    def __getitem__(self, place: slice) -> list[Rendering]: ...
    def __getitem__(self, place: int | slice) -> Rendering | list[Rendering]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        generator = self.generators[self.generator_of(place)]
        pair, path, id = self.pair_of(place), self.path_of(place), self.id_of(place)
        portrait = self.portraits[pair.target]
        clip = self.clips[pair.clip_id]
        metadata = _metadata(generator, clip, pair.driver, pair.target, self.target_clips[pair.target])
        task = RenderTask(
            portrait.id,
            self.session.dataset / portrait.path,
            self.session.workspace.track_path(portrait.id),
            self.session.dataset / path,
            path,
            {**metadata, "video": id},
        )
        return Rendering(id, pair, generator, path, task)

    def __iter__(self) -> Iterator[Rendering]:
        return (self[place] for place in range(len(self)))


def plan_renderings(
    session: Session,
    pairs: Sequence[Pair],
    generators: Sequence[ChosenGenerator],
    clips: Mapping[str, Clip],
    names: Mapping[str, str],
    portraits: Mapping[str, Portrait],
) -> RenderPlan:
    """Plans the videos of all generators with their ids, generator by generator, in the order of `pairs`.

    clips, names: by clip id. portraits: by identity.
    """
    table = pairs if isinstance(pairs, PairTable) else PairTable.from_pairs(pairs)
    rows = tuple(
        np.flatnonzero(table.in_splits(generator.splits)).astype(np.int32, copy=False) for generator in generators
    )
    target_clips = clips_by_rights(clips.values())
    ids = [
        _video_ids(session, table, places, generator, clips, names, portraits, target_clips)
        for generator, places in zip(generators, rows, strict=True)
    ]
    ids = [np.zeros(0, ID_TYPE), *ids]
    return RenderPlan(session, table, tuple(generators), rows, np.concatenate(ids), clips, names, portraits)


def _video_ids(
    session: Session,
    pairs: PairTable,
    places: np.ndarray,
    generator: ChosenGenerator,
    clips: Mapping[str, Clip],
    names: Mapping[str, str],
    portraits: Mapping[str, Portrait],
    target_clips: Mapping[str, list[Clip]],
) -> np.ndarray:
    """The ids of one generator's videos, packed. places: of its pairs."""
    ids = np.zeros(len(places), ID_TYPE)
    drivers, targets = pairs.driver[places], pairs.target[places]
    # Targets with equal rights share a template: their videos of a clip differ in the target's own strings alone.
    rights_groups = _rights_groups(pairs, target_clips)[targets]
    arguments: dict[int, tuple[bytes, ...]] = {}
    changes = np.flatnonzero(np.diff(drivers) != 0) + 1
    for start, end in zip([0, *changes.tolist()], [*changes.tolist(), len(places)], strict=True):
        if start == end:
            continue
        driver = pairs.drivers[drivers[start]]
        clip, name = clips[driver.clip_id], names[driver.clip_id]
        for group in np.unique(rights_groups[start:end]):
            members = start + np.flatnonzero(rights_groups[start:end] == group)
            numbers = targets[members].tolist()
            first_target = pairs.targets[numbers[0]].identity
            template = IdTemplate(
                "video",
                generator=generator.fingerprint,
                motion_mode=generator.motion_mode,
                portrait=slot(1),
                track=clip.track_id,
                max_gap=session.recipe.policy.max_gap,
                path=reenactment_path(
                    Pair(clip.id, driver.identity, slot(2), driver.source, driver.split), generator.label, name
                ),
                metadata=_metadata(generator, clip, driver.identity, slot(0), target_clips[first_target]),
                version=VERSION,
            )
            for number in numbers:
                if number not in arguments:
                    target = pairs.targets[number].identity
                    arguments[number] = template.arguments(target, portraits[target].id, identity_file_name(target))
            ids[members] = template.ids([arguments[number] for number in numbers])
    return ids


def _rights_groups(pairs: PairTable, target_clips: Mapping[str, list[Clip]]) -> np.ndarray:
    """A number for each target of the table: equal where the targets' rights are."""
    groups: dict[tuple, int] = {}
    numbers = []
    for target in pairs.targets:
        rows = [clip.row for clip in target_clips.get(target.identity, ())]
        rights = tuple((row.licence, row.consent, row.permitted_use) for row in rows)
        numbers.append(groups.setdefault(rights, len(groups)))
    return np.array(numbers, np.int32)


def _metadata(
    generator: ChosenGenerator, clip: Clip, driver: str, target: str, target_clips: Sequence[Clip]
) -> dict[str, str]:
    """The metadata that a reenactment's file carries, without its own id."""
    return {
        "synthetic": "true",
        SOURCE_TYPE_TAG: generator.source_type,
        "generator": generator.label,
        "generator_fingerprint": generator.fingerprint,
        "motion_mode": generator.motion_mode,
        "target": target,
        "driver": driver,
        "clip": clip.id,
        **inherited_rights(clip, target_clips, generator.licence),
    }
