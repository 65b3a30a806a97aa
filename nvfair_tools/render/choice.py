"""The generators that a recipe chooses: how they are created, and how the data set describes them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from generators.errors import GeneratorError
from generators.face import Framing
from generators.generator import Generator, MotionMode
from generators.registry import FACTORIES, create, factory
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.recipe import GeneratorChoice, Recipe


@dataclass(frozen=True)
class ChosenGenerator:
    """A generator with its settings, as a picklable value; each worker creates the generator itself.

    label: its name in folders, parts and rows. fingerprint: hash of everything that determines its pixels. options:
    keyword arguments of `generators.create`. splits: those it renders.
    """

    label: str
    name: str
    family: str
    version: str
    licence: str
    fingerprint: str
    framing: Framing
    size: int
    needs_image: bool
    mode: MotionMode
    motion_mode: str
    options: dict[str, Any]
    splits: tuple[str, ...]

    @property
    def uses_device(self) -> bool:
        """Whether it computes on a device of its own choice, as networks do, and not on the CPU alone."""
        return self.options.get("device", "cpu") != "cpu"

    def create(self) -> Generator:
        """Creates the generator in this process."""
        return create(self.name, **self.options)

    def describe(self) -> dict[str, Any]:
        """The description of the generator in dataset.json, from which table rows take their columns."""
        return {
            "label": self.label,
            "name": self.name,
            "family": self.family,
            "version": self.version,
            "licence": self.licence,
            "fingerprint": self.fingerprint,
            "size": self.size,
            "motion_mode": self.motion_mode,
        }


def resolve_generators(recipe: Recipe) -> list[ChosenGenerator]:
    """Resolves the recipe's generators. Each is created once, so that missing weights and wrong settings are found
    before any work is done.

    Raises NvfairError naming the generator and its key in the recipe.
    """
    return [_resolve(recipe, choice, number) for number, choice in enumerate(recipe.generators)]


def _resolve(recipe: Recipe, choice: GeneratorChoice, number: int) -> ChosenGenerator:
    where = f"generators.{number} ({choice.label})"
    try:
        options = _options(recipe, choice)
        mode = MotionMode(choice.mode, choice.reference if choice.mode == "relative" else 0, choice.options)
        generator = create(choice.name, **options)
    except GeneratorError as error:
        raise NvfairError(str(error), where=where, remedy="correct the recipe; see docs/datasets.md") from error
    return ChosenGenerator(
        label=choice.label,
        name=choice.name,
        family=generator.family,
        version=generator.version,
        licence=generator.licence,
        fingerprint=generator.fingerprint(),
        framing=generator.framing,
        size=generator.size,
        needs_image=generator.needs_image,
        mode=mode,
        motion_mode=choice.motion_mode,
        options=options,
        splits=choice.splits,
    )


def _options(recipe: Recipe, choice: GeneratorChoice) -> dict[str, Any]:
    """Keyword arguments of the generator's factory, with `device` and `dtype` only where it has these parameters."""
    options = dict(choice.settings)
    if choice.weights is not None:
        path = recipe.resolve(choice.weights)
        options["weights"] = str(path) if path.exists() else choice.weights  # else a registered name
    parameters = _factory_parameters(choice.name)
    if "device" in parameters:
        options.setdefault("device", recipe.device)
    if "dtype" in parameters:
        options["dtype"] = choice.dtype
    elif choice.dtype != "float32":
        raise GeneratorError(f"generator {choice.name!r} has no dtype; leave it out")
    return options


def _factory_parameters(name: str) -> set[str]:
    if name not in FACTORIES:
        return set()
    return set(inspect.signature(factory(name)).parameters)
