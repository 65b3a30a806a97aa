"""The render stage: every planned pair by every generator, with the work that pairs share done once.

Sources are encoded once a target and motions once a driving clip. Tiles of targets bound memory: within a tile the
run goes driver by driver. State is kept for each video; a tile is only how the work is scheduled.
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
from nvfair_tools.curate.tables import Reenactment, people_by_rights, rights_of
from nvfair_tools.curate.video_paths import reenactment_path
from nvfair_tools.pipeline.engines.local import Batch, LocalEngine
from nvfair_tools.pipeline.items import ItemResult, item_id, ok
from nvfair_tools.pipeline.stage import run_stage
from nvfair_tools.render.choice import ChosenGenerator, make
from nvfair_tools.render.faces import ClipFaces, portrait_face
from nvfair_tools.render.files import render_files

VERSION = "1"  # of framing, bridging and writing; a generator's own version is in its fingerprint


@dataclass(frozen=True)
class DrivingClip:
    """What the pairs of one clip share. source: the clip's file; track: its face."""

    source: Path
    track: Path
    fps: Fraction
    max_gap: float
    keep_truncated: bool


@dataclass(frozen=True)
class RenderTask:
    """One video: the target's picture and its mesh, and where the result goes."""

    portrait: str  # id
    picture: Path
    mesh: Path
    output: Path
    path: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Rendering:
    """A planned video before its stages have run. id: of the video."""

    id: str
    pair: Pair
    generator: ChosenGenerator
    path: str
    task: RenderTask


def plan_renderings(
    session: Session,
    pairs: Sequence[Pair],
    generators: Sequence[ChosenGenerator],
    clips: Mapping[str, Clip],
    names: Mapping[str, str],
    portraits: Mapping[str, Portrait],
) -> list[Rendering]:
    """Every video of the plan with its id, in the plan's order, generator by generator."""
    people = people_by_rights(clips.values())
    planned = []
    for generator in generators:
        for pair in (pair for pair in pairs if pair.split in generator.splits):
            clip, portrait = clips[pair.clip], portraits[pair.target]
            path = reenactment_path(pair, generator.label, names[pair.clip])
            metadata = {
                "synthetic": "true",
                "generator": generator.label,
                "generator_fingerprint": generator.fingerprint,
                "motion_mode": generator.motion_mode,
                "target": pair.target,
                "driver": pair.driver,
                "clip": pair.clip,
                **rights_of(clip, people[pair.target], generator.licence),
            }
            id = item_id(
                "video",
                generator=generator.fingerprint,
                motion_mode=generator.motion_mode,
                portrait=portrait.id,
                track=clip.track,
                max_gap=session.recipe.policy.max_gap,
                path=path,
                metadata=metadata,
                version=VERSION,
            )
            task = RenderTask(
                portrait.id,
                session.dataset / portrait.path,
                session.workspace.track(portrait.id),
                session.dataset / path,
                path,
                {**metadata, "video": id},
            )
            planned.append(Rendering(id, pair, generator, path, task))
    return planned


def render(session: Session, planned: Sequence[Rendering], clips: Mapping[str, Clip]) -> list[Reenactment]:
    """Renders what is missing; every planned video with its result, in the plan's order."""
    results: dict[str, ItemResult] = {}
    workers = session.recipe.render_workers
    for generator in dict.fromkeys(rendering.generator.label for rendering in planned):
        own = [rendering for rendering in planned if rendering.generator.label == generator]
        results |= run_stage(
            session.runner,
            "render",
            partial(RenderWorker, own[0].generator, session.recipe.sources_in_memory),
            batches(own, clips, session.recipe.sources_in_memory, session),
            outputs={rendering.id: rendering.path for rendering in own},
            engine=None if workers is None else LocalEngine(workers),
        )
    return [Reenactment(one.id, one.pair, one.generator.told(), one.path, results[one.id], None) for one in planned]


def batches(planned: Sequence[Rendering], clips: Mapping[str, Clip], tile: int, session: Session) -> Iterator[Batch]:
    """One generator's videos as batches that share a driving clip, tile by tile of `tile` targets."""
    targets = sorted({rendering.pair.target for rendering in planned})
    for start in range(0, len(targets), tile):
        among = set(targets[start : start + tile])
        by_clip: OrderedDict[str, list[Rendering]] = OrderedDict()
        for rendering in planned:
            if rendering.pair.target in among:
                by_clip.setdefault(rendering.pair.clip, []).append(rendering)
        for id, own in by_clip.items():
            clip = clips[id]
            shared = DrivingClip(
                clip.row.path,
                session.workspace.track(clip.track),
                clip.fps,
                session.recipe.policy.max_gap,
                session.recipe.policy.truncated == "keep",
            )
            yield Batch(tuple((rendering.id, rendering.task) for rendering in own), shared)


class RenderWorker:
    """Holds one generator and the sources it encoded last."""

    def __init__(self, chosen: ChosenGenerator, sources: int) -> None:
        self._chosen, self._most = chosen, sources
        self._generator = make(chosen)
        self._framing = self._generator.framing
        self._runs_files = hasattr(self._generator, "render_file")
        self._sources: OrderedDict[str, Any] = OrderedDict()

    def prepare(self, shared: DrivingClip) -> tuple[Any, DrivingClip]:
        """The clip's motion; for a generator that runs files, its framed faces."""
        faces = ClipFaces(shared.source, shared.track, shared.max_gap, keep_truncated=shared.keep_truncated)
        if self._runs_files:
            return faces, shared
        driving = faces.framed(self._generator.framing, pixels=self._generator.needs_image)
        return self._generator.encode_motion(driving), shared

    def run(self, prepared: tuple[Any, DrivingClip], task: RenderTask) -> ItemResult:
        """facts: path, bytes, sha256, frames, width, height."""
        from nvfair_tools.media import encode

        motion, clip = prepared
        size: list[int] = []
        if self._runs_files:
            pictures = render_files(
                self._generator, motion, portrait_face(task.picture, task.mesh, self._framing), clip.fps
            )
        else:
            frames = self._generator.render(self._source(task), motion, self._chosen.mode)
            pictures = (to_uint8(frame, self._generator.value_range) for frame in frames)
        info = encode(task.output, _measured(pictures, size), clip.fps, metadata=task.metadata)
        return ok(
            path=task.path,
            bytes=task.output.stat().st_size,
            sha256=info.sha256,
            frames=info.frames,
            width=size[0],
            height=size[1],
        )

    def _source(self, task: RenderTask) -> Any:
        if task.portrait in self._sources:
            self._sources.move_to_end(task.portrait)
            return self._sources[task.portrait]
        while len(self._sources) >= self._most:
            self._sources.popitem(last=False)
        face = portrait_face(task.picture, task.mesh, self._framing)
        self._sources[task.portrait] = self._generator.encode_source(face)
        return self._sources[task.portrait]


def _measured(pictures: Iterable[np.ndarray], size: list[int]) -> Iterator[np.ndarray]:
    for picture in pictures:
        size[:] = [picture.shape[1], picture.shape[0]]
        yield picture
