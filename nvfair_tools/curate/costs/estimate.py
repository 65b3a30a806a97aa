"""The estimate: how many videos a plan has, and what they cost in seconds of video, bytes and hours."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.curate.costs.probe import StageRates
from nvfair_tools.curate.costs.sizes import ROW_BYTES, TRACK_BYTES, VIDEO_BYTES, feature_bytes
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.recipe import Recipe


@dataclass(frozen=True)
class Cluster:
    """Machines to estimate for. cards: frames a second of one card by generator's label. cores: of a node, 0 where it
    is not known."""

    nodes: int
    gpus: int
    cards: Mapping[str, float]
    cores: int = 0


@dataclass(frozen=True)
class StageCost:
    """One stage. generator: its label, "" for a stage that has none. hours, cluster_hours: None where unknown."""

    stage: str
    generator: str
    videos: int
    video_seconds: float
    bytes: float
    hours: float | None
    cluster_hours: float | None


def estimate_costs(
    recipe: Recipe,
    pairs: PairTable,
    clips: int,
    frames: float,
    fps: float,
    rates: StageRates | None,
    workers: tuple[int, int],
    cluster: Cluster | None = None,
) -> list[StageCost]:
    """Estimates the stages of a build in their order.

    clips: number of listed clips. frames: mean of a clip. fps: of a clip. rates: of one worker here, None where they
    are unknown. workers: (of the render stage, of other stages); n of them are taken to do n times the work of one.
    """
    render_workers, others = workers
    seconds = frames / fps
    tiles = max(1, math.ceil(len({target.identity for target in pairs.targets}) / recipe.sources_in_memory))

    def stage(name: str, videos: int, rate: float | None, bytes: float) -> StageCost:
        work = None if rate is None else videos * frames * rate / 3600
        cores = cluster.nodes * cluster.cores if cluster is not None else 0
        return StageCost(
            name,
            "",
            videos,
            videos * seconds,
            bytes * videos * frames,
            None if work is None else work / others,
            None if work is None or not cores else work / cores,
        )

    costs = [
        stage("track", clips, rates.track if rates is not None else None, TRACK_BYTES),
        stage("original", clips, rates.original if rates is not None else None, VIDEO_BYTES),
    ]
    total = 0
    for choice in recipe.generators:
        chosen = pairs.in_splits(choice.splits)
        videos = int(chosen.sum())
        total += videos
        hours = None
        if rates is not None:
            driving = len(set(pairs.driver[chosen].tolist())) * tiles
            work = videos * rates.render[choice.label] + driving * rates.motion[choice.label]
            hours = work * frames / 3600 / render_workers
        card = cluster.cards.get(choice.label) if cluster is not None else None
        on_cards = None
        if cluster is not None and card:
            on_cards = videos * frames / card / (cluster.nodes * cluster.gpus) / 3600
        costs.append(
            StageCost("render", choice.label, videos, videos * seconds, videos * frames * VIDEO_BYTES, hours, on_cards)
        )
    costs.append(stage("landmarks", total, rates.landmarks if rates is not None else None, ROW_BYTES))
    costs.append(stage("shard", total + clips, rates.shard if rates is not None else None, feature_bytes(recipe)))
    return costs


def read_card_rates(path: Path, recipe: Recipe) -> dict[str, float]:
    """Frames a second of a card by generator's label, from the file `gpu.jsonl` that `make gpu` writes.

    The fastest number of frames a call counts, in the recipe's number format ("auto": the faster one). Generators that
    the file does not have are left out. Raises NvfairError where it is no such file.
    """
    best: dict[tuple[str, str], float] = {}
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for line in lines:
            if line.get("measured") == "all pairs":
                for dtype in (line["dtype"], "auto"):
                    key = line["part"], dtype
                    best[key] = max(best.get(key, 0.0), float(line["frames_per_s"]))
    except OSError as error:
        raise NvfairError(f"the results cannot be read: {error.strerror}", where=path) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NvfairError(
            "this is no file of results", where=path, expected="gpu.jsonl, which `make gpu` writes"
        ) from error
    keys = {choice.label: (choice.name, choice.dtype) for choice in recipe.generators}
    return {label: best[key] for label, key in keys.items() if key in best}


def rounded_hours(hours: float | None) -> str:
    """Hours in words, to two digits: an estimate is not better than that."""
    if hours is None:
        return "unknown"
    if hours < 1 / 60:
        return "under a minute"
    if hours < 1:
        return f"{_two_digits(hours * 60)} min"
    if hours < 72:
        return f"{_two_digits(hours)} h"
    return f"{_two_digits(hours / 24)} days"


def rounded_bytes(count: float) -> str:
    """Bytes in words, to two digits."""
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{_two_digits(count / size)} {unit}"
    return f"{_two_digits(count / 1e6)} MB"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,g}"
