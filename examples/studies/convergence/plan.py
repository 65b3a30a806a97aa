"""What is trained: sizes of the study, methods, and the reasons that are isolated one by one.

A training has converged when `patience` validations in a row brought no gain of more than `least_gain` in mean
validation AUC over the last gain. Sizes were fixed before the first run on a world that the study reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.methods.inputs import Input
from benchmark.methods.network import network_class
from benchmark.methods.train_options import LossOptions, TrainOptions
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.settings import CohortSettings, named_world

PLAIN, CENTRED, RAW, STILL, OURS = (
    "plain distances", "centred distances", "raw coordinates", "one frame", "ours",
)  # fmt: skip
SHORTCUTS = "shortcuts"
SHORT_STEPS = 125  # the budget of earlier studies: 8,000 windows
_OUR_WINDOWS, _OUR_STEPS = 8_000, 10
_LONGER = 4
_INPUTS: dict[str, Input] = {
    PLAIN: "distances", CENTRED: "distances-centred", RAW: "coordinates", STILL: "still",
}  # fmt: skip


def thinned_landmarks(every: int) -> tuple[int, ...]:
    """Positions in the scheme of every so-manieth landmark, together with its mirror image; all for 1."""
    if every == 1:
        return ()
    mirror = SCHEME_126.mirror
    twins = sorted({tuple(sorted((landmark, int(mirror[landmark])))) for landmark in range(len(mirror))})
    return tuple(sorted({landmark for pair in twins[::every] for landmark in pair}))


@dataclass(frozen=True)
class Size:
    """How much work a training may be.

    width: channels of the networks. relative_width: of the closest known relative of the paper's network. every: of the
    landmarks, each so-manieth is seen (1: all). cap: most steps. precision: of the matrix products in training; on a
    card bfloat16 is the default of `nvfair train` too. validate_steps: steps between validations. patience,
    least_gain: of convergence.
    """

    name: str
    width: int
    relative_width: int
    every: int
    cap: int
    precision: str = "float32"
    validate_steps: int = 100
    patience: int = 5
    least_gain: float = 0.005

    @property
    def criterion(self) -> str:
        """When a training ends, in words."""
        return (
            f"validation every {self.validate_steps} steps of 64 windows; a training has converged after "
            f"{self.patience} validations in a row without a gain of more than {self.least_gain:g} in mean AUC over "
            f"the last gain; at most {self.cap:,} steps"
        )


SIZES = {
    size.name: size
    for size in (
        Size("tiny", width=16, relative_width=16, every=8, cap=6, validate_steps=2, patience=2),
        Size("small", width=32, relative_width=64, every=3, cap=1_500),
        Size("full", width=128, relative_width=256, every=1, cap=6_000, precision="bfloat16"),
    )
}


@dataclass(frozen=True)
class Reason:
    """A single change that may explain a figure; everything else stays as in the headline.

    title: in tables. methods: those that are trained with it. world: what it makes of the world's settings; None where
    the world stays as it is. Motion modes change nobody; any other change of a world gives it other people.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    world: Callable[[CohortSettings], CohortSettings] | None = None


@dataclass(frozen=True)
class Run:
    """One training, or with the method `SHORTCUTS` the shortcuts of a world.

    reason: the name of the change that it isolates; "" for the headline.
    """

    world: str
    settings: CohortSettings
    method: str
    seed: int
    size: Size
    reason: str = ""

    @property
    def key(self) -> str:
        """The name of the run's files."""
        words = [self.world, self.reason, self.method, self.size.name, str(self.seed)]
        return "-".join(word.replace(" ", "-") for word in words if word)

    @property
    def generator(self) -> str:
        """The generator that is trained on: the world's first."""
        return self.settings.generators[0]

    @property
    def options(self) -> TrainOptions:
        """The options of the training."""
        size, method = self.size, self.method
        cap = min(size.cap, SHORT_STEPS) if self.reason == "budget" else size.cap
        if self.reason == "small-network":
            size = replace(size, width=SIZES["small"].width, every=SIZES["small"].every)
        if self.reason == "patience":
            size = replace(size, patience=_LONGER * size.patience)
            cap = _LONGER * cap
        landmarks = thinned_landmarks(size.every)
        base = TrainOptions(
            (self.generator,), method="temporal-cnn", schedule="constant", learning_rate=1e-3, width=size.width,
            seed=self.seed, sizes={"landmarks": landmarks} if landmarks else {}, patience=size.patience,
            least_gain=size.least_gain, validation_clips=0, precision=size.precision,
        )  # fmt: skip
        if self.reason == "network":
            network = network_class("nvfair-relative")
            sizes = {"width": size.relative_width, "receptive_field": 71}
            base = replace(base, method="nvfair-relative", sizes=sizes, **network.recommended)
        elif method == OURS:  # in closed form; the steps after it change nothing
            network = network_class("motion-signature")
            base = replace(
                base, method="motion-signature", sizes={"fitted": _OUR_WINDOWS}, schedule="cosine", patience=0,
                least_gain=0.0, **network.recommended,
            )  # fmt: skip
            return replace(base, windows=min(cap, _OUR_STEPS) * base.batch, validate_every=_OUR_STEPS * base.batch)
        kind = _INPUTS[method]
        loss = LossOptions(shuffle_weight=0.0) if method == STILL else base.loss
        return replace(
            base, input=kind, loss=loss, windows=cap * base.batch, validate_every=size.validate_steps * base.batch
        )


METHODS = (PLAIN, CENTRED, OURS, RAW, STILL)


def _trained_on_absolute_motion(settings: CohortSettings) -> CohortSettings:
    """The world with its first generator in absolute motion; the others in relative motion where it states no modes."""
    modes = dict(settings.motion_modes) or dict.fromkeys(settings.generators, "relative")
    modes[settings.generators[0]] = "absolute"
    return settings.model_copy(update={"motion_modes": tuple(sorted(modes.items()))})


def _without_framing(settings: CohortSettings) -> CohortSettings:
    """The world with a single fixed camera."""
    return settings.model_copy(update={"framing": CohortSettings.model_fields["framing"].default})


REASONS = {
    reason.name: reason
    for reason in (
        Reason("absolute", "trained on absolute motion", (PLAIN, CENTRED, RAW), _trained_on_absolute_motion),
        Reason("small-network", "the small size's network: width 32, 861 distances", (PLAIN, CENTRED)),
        Reason("network", "the closest known relative of the paper's network", (PLAIN,)),
        Reason("budget", f"a budget of {SHORT_STEPS} steps", (PLAIN, CENTRED)),
        Reason("patience", f"{_LONGER} times the patience and the steps", (PLAIN, CENTRED)),
        Reason("framing", "one fixed camera", (PLAIN, RAW), _without_framing),
    )
}


def read_world(name: str) -> CohortSettings:
    """The settings of a world by its name, or of a YAML file; NvfairError where there is none."""
    return CohortSettings.read(name) if name.endswith((".yaml", ".yml")) else named_world(name)


def world_title(name: str) -> str:
    """The name of a world in tables and file names: that of its file without the ending."""
    return Path(name).stem if name.endswith((".yaml", ".yml")) else name


def study_runs(
    worlds: Sequence[str], size: Size, seeds: int, methods: Sequence[str], reasons_of: Sequence[str],
    reasons: Sequence[str], reason_seeds: int,
) -> Iterator[Run]:  # fmt: skip
    """Each world's headline, followed by the runs that isolate `reasons` where it is among `reasons_of`.

    reason_seeds: seeds of these.

    Raises NvfairError for a world in `reasons_of` that is not among `worlds`.
    """
    others = [world for world in reasons_of if world not in worlds]
    if others:
        raise NvfairError(f"reasons are asked for in {others[0]!r}", expected=f"some of --worlds {' '.join(worlds)}")
    for world in worlds:
        yield from headline_runs(world, size, seeds, methods)
        if world in reasons_of:
            yield from reason_runs(world, size, reason_seeds, reasons)


def headline_runs(world: str, size: Size, seeds: int, methods: Sequence[str] = METHODS) -> Iterator[Run]:
    """The shortcuts of a world, then every method with each seed, all methods with the first seed first."""
    settings, title = read_world(world), world_title(world)
    yield Run(title, settings, SHORTCUTS, 0, size)
    for seed in range(seeds):
        for method in methods:
            yield Run(title, settings, method, seed, size)


def reason_runs(world: str, size: Size, seeds: int, reasons: Sequence[str] = tuple(REASONS)) -> Iterator[Run]:
    """The runs that isolate reasons in a world, all reasons with the first seed first.

    Changes that change nothing at this size, as the small size's network at the small size, are left out.
    """
    settings, title = read_world(world), world_title(world)
    for seed in range(seeds):
        for reason in (REASONS[name] for name in reasons):
            changed = settings if reason.world is None else reason.world(settings)
            for method in reason.methods:
                run = Run(title, changed, method, seed, size, reason.name)
                headline = replace(run, settings=settings, reason="")
                if (run.settings, run.options) != (headline.settings, headline.options):
                    yield run


def parse_methods(names: Sequence[str]) -> tuple[str, ...]:
    """The methods with these names, in the study's order; NvfairError that lists all names where one is unknown."""
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise NvfairError(f"method {unknown[0]!r} is unknown", expected=f"some of {', '.join(METHODS)}")
    return tuple(method for method in METHODS if not names or method in names)
