"""Running a stage: what is finished is kept, what is missing or retryable is done, every result is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nvfair_tools.engine import Batch, Engine, StageWorker
from nvfair_tools.items import ItemResult
from nvfair_tools.journal import Journal
from nvfair_tools.progress import Reporter
from nvfair_tools.recipe import Recipe
from nvfair_tools.workspace import Workspace


@dataclass(frozen=True)
class Session:
    """One run of a build: what all stages need."""

    recipe: Recipe
    workspace: Workspace
    journal: Journal
    engine: Engine
    reporter: Reporter

    @property
    def dataset(self) -> Path:
        """The data set's folder."""
        return self.workspace.dataset


def run_stage(
    session: Session,
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
    owners = session.journal.owners() if outputs else {}
    results = {
        id: result
        for id, result in session.journal.results(stage, ids).items()
        if result.settled and (result.state != "ok" or _is_there(session.dataset, id, outputs.get(id), result, owners))
    }
    missing = list(_without(batches, results))
    if missing:
        # What dataset.json vouches for is about to change: the data set is unfinished until it is written again.
        (session.dataset / "dataset.json").unlink(missing_ok=True)
    session.reporter.begin(stage, len(ids), len(results))
    session.journal.disown(
        outputs[id] for batch in missing for id, _ in batch.items if id in outputs and owners.get(outputs[id]) != id
    )
    running = (engine or session.engine).run(factory, missing, time_limit=session.recipe.item_time_limit)
    for id, result in running:
        result = replace(result, detail=_without_places(session, result.detail))
        session.journal.record(stage, id, result)
        session.reporter.item(result)
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


def _without_places(session: Session, text: str) -> str:
    """`text` without this machine's folders: it is stored in the data set, which must not depend on them."""
    for place in (session.dataset, session.recipe.folder, Path.home()):
        text = text.replace(f"{place}/", "")
    return text
