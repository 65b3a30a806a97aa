"""Finished stress tests on disk, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.stress.rate_plan import RatePlan
from benchmark.stress.rates import StressRate
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import make_folder, sha256_of, write_text

# Raise it where the same input would give other rates.
_VERSION = 1


@dataclass(frozen=True)
class RateJournal:
    """Rows by cell and test in `folder`, one file each; None keeps nothing. run: what the rows depend on, but these."""

    folder: Path | None
    run: str

    @classmethod
    def open(
        cls,
        store: Path | None,
        dataset: Dataset,
        method: Method,
        protocol: Protocol,
        plan: RatePlan,
        validation: np.ndarray | None,
    ) -> RateJournal:
        """The journal in `store`/rows. A method without a digest is not recorded: its code may have changed."""
        digest = getattr(method, "digest", "")
        if store is None or not digest:
            return cls(None, "")
        settings: dict[str, Any] = asdict(plan)
        del settings["tests"]
        parts = [
            str(_VERSION),
            sha256_of(dataset.folder / "dataset.json"),
            method.name,
            str(digest),
            protocol.digest,
            json.dumps(settings, sort_keys=True),
            "" if validation is None else hashlib.sha256(np.sort(validation).tobytes()).hexdigest(),
        ]
        return cls(make_folder(store / "rows"), "\n".join(parts))

    def rows(self, cell: str, test: str, compute: Callable[[], Iterable[StressRate]]) -> list[StressRate]:
        """The rows of a test in a cell, read where they are finished, computed and stored where they are not."""
        if self.folder is None:
            return list(compute())
        name = hashlib.sha256("\n".join([self.run, cell, test]).encode()).hexdigest()[:32]
        path = self.folder / f"{name}.json"
        try:
            return [StressRate.from_json(row) for row in json.loads(path.read_text(encoding="utf-8"))]
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # absent or damaged
            rows = list(compute())
        if not any(row.skipped for row in rows):  # what is missing may be there next time
            write_text(path, json.dumps([row.to_json() for row in rows], indent=1, allow_nan=False) + "\n")
        return rows
