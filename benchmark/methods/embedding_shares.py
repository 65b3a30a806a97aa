"""Several processes that embed one list of videos, each a share of it on a device of its own.

They are started by `torchrun`. Each reads the tracks of its own videos alone and writes a part beside the file of
embeddings; the first joins the parts. Networks batch windows of several videos, so the values are those of one process
but for the last bits where a share begins another batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from benchmark.methods.cohorts import META_KEY, joined_cohort_meta
from benchmark.methods.embedding_files import join_embeddings

_WAIT = timedelta(days=7)  # the slowest share may take long; a process that dies ends the others by torchrun

T = TypeVar("T")


@dataclass(frozen=True)
class EmbeddingShare:
    """This process among those that embed together. rank: its number. count: of the processes."""

    rank: int = 0
    count: int = 1

    @classmethod
    def of_this_process(cls) -> EmbeddingShare:
        """The share that `torchrun` gave this process; the whole where it was started alone."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    def device(self, name: str) -> str:
        """The device of this process: "cuda" stands for each process's own GPU where there are several."""
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if self.count > 1 and name == "cuda" else name

    def of(self, videos: Sequence[str]) -> Sequence[str]:
        """This process's part of a list: neighbours, so that the parts follow each other in the order of the list."""
        return videos[len(videos) * self.rank // self.count : len(videos) * (self.rank + 1) // self.count]

    def path(self, out: Path) -> Path:
        """The file that this process writes: `out` itself, or a part beside it."""
        return out if self.count == 1 else _part(out, self.rank)

    def join(self, out: Path, value: T) -> list[T]:
        """Joins the parts of all processes to `out`. Returns their values, in order, in every process.

        Returns when `out` is written. Raises NvfairError where a part cannot be read.
        """
        if self.count == 1:
            return [value]
        from torch import distributed

        distributed.init_process_group("gloo", timeout=_WAIT)
        try:
            values: list[T | None] = [None] * self.count
            distributed.all_gather_object(values, value)  # all parts are written when this returns
            if self.rank == 0:
                parts = [_part(out, rank) for rank in range(self.count)]
                join_embeddings(parts, out, {META_KEY: joined_cohort_meta})
                for part in parts:
                    part.unlink()
            distributed.barrier()
        finally:
            distributed.destroy_process_group()
        return values  # type: ignore[return-value]


def _part(out: Path, rank: int) -> Path:
    return out.with_name(f".{out.name}.{rank}.share")
