"""Running a stage: what is finished is kept, what is missing or retryable is done, every result is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nvfair_tools.pipeline.engines.local import Batch, Engine, StageWorker
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.progress import Reporter


@dataclass(frozen=True)
class StageRunner:
    """Runs stages over the items of one data set.

    dataset: the data set's folder. item_time_limit: seconds that one item may take. private_folders: folders whose
    names must not be stored in the data set; they are cut out of what items say.
    """

    dataset: Path
    journal: Journal
    engine: Engine
    reporter: Reporter
    item_time_limit: float
    private_folders: tuple[Path, ...] = ()


def run_stage(
    runner: StageRunner,
    stage: str,
    factory: Callable[[], StageWorker],
    batches: Iterable[Batch],
    *,
    outputs: Mapping[str, str] | None = None,
    engine: Engine | None = None,
) -> dict[str, ItemResult]:
    """Results of every item of `batches` by id, running those that an earlier run has not settled.

    outputs: {id: path relative to the data set} of the file that an item writes. An item whose file is gone, has
    another size than was recorded, or has since been written by another item, is done again.
    """
    batches = list(batches)
    outputs = outputs or {}
    ids = [id for batch in batches for id, _ in batch.items]
    owners = runner.journal.owners() if outputs else {}
    results = {
        id: result
        for id, result in runner.journal.results(stage, ids).items()
        if result.settled and (result.state != "ok" or _is_there(runner.dataset, id, outputs.get(id), result, owners))
    }
    missing = list(_without(batches, results))
    if missing:
        # What dataset.json vouches for is about to change: the data set is unfinished until it is written again.
        (runner.dataset / "dataset.json").unlink(missing_ok=True)
    runner.reporter.begin(stage, len(ids), len(results))
    runner.journal.disown(
        outputs[id] for batch in missing for id, _ in batch.items if id in outputs and owners.get(outputs[id]) != id
    )
    running = (engine or runner.engine).run(factory, missing, time_limit=runner.item_time_limit)
    for id, result in running:
        result = replace(result, detail=_without_places(runner, result.detail))
        runner.journal.record(stage, id, result)
        runner.reporter.item(result)
        results[id] = result
    return results


def single_items(payloads: Mapping[str, Any]) -> list[Batch]:
    """Batches of one item each, for stages whose items share nothing."""
    return [Batch(((id, payload),)) for id, payload in payloads.items()]


def _without(batches: Iterable[Batch], done: Mapping[str, object]) -> Iterator[Batch]:
    for batch in batches:
        items = tuple(item for item in batch.items if item[0] not in done)
        if items:
            yield Batch(items, batch.shared)


def _is_there(dataset: Path, id: str, path: str | None, result: ItemResult, owners: Mapping[str, str]) -> bool:
    if path is None:
        return True
    if owners.get(path) != id:
        return False
    try:
        return (dataset / path).stat().st_size == result.facts["bytes"]
    except OSError:
        return False


def _without_places(runner: StageRunner, text: str) -> str:
    """`text` without this machine's folders: it is stored in the data set, which must not depend on them."""
    for place in (*runner.private_folders, Path.home()):
        text = text.replace(f"{place}/", "")
    return text
