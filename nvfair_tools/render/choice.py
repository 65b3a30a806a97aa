"""From a recipe's choice of a generator to the generator itself, and to what the data set says of it."""

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
    """A generator as a data set names it; the generator itself is made anew in each worker.

    label: of folders, parts and rows. options: what `generators.create` is called with. fingerprint: of everything
    that determines its pixels. splits: those it renders.
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

    def told(self) -> dict[str, Any]:
        """What dataset.json and the rows say of it."""
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


def chosen_generators(recipe: Recipe) -> list[ChosenGenerator]:
    """The recipe's generators. Each is made once, so missing weights and wrong settings are found before any work.

    Raises NvfairError naming the generator and its key in the recipe.
    """
    return [_chosen(recipe, choice, number) for number, choice in enumerate(recipe.generators)]


def make(chosen: ChosenGenerator) -> Generator:
    """The generator itself."""
    return create(chosen.name, **chosen.options)


def _chosen(recipe: Recipe, choice: GeneratorChoice, number: int) -> ChosenGenerator:
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
    """Keyword options of the generator's factory. `device` and `dtype` are told only to those that know the words."""
    options = dict(choice.settings)
    if choice.weights is not None:
        path = recipe.resolve(choice.weights)
        options["weights"] = str(path) if path.exists() else choice.weights  # else a registered name
    known = _factory_parameters(choice.name)
    if "device" in known:
        options.setdefault("device", recipe.device)
    if "dtype" in known:
        options["dtype"] = choice.dtype
    elif choice.dtype != "float32":
        raise GeneratorError(f"generator {choice.name!r} has no dtype; leave it out")
    return options


def _factory_parameters(name: str) -> set[str]:
    if name not in FACTORIES:
        return set()
    return set(inspect.signature(factory(name)).parameters)
