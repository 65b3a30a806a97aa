"""Running a stage: finished items are kept, missing and retryable items are run, every result is recorded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.engines.engine import Batch, Engine, StageWorker
from nvfair_tools.pipeline.id_template import ID_TYPE, pack_ids
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.pipeline.result_table import ResultTable, read_results

# Reasons of items that a full disk may be behind, and the bytes whose writing shows whether it is.
_STORAGE_REASONS = frozenset(("io_error", "not_encoded", "unexpected_error", "worker_crashed"))
_STORAGE_BYTES = 1 << 20
_CHUNK = 20_000  # ids that are read from the journal at one time


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
        ids = [id for batch in batches for id, _ in batch.items]
        results = self._settled_results(stage, ids, outputs or {})
        unfinished = _without_items(batches, frozenset(results))
        return self._run_unsettled(stage, factory, ids, unfinished, results, outputs or {}, engine)

    def run_items(
        self,
        stage: str,
        factory: Callable[[], SingleItemWorker],
        payloads: Mapping[str, Any],
        *,
        outputs: Mapping[str, str] | None = None,
        engine: Engine | None = None,
    ) -> dict[str, ItemResult]:
        """Does the same as `run` for a stage whose items share nothing.

        payloads: {item id: payload}. Each payload is asked for when its item is about to run, and for no other item, so
        that a mapping may make it then.
        """
        ids = list(payloads)
        results = self._settled_results(stage, ids, outputs or {})
        unsettled = [id for id in ids if id not in results]
        batches = (Batch(((id, payloads[id]),)) for id in unsettled)
        return self._run_unsettled(stage, SingleItemFactory(factory), ids, batches, results, outputs or {}, engine)

    def _settled_results(self, stage: str, ids: list[str], outputs: Mapping[str, str]) -> dict[str, ItemResult]:
        """The results of the items that need not be run again. outputs: see `run`."""
        owners = self.journal.output_owners(outputs[id] for id in ids if id in outputs)
        return {
            id: result
            for id, result in self.journal.results(stage, ids).items()
            if result.settled and (result.state != "ok" or self._has_output(id, outputs.get(id), result, owners))
        }

    def _run_unsettled(
        self,
        stage: str,
        factory: Callable[[], StageWorker],
        ids: list[str],
        batches: Iterator[Batch],
        results: dict[str, ItemResult],
        outputs: Mapping[str, str],
        engine: Engine | None,
    ) -> dict[str, ItemResult]:
        """Runs the items of a stage without those in `results`, and adds theirs. batches: of the others, in order."""
        unsettled = [id for id in ids if id not in results]
        if unsettled:
            self._begin_changes()
        self.journal.plan_stage(stage, len(ids), len(results))
        self.journal.begin_stage(stage)
        self.reporter.begin_stage(stage, len(ids), len(results))
        self.journal.release_outputs([(outputs[id], id) for id in unsettled if id in outputs])
        run = (engine or self.engine).run(factory, batches, time_limit=self.item_time_limit)
        with closing(ended_items(run)) as ended:
            for id, result in ended:
                results[id] = self._record(stage, id, result)
        return results

    def planned_results(self, stage: str, ids: np.ndarray) -> tuple[ResultTable, np.ndarray]:
        """The recorded results of planned items, and which of them need not be run again.

        ids: packed (N,), each of an item that writes the file named by its fact `path`, whose path follows from what
        its id is made of. Returns the table and bool (N,): settled by an earlier run, with the output as recorded.
        """
        table = read_results(self.journal, stage, ids)
        done = table.is_settled
        owners = np.sort(np.concatenate([np.zeros(0, ID_TYPE), *map(pack_ids, self.journal.iterate_owners(_CHUNK))]))
        writes = done & table.is_ok
        done[writes] = _contains(owners, ids[writes])
        must_exist = done & table.is_ok
        for items, facts in table.known_facts():
            for item, item_facts in zip(items.tolist(), facts, strict=True):
                if must_exist[item]:
                    done[item] = self._file_size(item_facts["path"]) == item_facts["bytes"]
        return table, done

    def run_planned(
        self,
        stage: str,
        factory: Callable[[], StageWorker],
        batches: Iterable[Batch],
        *,
        total: int,
        finished: int,
        part: str = "",
        engine: Engine | None = None,
    ) -> None:
        """Runs planned items, whose batches are made while the run goes on; the results are in the journal alone.

        batches: the items that `planned_results` does not call done; each payload has the attribute `path` of the file
        that it writes, relative to the data set. total, finished: numbers of planned and of done items. part: of
        the stage, such as one generator. engine: the place where this stage runs instead of the runner's own engine.
        """
        if finished < total:
            self._begin_changes()
        self.journal.plan_stage(stage, total, finished, part=part)
        self.journal.begin_stage(stage, part=part)
        self.reporter.begin_stage(f"{stage} {part}".rstrip(), total, finished)
        run = (engine or self.engine).run(factory, self._releasing_outputs(batches), time_limit=self.item_time_limit)
        with closing(ended_items(run)) as results:
            for id, result in results:
                self._record(stage, id, result, part)

    def run_planned_items(
        self,
        stage: str,
        factory: Callable[[], SingleItemWorker],
        payloads: Iterable[tuple[str, Any]],
        *,
        total: int,
        finished: int,
    ) -> None:
        """Does the same as `run_planned` for a stage whose items share nothing. payloads: (item id, payload)."""
        batches = (Batch(((id, payload),)) for id, payload in payloads)
        self.run_planned(stage, SingleItemFactory(factory), batches, total=total, finished=finished)

    def link_people(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Records whose items are whose: (identity, stage, item id)."""
        self.journal.link_people(rows)

    def _releasing_outputs(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self.journal.release_outputs([(payload.path, id) for id, payload in batch.items])
            yield batch

    def _begin_changes(self) -> None:
        """What dataset.json vouches for is about to change: the data set is unfinished until it is written again."""
        (self.dataset / "dataset.json").unlink(missing_ok=True)

    def _record(self, stage: str, id: str, result: ItemResult, part: str = "") -> ItemResult:
        if result.reason in _STORAGE_REASONS:
            self._check_storage()
        result = replace(result, detail=self._without_private_folders(result.detail))
        self.journal.record(stage, id, result, part=part)
        self.reporter.end_item(result)
        return result

    def _check_storage(self) -> None:
        """Raises NvfairError where the data set's disk takes nothing more: all further items would fail alike."""
        try:
            with tempfile.TemporaryFile(dir=self.dataset) as file:
                file.write(bytes(_STORAGE_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NvfairError(
                f"nothing more can be stored: {error.strerror}",
                where=self.dataset,
                remedy="free some space, or make the folder writable; then run the same command again: what was "
                "finished is kept",
            ) from error

    def _file_size(self, path: str) -> int | None:
        """Bytes of a file of the data set; None where it is not there."""
        try:
            return os.stat(f"{self.dataset}/{path}").st_size
        except OSError:
            return None

    def _has_output(self, id: str, path: str | None, result: ItemResult, owners: Mapping[str, str]) -> bool:
        """Whether the item's output is there as it was recorded; True for an item that writes none."""
        if path is None:
            return True
        return owners.get(path) == id and self._file_size(path) == result.facts["bytes"]

    def _without_private_folders(self, text: str) -> str:
        """`text` without this machine's folders: it is stored in the data set, which must not depend on them."""
        for folder in (*self.private_folders, Path.home()):
            text = text.replace(f"{folder}/", "")
        return text


@dataclass(frozen=True)
class SingleItemFactory:
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


def ended_items(run: Iterator[tuple[str, ItemResult]]) -> Generator[tuple[str, ItemResult], None, None]:
    """What an engine's iterator gives, so that it can be closed: an engine may return an iterator of any kind."""
    yield from run


def _without_items(batches: Iterable[Batch], finished: Container[str]) -> Iterator[Batch]:
    """The batches without the items in `finished`; batches of which nothing remains are left out."""
    for batch in batches:
        items = tuple((id, payload) for id, payload in batch.items if id not in finished)
        if items:
            yield Batch(items, batch.shared)


def _contains(sorted_ids: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Bool: which of `ids` are among the sorted ones."""
    if not len(sorted_ids):
        return np.zeros(len(ids), bool)
    at = np.minimum(np.searchsorted(sorted_ids, ids), len(sorted_ids) - 1)
    return sorted_ids[at] == ids
