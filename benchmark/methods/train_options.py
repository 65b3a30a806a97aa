"""What decides a training run, apart from the data and the protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmark.methods.inputs import Input
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import DEFAULT_SCALE, Scale

Schedule = Literal["cosine", "drop", "constant"]

LOSSES = ("fingerprint", "triplet", "supcon")
NEGATIVES = ("face", "any")


@dataclass(frozen=True)
class LossOptions:
    """kind: "fingerprint", or "triplet" and "supcon" of benchmark.training.metric_losses.

    Of the fingerprint loss: tau, and include_self (whether j = i counts in N); scale: "batch", c is the batch's mean
    squared distance over all i, j, t, t', taken as a constant in gradients, or a positive number as text;
    shuffle_weight multiplies R (0: no shuffled windows are made). Of all: share_driving_clip, whether windows of one
    driving clip pull. Of the others: margin (triplet), temperature (supcon), negatives ("face": other drivers of the
    same face, where the batch has any; "any": all other drivers).
    """

    kind: str = "fingerprint"
    tau: float = 0.5
    scale: str = "batch"
    include_self: bool = False
    share_driving_clip: bool = False
    shuffle_weight: float = 1.0
    margin: float = 1.0
    temperature: float = 0.1
    negatives: str = "face"

    def __post_init__(self) -> None:
        if self.kind not in LOSSES:
            raise NvfairError(f"loss {self.kind!r} is unknown", expected=f"one of {', '.join(LOSSES)}")
        if self.negatives not in NEGATIVES:
            raise NvfairError(f"negatives {self.negatives!r}", expected=f"one of {', '.join(NEGATIVES)}")
        if self.scale != "batch" and not _positive(self.scale):
            raise NvfairError(f"loss scale {self.scale!r}", expected='"batch", or a positive number')
        if self.tau <= 0 or self.temperature <= 0:
            raise NvfairError("tau and temperature of a loss are not positive", expected="numbers above 0")

    @property
    def shuffles(self) -> bool:
        """Whether it wants windows with their frames in random order."""
        return self.kind == "fingerprint" and self.shuffle_weight > 0


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False


@dataclass(frozen=True)
class Augmentation:
    """noise: standard deviation of what is added to each coordinate of each frame, as a share of the face's size (root
    mean square distance of its points from their centroid): landmarkers differ, but noise drowns small motion.
    speed: each window is played up to this share slower or faster about its middle (the frames beyond its ends repeat
    the last one): takes a person's pace away, which may be what tells them. mirror: share of batches that are seen in
    a mirror, all windows of a batch alike, as a face in a mirror moves like another person's.
    """

    noise: float = 0.0
    speed: float = 0.0
    mirror: float = 0.0

    def __post_init__(self) -> None:
        if self.noise < 0 or not 0 <= self.speed < 1 or not 0 <= self.mirror <= 1:
            raise NvfairError(
                f"augmentation {self}", expected="noise of at least 0, speed in [0, 1), mirror between 0 and 1"
            )


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training run.

    generators: trained and selected on. method: the network (benchmark.methods.network.NETWORKS); input, scale, width,
    embedding, dilations and dropout are the temporal CNN's, `sizes` those of any other by name. windows: the budget;
    equal budgets make methods comparable. batch: windows of one loss, as only windows of one batch are compared.
    accumulate: batches a step, over all processes together, whose gradients are averaged. drivers: people a batch.
    optimiser: "adamw", or "adam" (weight decay as part of the gradient). schedule: "cosine" down to a hundredth,
    "drop" to a tenth after two thirds, "constant"; each after a linear warm-up over that share of the steps.
    validate_every: windows between validations. patience: validations without a better one before it stops (0: never).
    validation_clips: at most so many clips of each driver on each face (0: all). precision: "float32", or "bfloat16"
    for the matrix products. compile: through torch.compile. No option but these decides what comes out.
    """

    generators: tuple[str, ...]
    method: str = "temporal-cnn"
    input: Input = "distances"
    scale: Scale = DEFAULT_SCALE
    windows: int = 20_000
    batch: int = 64
    accumulate: int = 1
    drivers: int = 8
    width: int = 128
    embedding: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dropout: float = 0.3
    sizes: Mapping[str, Any] = field(default_factory=dict)
    optimiser: Literal["adamw", "adam"] = "adamw"
    schedule: Schedule = "cosine"
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    warm_up: float = 0.05
    validate_every: int = 4_000
    patience: int = 0
    validation_clips: int = 4
    precision: str = "float32"
    compile: bool = False
    seed: int = 0
    loss: LossOptions = field(default_factory=LossOptions)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.accumulate < 1:
            raise NvfairError(f"{self.accumulate} batches a step", expected="at least one")
        for name, known in (("optimiser", ("adamw", "adam")), ("schedule", ("cosine", "drop", "constant"))):
            if getattr(self, name) not in known:
                raise NvfairError(f"{name} {getattr(self, name)!r} is unknown", expected=f"one of {', '.join(known)}")

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole budget."""
        return max(1, self.windows // (self.batch * self.accumulate))

    @property
    def validation_steps(self) -> int:
        """Steps between validations."""
        return max(1, self.validate_every // (self.batch * self.accumulate))

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return json.loads(json.dumps(asdict(self)))

    def digest(self, *more: str) -> str:
        """Hash of the options and of `more`: what an interrupted run must share to go on."""
        text = json.dumps([self.to_json(), *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
