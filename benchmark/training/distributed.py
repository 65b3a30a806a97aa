"""The processes of one training run: one, or several that share its batches, each on a device of its own.

Several are started by `torchrun` (or `accelerate launch`); each takes its share of a step's batches, and gradients are
averaged, so that the step is the one that a single process would make of the same batches.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from benchmark.methods.inputs import leave_out_of_compilation
from nvfair_tools.errors import NvfairError


class TrainingProcesses:
    """This process among the processes of the training run.

    rank: number of this process. count: number of processes. device: where this process trains.
    """

    def __init__(self, device: str) -> None:
        """device: "cuda" stands for each process's own GPU where there are several."""
        self.accelerator: Any = None
        self.rank, self.count, self.device = 0, 1, device
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator

            self.accelerator = Accelerator(cpu=device == "cpu")
            self.rank, self.count = self.accelerator.process_index, self.accelerator.num_processes
            self.device = str(self.accelerator.device)

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and reports progress."""
        return self.rank == 0

    def batch_share(self, batches: int) -> range:
        """Numbers of a step's batches that this process computes.

        batches: batches a step. Raises NvfairError where the processes cannot share them evenly.
        """
        if batches % self.count:
            raise NvfairError(
                f"{self.count} processes cannot share {batches} batches a step evenly",
                remedy=f"pass --accumulate {self.count}, or a multiple of it",
            )
        return range(self.rank, batches, self.count)

    def wrap(self, network: nn.Module, *, compiled: bool) -> Any:
        """The network, through torch.compile where requested, with averaged gradients where there are several."""
        if compiled:
            leave_out_of_compilation()
        model: Any = torch.compile(network) if compiled else network
        return model if self.accelerator is None else self.accelerator.prepare(model)

    def without_averaging(self, model: Any) -> AbstractContextManager:
        """A context in which gradients stay in this process; they are averaged at the step's last batch."""
        return nullcontext() if self.accelerator is None else self.accelerator.no_sync(model)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of `value` over all processes."""
        return value if self.accelerator is None else self.accelerator.reduce(value, reduction="mean")

    def broadcast_from_main(self, compute: Callable[[], float]) -> float:
        """The value that `compute` gives in the main process; the other processes do not call it."""
        if self.accelerator is None:
            return compute()
        from accelerate.utils import broadcast

        value = torch.tensor([compute() if self.is_main else 0.0], dtype=torch.float64, device=self.device)
        return float(broadcast(value)[0])

    def wait(self) -> None:
        """Barrier over all processes: returns when each of them has called it."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()
