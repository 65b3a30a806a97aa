"""What decides a training run, apart from the data and the protocol."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmark.inputs import Input
from benchmark.loss import LossOptions
from nvfair_tools.features import DEFAULT_SCALE, Scale


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training run.

    generators: trained and selected on. windows: the budget; equal budgets make methods comparable. batch: windows a
    step. drivers: people a batch. validate_every: windows between validations. patience: validations without a better
    one before it stops (0: never). validation_clips: at most so many clips of each driver on each face (0: all).
    precision: "float32", or "bfloat16" for the matrix products of a GPU.
    """

    generators: tuple[str, ...]
    input: Input = "distances"
    scale: Scale = DEFAULT_SCALE
    windows: int = 20_000
    batch: int = 64
    drivers: int = 8
    width: int = 128
    embedding: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dropout: float = 0.3
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    warm_up: float = 0.05
    validate_every: int = 4_000
    patience: int = 0
    validation_clips: int = 4
    precision: str = "float32"
    seed: int = 0
    loss: LossOptions = field(default_factory=LossOptions)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole budget."""
        return max(1, self.windows // self.batch)

    @property
    def validation_steps(self) -> int:
        """Steps between validations."""
        return max(1, self.validate_every // self.batch)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return json.loads(json.dumps(asdict(self)))

    def digest(self, *more: str) -> str:
        """Hash of the options and of `more`: what an interrupted run must share to go on."""
        text = json.dumps([self.to_json(), *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
