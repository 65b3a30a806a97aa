"""Figures of a training run for TensorBoard, besides the log that every run writes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from nvfair_tools.errors import MissingExtra


class TrainingLog:
    """Writes scalars to a folder that `tensorboard --logdir` reads; writes nothing where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self.writer: Any = None
        if folder is not None:
            try:
                import tensorboard  # noqa: F401  torch's writer needs it, and its error is less clear
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise MissingExtra("tensorboard", "train", str(error)) from error
            self.writer = SummaryWriter(str(folder))

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Writes the figures of a step; those that are not finite are left out."""
        if self.writer is not None:
            for name, value in figures.items():
                if math.isfinite(value):
                    self.writer.add_scalar(name, value, step)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.writer is not None:
            self.writer.close()
