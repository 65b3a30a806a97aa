"""The preflight: what would stop or spoil a build, found before hours are spent."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nvfair_tools.curate.pairs import Driver, Target, plan_pairs
from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.clip_list import ClipRow, read_clip_list
from nvfair_tools.recipe.landmarker_spec import Tracker
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.recipe.splits import assign_splits

PROBED = 5  # clips looked into
# Bytes, measured on real clips: of a rendered 256 x 256 frame, of a frame's landmarks and distances in a part, of a
# frame's row and of a source frame's track while the build goes on.
_VIDEO, _LANDMARKS, _DISTANCES, _ROW, _TRACK = 3_000, 450, 8_200, 1_100, 5_800
# A worker with its landmarker or warp generator; networks take more, which only they know.
_WORKER_MEMORY = 600e6


@dataclass(frozen=True)
class Finding:
    """One thing looked at. level: "error" stops a build, "warning" is worth a thought."""

    level: Literal["ok", "warning", "error"]
    topic: str
    text: str


def preflight(recipe: Recipe) -> list[Finding]:
    """Everything that can be known of a build without doing it. Raises Problems where the clip list itself is wrong."""
    rows = read_clip_list(recipe)
    splits = assign_splits(recipe, rows)
    found = [_people(rows, splits), *_files(rows), *_rights(recipe, rows)]
    frames = list(_probed(rows, found))
    found += [*_landmarker(recipe), *_generators(recipe)]
    mean = sum(frames) / len(frames) if frames else 0.0
    found.append(_tried("output", lambda: _output(recipe)))
    found += [*_size(recipe, rows, splits, mean), *_memory(recipe)]
    return found


def _people(rows: list[ClipRow], splits: dict[str, str]) -> Finding:
    counts = Counter(splits.values())
    told = ", ".join(f"{counts[split]} {split}" for split in SPLITS if counts[split])
    return Finding("ok", "clips", f"{len(rows)} clips of {len(splits)} people ({told})")


def _files(rows: list[ClipRow]) -> Iterator[Finding]:
    missing = [row.name for row in rows if not row.path.is_file()]
    if missing:
        yield Finding("error", "files", f"{len(missing)} of {len(rows)} do not exist, such as {', '.join(missing[:3])}")
    else:
        yield Finding("ok", "files", "all exist")


def _rights(recipe: Recipe, rows: list[ClipRow]) -> Iterator[Finding]:
    refused = Counter(row.permitted_use for row in rows if row.permitted_use not in recipe.rights.render_if)
    for use, count in sorted(refused.items()):
        yield Finding("warning", "rights", f"{count} clips permit {use!r}, which the recipe does not render")


def _probed(rows: list[ClipRow], found: list[Finding]) -> Iterator[int]:
    """Frame counts of a few clips spread over the list; what is wrong with them goes to `found`."""
    there = [row for row in rows if row.path.is_file()]
    for row in there[:: max(1, len(there) // PROBED)][:PROBED]:
        try:
            from nvfair_tools.media import probe

            info = probe(row.path)
        except NvfairError as error:
            found.append(Finding("warning", "clip", f"{row.name}: {error.what}"))
            continue
        if info.problem:
            found.append(Finding("warning", "clip", f"{row.name}: {info.problem} after {info.frames} frames"))
        yield info.frames


def _landmarker(recipe: Recipe) -> Iterator[Finding]:
    yield _tried("landmarker", lambda: _described(Tracker.of(recipe)))


def _described(tracker: Tracker) -> str:
    landmarker = tracker.make()
    told = f"{landmarker.name} {landmarker.version}"
    landmarker.close()
    return told


def _generators(recipe: Recipe) -> Iterator[Finding]:
    from nvfair_tools.render.choice import chosen_generators

    for choice in recipe.generators:
        alone = recipe.model_copy(update={"generators": [choice]})

        def describe(alone: Recipe = alone) -> str:
            made = chosen_generators(alone)[0]
            return f"{made.size} x {made.size}, {made.motion_mode}, licence {made.licence}"

        yield _tried(f"generator {choice.label}", describe)


def _output(recipe: Recipe) -> str:
    Workspace(recipe.output_folder).check()
    return str(recipe.output_folder)


def _tried(topic: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", topic, look())
    except NvfairError as error:
        return Finding("error", topic, str(error))


def _size(recipe: Recipe, rows: list[ClipRow], splits: dict[str, str], frames: float) -> Iterator[Finding]:
    pairs = plan_pairs(
        [Driver(row.name, row.identity, row.source, splits[row.identity]) for row in rows],
        [
            Target(row.identity, row.source, splits[row.identity])
            for row in {row.identity: row for row in rows}.values()
        ],
        cross_per_clip=recipe.pairs.cross,
        with_self=recipe.pairs.self_,
        seed=recipe.pairs.seed,
    )
    videos = sum(pair.split in choice.splits for pair in pairs for choice in recipe.generators)
    yield Finding("ok", "plan", f"at most {len(pairs):,} pairs, {videos:,} reenactments, {videos * frames:,.0f} frames")
    row = _LANDMARKS + (_DISTANCES if recipe.features.distances != "none" else 0)
    needed = (videos + len(rows)) * frames * (row + _VIDEO + _ROW) + len(rows) * frames * _TRACK
    free = shutil.disk_usage(_existing(recipe.output_folder)).free
    text = f"about {needed / 1e9:.1f} GB needed (features {(videos + len(rows)) * frames * row / 1e9:.1f} GB), "
    text += f"{free / 1e9:.1f} GB free"
    if needed > free:
        yield Finding("error", "disk", text + "; `features: {distances: none}` takes a twentieth of the space")
    else:
        yield Finding("ok", "disk", text)


def _memory(recipe: Recipe) -> Iterator[Finding]:
    from nvfair_tools.pipeline.engines.local import default_workers

    try:
        import psutil
    except ImportError:
        return
    workers = default_workers() if recipe.workers == "auto" else recipe.workers
    needed, free = max(1, workers) * _WORKER_MEMORY, psutil.virtual_memory().available
    text = f"{workers} workers take about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB free"
    yield Finding("warning" if needed > free else "ok", "memory", text)


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
