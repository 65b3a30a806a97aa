"""What is trained and how it is scored: variants of two methods, a spare cohort of other people, ways of scoring.

All of it was fixed before the first test person was scored. Choices between variants are made on validation people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmark.methods.network import network_class
from benchmark.methods.train_options import Augmentation, LossOptions, TrainOptions
from benchmark.protocols.schema import Template, Trials
from examples.studies.convergence.plan import read_world, thinned_landmarks
from nvfair_tools.simulate.settings import CohortSettings

OURS, CENTRED = "ours", "centred distances"
PLAIN, NORMALISED, NEAREST = "plain", "normalised", "normalised, nearest"
# Generators of the spare cohort that no world is tested on: re-renderings to learn from without labels.
SPARE_GENERATORS = ("sim-mesh", "sim-recurrent", "sim-keyframe")
ENROLLED = (1, 3, 5)  # clips


@dataclass(frozen=True)
class Size:
    """How much work the study is. steps, pretraining_steps: of the network. fitted: windows that ours is fitted on.
    people: of the spare cohort, to learn from and to normalise by. clips: of each. nearest: videos of the cohort.
    """

    name: str
    width: int
    every: int
    steps: int
    pretraining_steps: int
    fitted: int
    people: tuple[int, int]
    clips: int
    nearest: int


SIZES = {
    size.name: size
    for size in (
        Size("tiny", 8, 8, 4, 4, 60, (3, 2), 3, 4),
        Size("small", 32, 3, 300, 500, 8_000, (40, 20), 8, 100),
    )
}


@dataclass(frozen=True)
class Variant:
    """A method with what is added to its training."""

    method: str
    re_rendering: bool = False
    pretraining: bool = False

    @property
    def title(self) -> str:
        """The name of the variant in tables, in words."""
        added = ["re-rendering"] * self.re_rendering + ["pretraining"] * self.pretraining
        return " + ".join([self.method, *added])


VARIANTS = (
    Variant(OURS),
    Variant(OURS, re_rendering=True),
    Variant(CENTRED),
    Variant(CENTRED, re_rendering=True),
    Variant(CENTRED, pretraining=True),
    Variant(CENTRED, re_rendering=True, pretraining=True),
)


@dataclass(frozen=True)
class Run:
    """A variant trained in a world with a seed."""

    world: str
    settings: CohortSettings
    variant: Variant
    seed: int
    size: Size

    @property
    def key(self) -> str:
        """The name of the run's files."""
        return f"{self.world}-{self.variant.title}-{self.size.name}-{self.seed}".replace(" ", "-")

    @property
    def options(self) -> TrainOptions:
        """The options of the training, on the world's first generator."""
        generator = self.settings.generators[0]
        if self.variant.method == OURS:
            sizes = {"fitted": self.size.fitted}
            named = {"distortions": "re-rendering"} if self.variant.re_rendering else {}
            network = network_class("motion-signature")
            return TrainOptions(
                (generator,), method="motion-signature", sizes={**sizes, **named}, windows=64, validate_every=64,
                validation_clips=0, seed=self.seed, **network.recommended,
            )  # fmt: skip
        augmentation = Augmentation.named("re-rendering") if self.variant.re_rendering else Augmentation()
        return network_options(
            self.size, (generator,), self.size.steps, self.seed, augmentation=augmentation, learning_rate=1e-3
        )


def network_options(
    size: Size, generators: tuple[str, ...], steps: int, seed: int, *, augmentation: Augmentation, learning_rate: float
) -> TrainOptions:
    """Options of a training of the network on centred distances, validated four times."""
    return TrainOptions(
        generators, method="temporal-cnn", input="distances-centred", width=size.width,
        sizes={"landmarks": thinned_landmarks(size.every)}, windows=steps * 64, validate_every=max(1, steps // 4) * 64,
        validation_clips=0, learning_rate=learning_rate, seed=seed, augmentation=augmentation,
    )  # fmt: skip


def pretraining_options(size: Size, seed: int) -> TrainOptions:
    """Options of the pretraining: no driver's label, 16 clips a batch (as many as there are, at the tiny size)."""
    base = network_options(
        size, SPARE_GENERATORS, size.pretraining_steps, seed, augmentation=Augmentation(), learning_rate=1e-3
    )
    clips = min(16, size.people[0] * size.clips)
    return replace(base, positives="clip", drivers=clips, loss=LossOptions("supcon", negatives="any"))


def spare_world(settings: CohortSettings, size: Size) -> CohortSettings:
    """The cohort of other people of a world: the world's first generator, and generators that nobody is tested on."""
    generators = (settings.generators[0], *SPARE_GENERATORS)
    train, test = size.people
    return CohortSettings.model_validate(
        settings.model_dump(mode="json")
        | {
            "name": f"{settings.name}-spare",
            "seed": settings.seed + 1_000,
            "clips": size.clips,
            "generators": generators,
            "motion_modes": dict.fromkeys(generators, "relative"),
            "sources": [{"name": f"{settings.name}-spare", "train": train, "validation": 0, "test": test}],
        }
    )


def trial_rules() -> dict[str, Trials]:
    """Way of enrolling -> the rule of its trials: pairs of videos, and templates of several clips."""
    plain = Trials()
    templates = {
        f"{clips} clip{'s' * (clips > 1)}": plain.model_copy(update={"template": Template(clips=clips, draws=10)})
        for clips in ENROLLED
    }
    return {"pairs": plain, **templates}


def study_runs(worlds: Sequence[str], size: Size, seeds: int, methods: Sequence[str]) -> Iterator[Run]:
    """All runs of `methods` (OURS, CENTRED), every variant with the first seed first."""
    for world in worlds:
        settings = read_world(world)
        for seed in range(seeds):
            for variant in VARIANTS:
                if variant.method in methods:
                    yield Run(settings.name, settings, variant, seed, size)
