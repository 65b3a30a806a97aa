"""Running a stage: finished items are kept, missing and retryable items are run, every result is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from nvfair_tools.pipeline.engines.engine import Batch, Engine, StageWorker
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.progress import Reporter


class SingleItemWorker(Protocol):
    """The work of a stage whose items share nothing; an engine makes one worker in each of its processes."""

    def run(self, payload: Any) -> ItemResult:
        """Does the work of one item. An exception becomes a failed result (see `failure_result`)."""
        ...


@dataclass(frozen=True)
class StageRunner:
    """Runs stages over the items of one data set.

    dataset: the data set's folder. item_time_limit: seconds that one item may take. private_folders: folders whose
    names must not be stored in the data set; they are removed from the details of results.
    """

    dataset: Path
    journal: Journal
    engine: Engine
    reporter: Reporter
    item_time_limit: float
    private_folders: tuple[Path, ...] = ()

    def run(
        self,
        stage: str,
        factory: Callable[[], StageWorker],
        batches: Iterable[Batch],
        *,
        outputs: Mapping[str, str] | None = None,
        engine: Engine | None = None,
    ) -> dict[str, ItemResult]:
        """Runs the items of `batches` that no earlier run has settled; returns the results of all items by id.

        outputs: {id: path relative to the data set} of the file that an item writes. An item whose file is gone, has
        another size than was recorded, or has since been written by another item, is done again. engine: the place
        where this stage runs instead of the runner's own engine.
        """
        batches = list(batches)
        outputs = outputs or {}
        ids = [id for batch in batches for id, _ in batch.items]
        owners = self.journal.output_owners() if outputs else {}
        results = {
            id: result
            for id, result in self.journal.results(stage, ids).items()
            if result.settled and (result.state != "ok" or self._has_output(id, outputs.get(id), result, owners))
        }
        unfinished = list(_without_items(batches, results))
        if unfinished:
            # What dataset.json vouches for is about to change: the data set is unfinished until it is written again.
            (self.dataset / "dataset.json").unlink(missing_ok=True)
        self.reporter.begin_stage(stage, len(ids), len(results))
        ids_to_run = [id for batch in unfinished for id, _ in batch.items]
        self.journal.invalidate_outputs(
            outputs[id] for id in ids_to_run if id in outputs and owners.get(outputs[id]) != id
        )
        for id, result in (engine or self.engine).run(factory, unfinished, time_limit=self.item_time_limit):
            result = replace(result, detail=self._without_private_folders(result.detail))
            self.journal.record(stage, id, result)
            self.reporter.end_item(result)
            results[id] = result
        return results

    def run_items(
        self,
        stage: str,
        factory: Callable[[], SingleItemWorker],
        payloads: Mapping[str, Any],
        *,
        outputs: Mapping[str, str] | None = None,
        engine: Engine | None = None,
    ) -> dict[str, ItemResult]:
        """Does the same as `run` for a stage whose items share nothing. payloads: {item id: payload}."""
        batches = [Batch(((id, payload),)) for id, payload in payloads.items()]
        return self.run(stage, _SingleItemFactory(factory), batches, outputs=outputs, engine=engine)

    def _has_output(self, id: str, path: str | None, result: ItemResult, owners: Mapping[str, str]) -> bool:
        """Whether the item's output is there as it was recorded; True for an item that writes none."""
        if path is None:
            return True
        if owners.get(path) != id:
            return False
        try:
            return (self.dataset / path).stat().st_size == result.facts["bytes"]
        except OSError:
            return False

    def _without_private_folders(self, text: str) -> str:
        """`text` without this machine's folders: it is stored in the data set, which must not depend on them."""
        for folder in (*self.private_folders, Path.home()):
            text = text.replace(f"{folder}/", "")
        return text


@dataclass(frozen=True)
class _SingleItemFactory:
    """Makes a StageWorker of a SingleItemWorker; picklable where `factory` is."""

    factory: Callable[[], SingleItemWorker]

    def __call__(self) -> StageWorker:
        return _SingleItemAdapter(self.factory())


@dataclass(frozen=True)
class _SingleItemAdapter:
    """A SingleItemWorker as a StageWorker whose batches have no shared work."""

    worker: SingleItemWorker

    def prepare(self, shared: None) -> None:
        return None

    def run(self, prepared: None, payload: Any) -> ItemResult:
        return self.worker.run(payload)


def _without_items(batches: Iterable[Batch], finished: Mapping[str, object]) -> Iterator[Batch]:
    """The batches without the items in `finished`; batches of which nothing remains are left out."""
    for batch in batches:
        items = tuple((id, payload) for id, payload in batch.items if id not in finished)
        if items:
            yield Batch(items, batch.shared)
