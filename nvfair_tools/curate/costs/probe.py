"""The probe: a tiny data set is built in this process, and each stage's seconds a frame are measured.

It takes seconds with warps, longer with networks on a CPU. Figures are kept for each machine, version and recipe.
"""

from __future__ import annotations

import csv
import json
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np

from nvfair_tools import __version__
from nvfair_tools.curate.build import build
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of, write_text
from nvfair_tools.pipeline.engines.engine import Batch, StageWorker, failure_result
from nvfair_tools.pipeline.engines.local import default_workers
from nvfair_tools.pipeline.items import ItemResult, item_id
from nvfair_tools.pipeline.machine import MEASUREMENTS, machine_text
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.recipe import ClipSource, PairRule, Policy, Recipe, Rights, SplitRule
from nvfair_tools.render.threads import limited_threads

_FRAMES = 8  # of each of the probe's clips
_CLIPS = 3  # one gives the portrait; the first of the other two warms up
_PACKAGES = ("numpy", "torch", "mediapipe", "av", "opencv-contrib-python")


@dataclass(frozen=True)
class StageRates:
    """Seconds of one worker for one frame, by stage. render, motion: by generator's label (of a video; of encoding a
    driving clip). machine: where they were measured, in words. size: of the probe's source frames, (width, height)."""

    track: float
    original: float
    landmarks: float
    shard: float
    render: dict[str, float]
    motion: dict[str, float]
    machine: str
    size: tuple[int, int]


def probe_rates(
    recipe: Recipe,
    frames: Iterable[np.ndarray],
    *,
    again: bool = False,
    measure: bool = True,
    cache: Path | None = None,
) -> StageRates:
    """Measures a recipe's stages on this machine, or reads what an earlier probe has measured.

    frames: uint8 RGB (H, W, 3) with a face, of which some ten are taken. again: measure anew. measure: else raise
    NvfairError where there is no earlier measurement. cache: folder of them
    (default: ~/.cache/nvfair/probes). Raises NvfairError where a stage of the probe fails.
    """
    images = [
        np.asarray(image)[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        for image in islice(frames, _FRAMES + _CLIPS - 1)
    ]
    if len(images) < _FRAMES + _CLIPS - 1:
        raise NvfairError(
            f"the clip for the probe has {count_text(len(images), 'frame')}", expected=f"{_FRAMES + _CLIPS - 1} or more"
        )
    size = (images[0].shape[1], images[0].shape[0])
    folder = MEASUREMENTS.expanduser() if cache is None else cache
    stored = folder / f"{_key(recipe, size)}.json"
    if not again and stored.exists():
        content = json.loads(stored.read_text(encoding="utf-8"))
        return StageRates(**content | {"size": tuple(content["size"])})
    if not measure:
        raise NvfairError(
            "this machine was not measured for such a recipe", remedy="nvfair plan RECIPE --explain measures it"
        )
    rates = _measure(recipe, images, size)
    write_text(stored, json.dumps(asdict(rates), indent=1))
    return rates


def worker_counts(recipe: Recipe) -> tuple[int, int]:
    """The numbers of processes of a build on this machine: of the render stage, and of all others."""
    workers = max(1, default_workers() if recipe.workers == "auto" else recipe.workers)
    return workers if recipe.render_workers is None else max(1, recipe.render_workers), workers


def _key(recipe: Recipe, size: tuple[int, int]) -> str:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = ""
    generators = [choice.model_dump(mode="json", exclude={"splits"}) for choice in recipe.generators]
    weights = [_content_of(recipe, choice.weights) for choice in recipe.generators]
    return item_id(
        "probe",
        machine=[platform.node(), machine_text(), *worker_counts(recipe)],
        version=__version__,
        packages=versions,
        generators=generators,
        weights=weights,
        device=recipe.device,
        landmarks=recipe.landmarks.model_dump(mode="json"),
        features=recipe.features.model_dump(mode="json"),
        size=size,
    )


def _content_of(recipe: Recipe, weights: str | None) -> str:
    path = recipe.resolve(weights) if weights else None
    return sha256_of(path) if path is not None and path.is_file() else ""


def _measure(recipe: Recipe, images: list[np.ndarray], size: tuple[int, int]) -> StageRates:
    from nvfair_tools.media import encode

    with tempfile.TemporaryDirectory(prefix="nvfair-probe-") as name:
        folder = Path(name)
        use = next(iter(recipe.rights.render_if), "measured and deleted")
        with open(folder / "clips.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "identity", "licence", "consent", "permitted_use"))
            for number in range(_CLIPS):
                encode(folder / f"{number}.mp4", images[number : number + _FRAMES], Fraction(25))
                writer.writerow((f"{number}.mp4", "probe:person", "unknown", "unknown", use))
        probe_recipe = recipe.model_copy(
            update={
                "output": str(folder / "dataset"),
                "sources": [ClipSource(csv=str(folder / "clips.csv"), source="probe")],
                "splits": SplitRule(by="shares", shares={"test": 1.0}),
                "generators": [choice.model_copy(update={"splits": ("test",)}) for choice in recipe.generators],
                "pairs": PairRule(),
                "policy": Policy(min_frames=1, min_valid_share=0.0, max_gap=1e9),
                "rights": Rights(render_if=[use]),
                "workers": 0,
                "render_workers": None,
            }
        )
        clock = _StageClock()
        # As many threads as one of the build's render processes would have.
        with limited_threads(max(1, default_workers() // worker_counts(recipe)[0])):
            outcome = build(probe_recipe, reporter=clock, engine=clock)
        failed = [
            (what, reason) for what, state, reason, _ in outcome.counts().itertuples(index=False) if state != "ok"
        ]
    if failed or not outcome.reenactments:
        what, reason = failed[0] if failed else ("its clips", "nothing was rendered")
        raise NvfairError(
            f"the probe of this machine failed: {what}: {reason}",
            remedy="see what `nvfair check` says about the recipe's clips, landmarker and generators",
        )
    labels = [choice.label for choice in recipe.generators]
    return StageRates(
        clock.seconds_a_frame("track"),
        clock.seconds_a_frame("original"),
        clock.seconds_a_frame("landmarks"),
        sum(clock.seconds["shard"]) / (_FRAMES * (_CLIPS + len(outcome.reenactments))),
        {label: clock.seconds_a_frame(f"render {label}") for label in labels},
        {label: clock.seconds_a_frame(f"motion {label}") for label in labels},
        machine_text(),
        size,
    )


class _StageClock:
    """Engine and reporter in one: runs items in this process, and keeps the seconds of each by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._stage = ""

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        self._stage = "render" if stage.startswith("render ") else stage  # "render GENERATOR"

    def end_item(self, result: ItemResult) -> None:
        pass

    def run(
        self, factory: Callable[[], StageWorker], batches: Iterable[Batch], *, time_limit: float
    ) -> Iterator[tuple[str, ItemResult]]:
        """Runs items in this process, as `LocalEngine` without workers does, and times them."""
        worker = factory()
        for batch in batches:
            start = time.perf_counter()
            try:
                prepared = worker.prepare(batch.shared)
            except Exception as error:  # noqa: BLE001 - whatever an item raises is its result
                yield from ((id, failure_result(error)) for id, _ in batch.items)
                continue
            shared_seconds = time.perf_counter() - start
            for id, payload in batch.items:
                label = ""
                if self._stage == "render":
                    label = f" {payload.metadata['generator']}"
                    self.seconds[f"motion{label}"].append(shared_seconds)
                start = time.perf_counter()
                try:
                    result = worker.run(prepared, payload)
                except Exception as error:  # noqa: BLE001
                    result = failure_result(error)
                self.seconds[self._stage + label].append(time.perf_counter() - start)
                yield id, result

    def seconds_a_frame(self, key: str) -> float:
        """The median over items but the first, which does what is done once a process."""
        values = self.seconds[key]
        return statistics.median(values[1:] or values) / _FRAMES
