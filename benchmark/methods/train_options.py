"""What decides a training run, apart from the data and the protocol.

The fields of these classes are keys of checkpoints and of the digest by which an interrupted run is recognised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmark.methods.inputs import Input
from benchmark.methods.loss_presets import LOSS_PRESETS, loss_label
from benchmark.methods.re_rendering import RE_RENDERING_PRESETS, ReRendering
from nvfair_tools.errors import NvfairError, did_you_mean
from nvfair_tools.features import DEFAULT_SCALE, Scale

Schedule = Literal["cosine", "drop", "constant"]
Positives = Literal["driver", "clip"]

LOSSES = ("fingerprint", "triplet", "supcon")
NEGATIVES = ("face", "any")
OPTIMISERS = ("adamw", "adam")
SCHEDULES = ("cosine", "drop", "constant")
POSITIVES = ("driver", "clip")
PRECISIONS = ("float32", "bfloat16")

# The network that is trained where none is named.
DEFAULT_METHOD = "nvfair-relative"
# Options of the temporal CNN alone; other networks take their sizes by `sizes`.
OPTIONS_OF_TEMPORAL_CNN = ("input", "scale", "width", "embedding", "dilations", "dropout")


def default_method(named_options: Iterable[str]) -> str:
    """The network to train where none is named: the temporal CNN where one of its own options is, else the default."""
    return "temporal-cnn" if {*named_options} & {*OPTIONS_OF_TEMPORAL_CNN} else DEFAULT_METHOD


@dataclass(frozen=True)
class LossOptions:
    """The loss of a training run. Raises NvfairError for a value that no loss can take.

    kind: "fingerprint", or "triplet" or "supcon" of benchmark.training.metric_losses.
    tau: temperature of the fingerprint loss.
    scale: its c. "batch": the batch's mean squared distance over all i, j, t, t', taken as a constant in gradients; or
    a positive number as text.
    include_self: whether j = i counts in N of the fingerprint loss.
    share_driving_clip: whether windows of one driving clip pull each other, in every loss.
    shuffle_weight: factor of R, the shuffled windows of the fingerprint loss; 0: no shuffled windows are made.
    margin: of the triplet loss. temperature: of the supcon loss.
    floor: what the supcon loss adds to each sum of exponentials, as a share of a sample's exponential with itself.
    negatives: which windows push in triplet and supcon. "face": other drivers of the same face, where the batch has
    any; "any": all other drivers.
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
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_choice("loss", self.kind, LOSSES)
        _check_choice("negatives", self.negatives, NEGATIVES)
        if self.scale != "batch" and not _is_positive(self.scale):
            raise NvfairError(f"loss scale is {self.scale!r}", expected='"batch", or a positive number')
        if self.floor < 0:
            raise NvfairError(f"floor of the loss is {self.floor}", expected="at least 0")
        for name in ("tau", "temperature"):
            if getattr(self, name) <= 0:
                raise NvfairError(f"{name} of the loss is {getattr(self, name)}", expected="a number above 0")

    @classmethod
    def named(cls, name: str, **values: Any) -> LossOptions:
        """The loss called `name`, a kind or one of LOSS_PRESETS, with other `values` of its options.

        Raises NvfairError where a value differs from what the preset sets, as the loss would not be what its name says.
        """
        preset = LOSS_PRESETS.get(name)
        if preset is None:
            return cls(kind=name, **values)
        changed = [option for option, value in values.items() if option in preset and value != preset[option]]
        if changed:
            raise NvfairError(
                f"the loss {name!r} sets {', '.join(f'{option}={preset[option]}' for option in changed)}",
                remedy=f"leave these options out, or name the loss {preset['kind']}",
            )
        return cls(**{**values, **preset})

    @property
    def label(self) -> str:
        """The name of the loss in reports: that of the preset whose values it has, else its kind."""
        return loss_label(asdict(self))

    @property
    def shuffles(self) -> bool:
        """Whether the loss needs windows with their frames in random order."""
        return self.kind == "fingerprint" and self.shuffle_weight > 0


@dataclass(frozen=True)
class Augmentation:
    """Changes to training windows (benchmark.training.augmentation). Raises NvfairError for a value out of range.

    noise: standard deviation of what is added to each coordinate of each frame, as a share of the face's size (root
    mean square distance of its points from their centroid). Landmarkers differ, but noise drowns small motion.
    speed: each window is played up to this share slower or faster about its middle (the frames beyond its ends repeat
    the last one). It removes a person's pace, which may be what identifies them.
    mirror: share of batches that are seen in a mirror, all windows of a batch alike, as a face in a mirror moves like
    another person's.
    re_rendering: changes that imitate another generator and another tracking (benchmark.methods.re_rendering).
    """

    noise: float = 0.0
    speed: float = 0.0
    mirror: float = 0.0
    re_rendering: ReRendering = field(default_factory=ReRendering)

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise NvfairError(f"augmentation noise is {self.noise}", expected="at least 0")
        if not 0 <= self.speed < 1:
            raise NvfairError(f"augmentation speed is {self.speed}", expected="at least 0 and below 1")
        if not 0 <= self.mirror <= 1:
            raise NvfairError(f"augmentation mirror is {self.mirror}", expected="a share between 0 and 1")

    @classmethod
    def named(cls, name: str, **values: Any) -> Augmentation:
        """The augmentation called `name`, one of RE_RENDERING_PRESETS, with noise, speed and mirror as in `values`."""
        _check_choice("augmentation", name, tuple(RE_RENDERING_PRESETS))
        return cls(re_rendering=RE_RENDERING_PRESETS[name], **values)


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training run; with the data and the protocol they decide the checkpoint, and nothing else does.

    generators: names of the generators to train and select on.
    method: the network (benchmark.methods.network.NETWORKS); `default_method` is what commands train. input, scale,
    width, embedding, dilations and dropout are options of the temporal CNN; `sizes` holds those of any other network by
    name.
    windows: the budget; equal budgets make methods comparable. batch: windows of one loss, as only windows of one batch
    are compared. accumulate: batches a step, over all processes together, whose gradients are averaged. drivers: people
    a batch.
    positives: what windows that pull each other have in common. "driver": the person who drives, in different clips;
    "clip": the driving clip, on any face and by any generator, while all else pushes. No driver's label is used then,
    nothing is selected, the last step is taken, and `drivers` counts clips.
    optimiser: "adamw", or "adam" (weight decay as part of the gradient). schedule: "cosine" down to a hundredth of the
    learning rate, "drop" to a tenth after two thirds of the steps, "constant"; each after a linear warm-up over the
    share `warm_up` of the steps.
    clip_gradients: largest norm of a step's gradients over all parameters, above which they are shrunk to it (0: none).
    validate_every: windows between validations. patience: training stops after so many validations in a row of which
    none exceeds the last gain by more than `least_gain` (0: never); a gain is a validation that did, at first the
    first. least_gain: in mean AUC. validation_clips: at most so many clips of each driver on each face are validated on
    (0: all). precision: "float32", or "bfloat16" for the matrix products. compile: through torch.compile.
    Raises NvfairError for a value that training cannot take.
    """

    generators: tuple[str, ...]
    method: str = "temporal-cnn"
    input: Input = "distances"
    scale: Scale = DEFAULT_SCALE
    windows: int = 20_000
    batch: int = 64
    accumulate: int = 1
    drivers: int = 8
    positives: Positives = "driver"
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
    clip_gradients: float = 0.0
    validate_every: int = 4_000
    patience: int = 0
    least_gain: float = 0.0
    validation_clips: int = 4
    precision: str = "float32"
    compile: bool = False
    seed: int = 0
    loss: LossOptions = field(default_factory=LossOptions)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        for name in ("windows", "batch", "accumulate", "validate_every"):
            if getattr(self, name) < 1:
                raise NvfairError(f"{name} is {getattr(self, name)}", expected="at least 1")
        for name in ("clip_gradients", "least_gain"):
            if getattr(self, name) < 0:
                raise NvfairError(f"{name} is {getattr(self, name)}", expected="at least 0")
        _check_choice("optimiser", self.optimiser, OPTIMISERS)
        _check_choice("schedule", self.schedule, SCHEDULES)
        _check_choice("positives", self.positives, POSITIVES)
        _check_choice("precision", self.precision, PRECISIONS)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole budget."""
        return max(1, self.windows // (self.batch * self.accumulate))

    @property
    def validation_steps(self) -> int:
        """Optimiser steps from one validation to the next."""
        return max(1, self.validate_every // (self.batch * self.accumulate))

    def to_json(self) -> dict[str, Any]:
        """All options as plain values; those that came later only where they are used."""
        values = json.loads(json.dumps(asdict(self)))
        for name in ("clip_gradients", "least_gain"):
            if not values[name]:
                del values[name]
        if self.positives == "driver":
            del values["positives"]
        if not self.loss.floor:
            del values["loss"]["floor"]
        if not self.augmentation.re_rendering.changes_anything:
            del values["augmentation"]["re_rendering"]
        return values

    def digest(self, *more: str) -> str:
        """The sha256 of the options and of `more`: an interrupted run goes on only where it is the same."""
        text = json.dumps([self.to_json(), *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise NvfairError(
            f"{name} {value!r} is unknown", expected=f"one of {', '.join(known)}", remedy=did_you_mean([value], known)
        )


def _is_positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False
