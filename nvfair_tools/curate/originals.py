"""The original stage: real videos pass through the same encoder as reenactments, so that no codec tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.video_paths import original_path
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.media.source_types import SOURCE_TYPE_TAG, SYNTHETIC_SOURCE_TYPES
from nvfair_tools.media.xmp import read_xmp
from nvfair_tools.pipeline.items import ItemResult, item_id, ok

VERSION = "3"  # of decoding and encoding


@dataclass(frozen=True)
class OriginalTask:
    """The files of one clip to encode again. output: the file to write. path: the same, relative to the data set.
    frames: the number of frames in its track."""

    source: Path
    output: Path
    path: str
    fps: Fraction
    frames: int
    metadata: Mapping[str, str]
    keep_truncated: bool


def encode_originals(session: Session, clips: Iterable[Clip], names: Mapping[str, str]) -> dict[str, ItemResult]:
    """Encodes every usable video (a listed track has none); returns {clip id: result}.

    facts: path, bytes, sha256, width, height. names: {clip id: stem of its file}.
    """
    tasks: dict[str, OriginalTask] = {}
    ids: dict[str, str] = {}
    for clip in clips:
        if not clip.usable or clip.row.is_track:
            continue
        assert clip.facts is not None
        path = original_path(clip, names[clip.id])
        metadata = original_metadata(clip)
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
    results = session.runner.run_items(
        "original", OriginalWorker, tasks, outputs={id: task.path for id, task in tasks.items()}
    )
    return {clip_id: results[id] for clip_id, id in ids.items()}


def original_metadata(clip: Clip) -> dict[str, str]:
    """The metadata that a real video's file carries: who it shows, what is permitted, and how its source came about.

    The digital source type is the one that the source's own XMP claims; where it claims none, nor do we.
    """
    segment = clip.row.segment
    source_type = read_xmp(clip.row.path if segment is None else segment.footage).source_type
    claim = {SOURCE_TYPE_TAG: source_type} if source_type else {}
    return {
        "synthetic": "true" if source_type in SYNTHETIC_SOURCE_TYPES else "false",
        **claim,
        "identity": clip.row.identity,
        "clip": clip.id,
        "licence": clip.row.licence,
        "permitted_use": clip.row.permitted_use,
    }


class OriginalWorker:
    """Decodes clips and writes them with the data set's encoder."""

    def run(self, task: OriginalTask) -> ItemResult:
        """Writes one video. facts: path, bytes, sha256, width, height (even: an odd last row or column is cut off)."""
        from nvfair_tools.media import encode

        size: list[int] = []
        info = encode(task.output, self._images(task, size), task.fps, metadata=task.metadata)
        if info.frames != task.frames:
            raise ValueError(f"{info.frames} frames were decoded, but the clip's track has {task.frames}")
        return ok(path=task.path, bytes=task.output.stat().st_size, sha256=info.sha256, width=size[0], height=size[1])

    @staticmethod
    def _images(task: OriginalTask, size: list[int]) -> Iterator[np.ndarray]:
        """The clip's frames with even sides; their width and height are put into `size`."""
        for frame in whole_frames(task.source, keep_truncated=task.keep_truncated):
            height, width = frame.image.shape[0] // 2 * 2, frame.image.shape[1] // 2 * 2
            size[:] = [width, height]
            yield frame.image[:height, :width]
