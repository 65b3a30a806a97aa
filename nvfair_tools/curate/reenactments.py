"""The render stage: every planned pair by every generator, with the work that pairs share done once.

Sources are encoded once for each target and motions once for each driving clip. Targets are taken in tiles, which
limits memory: within a tile the run goes clip by clip. State is kept for each video; tiles only schedule the work.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from generators.face import Face, to_uint8
from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.curate.plans.renderings import DrivingClip, RenderPlan, RenderTask
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.pipeline.result_table import ResultTable, read_results
from nvfair_tools.render.choice import ChosenGenerator
from nvfair_tools.render.faces import ClipFaces, portrait_face
from nvfair_tools.render.files import FileRenderer, remove_abandoned_folders


def refuse_drivers_without_pixels(
    generators: Iterable[ChosenGenerator], pairs: PairTable, clips: Mapping[str, Clip]
) -> None:
    """Raises NvfairError where a generator that reads pixels would be driven by a listed track. clips: by id."""
    drivers = [pairs.drivers[place] for place in np.unique(pairs.driver)]
    driving_tracks = {
        driver.split: clips[driver.clip_id].row for driver in drivers if clips[driver.clip_id].row.is_track
    }
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


def render_reenactments(plan: RenderPlan) -> ResultTable:
    """Renders the planned videos that are missing; returns the results of all, in the order of the plan."""
    recipe, runner = plan.session.recipe, plan.session.runner
    results, done = runner.planned_results("render", plan.ids)
    finished = [int(done[plan.part(number)].sum()) for number in range(len(plan.generators))]
    for number, generator in enumerate(plan.generators):
        runner.journal.plan_stage("render", len(plan.rows[number]), finished[number], part=generator.label)
    for number, generator in enumerate(plan.generators):
        runner.run_planned(
            "render",
            partial(RenderWorker, generator, recipe.sources_in_memory),
            batches(plan, number, ~done),
            total=len(plan.rows[number]),
            finished=finished[number],
            part=generator.label,
            engine=plan.session.render_engine(uses_device=generator.uses_device),
        )
    remove_abandoned_folders()
    return results if done.all() else read_results(runner.journal, "render", plan.ids)


def batches(plan: RenderPlan, number: int, missing: np.ndarray) -> Iterator[Batch]:
    """Batches of one generator's videos that share a driving clip, one tile of targets after another.

    A tile has as many targets as a worker keeps encoded sources. number: of the generator. missing: bool, for each
    planned video of all generators; others are left out.
    """
    session, pairs, rows = plan.session, plan.pairs, plan.rows[number]
    _, rank = np.unique(pairs.target[rows], return_inverse=True)  # the table's targets are in the order of their names
    tile = rank // session.recipe.sources_in_memory
    driver = pairs.driver[rows]
    chosen = np.flatnonzero(missing[plan.part(number)])
    # By tile, then in the order of the plan, in which the videos of a clip stand together.
    chosen = chosen[np.argsort(tile[chosen], kind="stable")]
    changes = np.flatnonzero((np.diff(tile[chosen]) != 0) | (np.diff(driver[chosen]) != 0)) + 1
    for places in np.split(chosen, changes):
        if not len(places):
            continue
        clip = plan.clips[pairs.drivers[driver[places[0]]].clip_id]
        renderings = [plan[plan.starts[number] + place] for place in places.tolist()]
        shared = DrivingClip(
            clip.row.path,
            session.workspace.track_path(clip.track_id),
            clip.fps,
            session.recipe.policy.max_gap,
            session.recipe.policy.truncated == "keep",
            tuple(rendering.task for rendering in renderings) if plan.generators[number].renders_lists else (),
        )
        yield Batch(tuple((rendering.id, rendering.task) for rendering in renderings), shared)


class RenderWorker:
    """Renders videos with one generator; keeps the `max_sources` targets that were used last encoded in memory."""

    def __init__(self, chosen: ChosenGenerator, max_sources: int) -> None:
        self._chosen, self._max_sources = chosen, max_sources
        self._generator = chosen.create()
        self._framing = self._generator.framing
        self._files = FileRenderer(self._generator) if hasattr(self._generator, "render_file") else None
        self._sources: OrderedDict[str, Any] = OrderedDict()

    def prepare(self, shared: DrivingClip) -> tuple[Any, DrivingClip]:
        """Encodes the clip's motion; for a generator that runs files, writes the framed clip instead."""
        faces = ClipFaces(shared.video, shared.track, shared.max_gap, keep_truncated=shared.keep_truncated)
        if self._files is not None:
            # A list leaves out what is there already: after a crash the rest of a batch is prepared again.
            tasks = [task for task in shared.tasks if not task.output.exists()]
            return self._files.prepare(faces, shared.fps, map(self._portrait, tasks)), shared
        driving = faces.framed(self._generator.framing, pixels=self._generator.needs_image)
        return self._generator.encode_motion(driving), shared

    def run(self, prepared: tuple[Any, DrivingClip], task: RenderTask) -> ItemResult:
        """Renders and encodes one video. facts: path, bytes, sha256, frames, width, height."""
        from nvfair_tools.media import encode

        motion, clip = prepared
        size: list[int] = []
        if self._files is not None:
            images = self._files.frames(motion, self._portrait(task))
        else:
            frames = self._generator.render(self._source(task), motion, self._chosen.mode)
            images = (to_uint8(frame, self._generator.value_range) for frame in frames)
        info = encode(task.output, _measured(images, size), clip.fps, metadata=task.metadata)
        mended = self._files.mended_frames if self._files is not None else 0
        return ok(
            **({"mended_frames": mended} if mended else {}),
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
        self._sources[task.portrait_id] = self._generator.encode_source(self._portrait(task))
        return self._sources[task.portrait_id]

    def _portrait(self, task: RenderTask) -> Face:
        return portrait_face(task.picture, task.portrait_track, self._framing)


def _measured(images: Iterable[np.ndarray], size: list[int]) -> Iterator[np.ndarray]:
    """The images unchanged; their width and height are put into `size`."""
    for image in images:
        size[:] = [image.shape[1], image.shape[0]]
        yield image
