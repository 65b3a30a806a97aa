"""Originals: real videos pass through the same encoder as reenactments, so that no codec tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from nvfair_tools.curate.ingest import (
    Clip,
)
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.video_paths import original_path
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.pipeline.items import ItemResult, item_id, ok
from nvfair_tools.pipeline.stage import run_stage, single_items

VERSION = "1"


@dataclass(frozen=True)
class OriginalTask:
    """A clip to write anew. output: the file; path: the same, relative to the data set; frames: how many its
    track has."""

    source: Path
    output: Path
    path: str
    fps: Fraction
    frames: int
    metadata: Mapping[str, str]
    keep_truncated: bool


def originals(session: Session, clips: Iterable[Clip], names: Mapping[str, str]) -> dict[str, ItemResult]:
    """{clip id: result} for every usable clip; facts: path, bytes, sha256, width, height."""
    tasks: dict[str, OriginalTask] = {}
    ids: dict[str, str] = {}
    for clip in clips:
        if not clip.usable:
            continue
        assert clip.facts is not None
        path = original_path(clip, names[clip.id])
        metadata = original_tags(clip)
        id = item_id(
            "original",
            content=clip.sha256,
            path=path,
            metadata=metadata,
            truncated=session.recipe.policy.truncated,
            version=VERSION,
        )
        ids[clip.id] = id
        tasks[id] = OriginalTask(
            clip.row.path,
            session.dataset / path,
            path,
            clip.fps,
            clip.facts["frames"],
            metadata,
            session.recipe.policy.truncated == "keep",
        )
    results = run_stage(
        session.runner,
        "original",
        OriginalWorker,
        single_items(tasks),
        outputs={id: task.path for id, task in tasks.items()},
    )
    return {clip: results[id] for clip, id in ids.items()}


def original_tags(clip: Clip) -> dict[str, str]:
    """What a real video says of itself."""
    return {
        "synthetic": "false",
        "identity": clip.row.identity,
        "clip": clip.id,
        "licence": clip.row.licence,
        "permitted_use": clip.row.permitted_use,
    }


class OriginalWorker:
    """Decodes a clip and writes it with the data set's encoder."""

    def prepare(self, shared: None) -> None:
        """Nothing is shared."""

    def run(self, prepared: None, task: OriginalTask) -> ItemResult:
        """facts: path, bytes, sha256, width, height (even: an odd last row or column is cut off)."""
        from nvfair_tools.media import encode

        size: list[int] = []
        info = encode(task.output, self._pictures(task, size), task.fps, metadata=task.metadata)
        if info.frames != task.frames:
            raise ValueError(f"{info.frames} frames were decoded, but the clip's track has {task.frames}")
        return ok(path=task.path, bytes=task.output.stat().st_size, sha256=info.sha256, width=size[0], height=size[1])

    @staticmethod
    def _pictures(task: OriginalTask, size: list[int]) -> Iterator[np.ndarray]:
        for frame in whole_frames(task.source, keep_truncated=task.keep_truncated):
            height, width = frame.image.shape[0] // 2 * 2, frame.image.shape[1] // 2 * 2
            size[:] = [width, height]
            yield frame.image[:height, :width]
