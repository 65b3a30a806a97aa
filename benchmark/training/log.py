"""Figures of a training for TensorBoard, beside the log that every training writes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from nvfair_tools.errors import MissingExtra


class TrainingLog:
    """Writes scalars to a folder that `tensorboard --logdir` shows; to nowhere where there is none."""

    def __init__(self, folder: Path | None) -> None:
        self.writer: Any = None
        if folder is not None:
            try:
                import tensorboard  # noqa: F401  torch's writer needs it, and says so less clearly
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise MissingExtra("tensorboard", "train", str(error)) from error
            self.writer = SummaryWriter(str(folder))

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures at a step, those that are numbers."""
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
