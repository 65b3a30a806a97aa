"""The render stage: every planned pair by every generator, with the work that pairs share done once.

Sources are encoded once for each target and motions once for each driving clip. Targets are taken in tiles, which
limits memory: within a tile the run goes clip by clip. State is kept for each video; tiles only schedule the work.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from generators.face import to_uint8
from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.curate.portraits import Portrait
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.tables import Reenactment, clips_by_rights, inherited_rights
from nvfair_tools.curate.video_paths import reenactment_path
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.items import ItemResult, item_id, ok
from nvfair_tools.render.choice import ChosenGenerator
from nvfair_tools.render.faces import ClipFaces, portrait_face
from nvfair_tools.render.files import render_files

VERSION = "1"  # of framing, bridging and writing; a generator's own version is in its fingerprint


@dataclass(frozen=True)
class DrivingClip:
    """A clip and its track, shared by all videos that it drives."""

    video: Path
    track: Path
    fps: Fraction
    max_gap: float
    keep_truncated: bool


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


def refuse_drivers_without_pixels(
    generators: Iterable[ChosenGenerator], pairs: Iterable[Pair], clips: Mapping[str, Clip]
) -> None:
    """Raises NvfairError where a generator that reads pixels would be driven by a listed track. clips: by id."""
    driving_tracks = {pair.split: clips[pair.clip_id].row for pair in pairs if clips[pair.clip_id].row.is_track}
    for generator in generators:
        for split in generator.splits:
            if generator.needs_image and split in driving_tracks:
                raise no_pixels_error(generator.label, driving_tracks[split].name)


def no_pixels_error(generator: str, track: str) -> NvfairError:
    """The error of a generator that reads pixels and is to be driven by a track. track: one of them."""
    return NvfairError(
        f"it reads the driver's pixels, and tracks such as {track} have none",
        where=f"generator {generator}",
        expected="a warp generator, which reads the landmarks alone",
        remedy="list videos in place of the tracks, or leave their splits out (key `splits` of the generator)",
    )


def plan_renderings(
    session: Session,
    pairs: Sequence[Pair],
    generators: Sequence[ChosenGenerator],
    clips: Mapping[str, Clip],
    names: Mapping[str, str],
    portraits: Mapping[str, Portrait],
) -> list[Rendering]:
    """Plans the videos of all generators with their ids, generator by generator, in the order of `pairs`.

    clips, names: by clip id. portraits: by identity.
    """
    target_clips = clips_by_rights(clips.values())
    renderings = []
    for generator in generators:
        for pair in (pair for pair in pairs if pair.split in generator.splits):
            clip, portrait = clips[pair.clip_id], portraits[pair.target]
            path = reenactment_path(pair, generator.label, names[pair.clip_id])
            metadata = {
                "synthetic": "true",
                "generator": generator.label,
                "generator_fingerprint": generator.fingerprint,
                "motion_mode": generator.motion_mode,
                "target": pair.target,
                "driver": pair.driver,
                "clip": pair.clip_id,
                **inherited_rights(clip, target_clips[pair.target], generator.licence),
            }
            id = item_id(
                "video",
                generator=generator.fingerprint,
                motion_mode=generator.motion_mode,
                portrait=portrait.id,
                track=clip.track_id,
                max_gap=session.recipe.policy.max_gap,
                path=path,
                metadata=metadata,
                version=VERSION,
            )
            task = RenderTask(
                portrait.id,
                session.dataset / portrait.path,
                session.workspace.track_path(portrait.id),
                session.dataset / path,
                path,
                {**metadata, "video": id},
            )
            renderings.append(Rendering(id, pair, generator, path, task))
    return renderings


def render_reenactments(
    session: Session, renderings: Sequence[Rendering], clips: Mapping[str, Clip]
) -> list[Reenactment]:
    """Renders the videos that are missing; returns all planned videos with their results, in the order of the plan.

    clips: by id.
    """
    results: dict[str, ItemResult] = {}
    workers = session.recipe.render_workers
    for label in dict.fromkeys(rendering.generator.label for rendering in renderings):
        of_generator = [rendering for rendering in renderings if rendering.generator.label == label]
        results |= session.runner.run(
            "render",
            partial(RenderWorker, of_generator[0].generator, session.recipe.sources_in_memory),
            _batches(session, of_generator, clips),
            outputs={rendering.id: rendering.path for rendering in of_generator},
            engine=None if workers is None else LocalEngine(workers),
        )
    return [
        Reenactment(
            rendering.id, rendering.pair, rendering.generator.describe(), rendering.path, results[rendering.id], None
        )
        for rendering in renderings
    ]


def _batches(session: Session, renderings: Sequence[Rendering], clips: Mapping[str, Clip]) -> Iterator[Batch]:
    """Batches of one generator's videos that share a driving clip, one tile of targets after another.

    A tile has as many targets as a worker keeps encoded sources.
    """
    tile_size = session.recipe.sources_in_memory
    targets = sorted({rendering.pair.target for rendering in renderings})
    for start in range(0, len(targets), tile_size):
        tile = set(targets[start : start + tile_size])
        by_clip: OrderedDict[str, list[Rendering]] = OrderedDict()
        for rendering in renderings:
            if rendering.pair.target in tile:
                by_clip.setdefault(rendering.pair.clip_id, []).append(rendering)
        for clip_id, of_clip in by_clip.items():
            clip = clips[clip_id]
            shared = DrivingClip(
                clip.row.path,
                session.workspace.track_path(clip.track_id),
                clip.fps,
                session.recipe.policy.max_gap,
                session.recipe.policy.truncated == "keep",
            )
            yield Batch(tuple((rendering.id, rendering.task) for rendering in of_clip), shared)


class RenderWorker:
    """Renders videos with one generator; keeps the `max_sources` targets that were used last encoded in memory."""

    def __init__(self, chosen: ChosenGenerator, max_sources: int) -> None:
        self._chosen, self._max_sources = chosen, max_sources
        self._generator = chosen.create()
        self._framing = self._generator.framing
        self._runs_files = hasattr(self._generator, "render_file")
        self._sources: OrderedDict[str, Any] = OrderedDict()

    def prepare(self, shared: DrivingClip) -> tuple[Any, DrivingClip]:
        """Encodes the clip's motion; for a generator that runs files, returns the clip's framed faces instead."""
        faces = ClipFaces(shared.video, shared.track, shared.max_gap, keep_truncated=shared.keep_truncated)
        if self._runs_files:
            return faces, shared
        driving = faces.framed(self._generator.framing, pixels=self._generator.needs_image)
        return self._generator.encode_motion(driving), shared

    def run(self, prepared: tuple[Any, DrivingClip], task: RenderTask) -> ItemResult:
        """Renders and encodes one video. facts: path, bytes, sha256, frames, width, height."""
        from nvfair_tools.media import encode

        motion, clip = prepared
        size: list[int] = []
        if self._runs_files:
            portrait = portrait_face(task.picture, task.portrait_track, self._framing)
            images = render_files(self._generator, motion, portrait, clip.fps)
        else:
            frames = self._generator.render(self._source(task), motion, self._chosen.mode)
            images = (to_uint8(frame, self._generator.value_range) for frame in frames)
        info = encode(task.output, _measured(images, size), clip.fps, metadata=task.metadata)
        return ok(
            path=task.path,
            bytes=task.output.stat().st_size,
            sha256=info.sha256,
            frames=info.frames,
            width=size[0],
            height=size[1],
        )

    def _source(self, task: RenderTask) -> Any:
        """The target's encoded portrait, from memory where it is there."""
        if task.portrait_id in self._sources:
            self._sources.move_to_end(task.portrait_id)
            return self._sources[task.portrait_id]
        while len(self._sources) >= self._max_sources:
            self._sources.popitem(last=False)
        face = portrait_face(task.picture, task.portrait_track, self._framing)
        self._sources[task.portrait_id] = self._generator.encode_source(face)
        return self._sources[task.portrait_id]


def _measured(images: Iterable[np.ndarray], size: list[int]) -> Iterator[np.ndarray]:
    """The images unchanged; their width and height are put into `size`."""
    for image in images:
        size[:] = [image.shape[1], image.shape[0]]
        yield image
