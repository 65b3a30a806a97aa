"""The room that a recipe's data set takes, on the disk and in memory: a finding each, from the plan's own estimate."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence

from nvfair_tools.curate.costs.estimate import estimate_costs
from nvfair_tools.curate.costs.probe import worker_counts
from nvfair_tools.curate.finding import Finding
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.files import existing_parent, folder_bytes
from nvfair_tools.pipeline.engines.local import default_workers
from nvfair_tools.quantities import count_text, size_text
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.recipe import Recipe

# A worker with its landmarker or warp generator; networks take more, which only they know.
_WORKER_BYTES = 600e6
_STATED_CLIPS = 5


def check_build_room(recipe: Recipe, pairs: PairTable, clips: int, mean_frames: float) -> Finding:
    """Whether the disk has room for what a recipe still has to make, at most.

    pairs: planned. clips: number of them. mean_frames: of a clip; 0 where it is unknown. What an earlier run has left
    in the output counts as made.
    """
    costs = estimate_costs(recipe, pairs, clips, mean_frames, 1.0, None, worker_counts(recipe))
    needed = sum(cost.bytes for cost in costs)
    features = sum(cost.bytes for cost in costs if cost.stage == "shard")
    free = shutil.disk_usage(existing_parent(recipe.output_folder)).free
    text = f"about {size_text(needed)} needed (features {size_text(features)}), "
    text = (text if mean_frames else "what is needed is unknown, ") + f"{size_text(free)} free"
    if needed <= free:
        return Finding("ok", "disk", text)
    made = folder_bytes(recipe.output_folder)
    text += f", {size_text(made)} made before" * bool(made)
    if needed - made <= free:
        return Finding("ok", "disk", text)
    remedy = "free some space; or choose `features: {distances: none}`, which takes a twentieth of it"
    return Finding("error", "disk", text, remedy)


def check_build_memory(recipe: Recipe) -> Iterator[Finding]:
    """Whether there is memory for the recipe's workers; nothing without psutil, which knows."""
    try:
        import psutil
    except ImportError:
        return
    workers = default_workers() if recipe.workers == "auto" else recipe.workers
    needed, free = max(1, workers) * _WORKER_BYTES, psutil.virtual_memory().available
    text = f"{count_text(workers, 'worker takes', 'workers take')} about {size_text(needed)}, {size_text(free)} free"
    if needed > free:
        yield Finding("warning", "memory", text, "choose fewer `workers` in the recipe")
    else:
        yield Finding("ok", "memory", text)


def stated_mean_frames(rows: Sequence[ClipRow]) -> float:
    """Mean number of frames that the files of a few clips state, spread over the list; 0 where none can be read.

    Clips of footage count as long as their file: at most so much.
    """
    from nvfair_tools.media.probing import stated_frames

    videos = [row for row in rows if not row.is_track and os.path.isfile(row.path)]
    chosen = videos[:: max(1, len(videos) // _STATED_CLIPS)][:_STATED_CLIPS]
    frames = [count for row in chosen if (count := stated_frames(row.path))]
    return sum(frames) / len(frames) if frames else 0.0
