"""The processes of one training: one, or several that share its batches, each on a device of its own.

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

from nvfair_tools.errors import NvfairError


class TrainingProcesses:
    """This process among those of the training. rank: its number. count: how many there are."""

    def __init__(self, device: str) -> None:
        """device: "cuda" is each process's own GPU where there are several."""
        self.accelerator: Any = None
        self.rank, self.count, self.device = 0, 1, device
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator

            self.accelerator = Accelerator(cpu=device == "cpu")
            self.rank, self.count = self.accelerator.process_index, self.accelerator.num_processes
            self.device = str(self.accelerator.device)

    @property
    def main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, batches: int) -> range:
        """Which of a step's batches are this process's; NvfairError where they cannot be shared evenly."""
        if batches % self.count:
            raise NvfairError(
                f"{self.count} processes cannot share {batches} batches a step evenly",
                remedy=f"pass --accumulate {self.count}, or a multiple of it",
            )
        return range(self.rank, batches, self.count)

    def wrapped(self, network: nn.Module, compiled: bool) -> Any:
        """The network, compiled where asked for, with averaged gradients where there are several processes."""
        model: Any = torch.compile(network) if compiled else network
        return model if self.accelerator is None else self.accelerator.prepare(model)

    def alone(self, network: Any) -> AbstractContextManager:
        """Within, gradients stay this process's: they are averaged at the step's last batch."""
        return nullcontext() if self.accelerator is None else self.accelerator.no_sync(network)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean over processes."""
        return value if self.accelerator is None else self.accelerator.reduce(value, reduction="mean")

    def broadcast_from_main(self, compute: Callable[[], float]) -> float:
        """The value that `compute` gives in the main process; the other processes do not call it."""
        if self.accelerator is None:
            return compute()
        from accelerate.utils import broadcast

        value = torch.tensor([compute() if self.main else 0.0], dtype=torch.float64, device=self.device)
        return float(broadcast(value)[0])

    def wait(self) -> None:
        """Barrier over all processes."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()
