"""The generators that a recipe chooses: how they are created, and how the data set describes them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from generators.errors import GeneratorError, MissingPackage
from generators.face import Framing
from generators.generator import Generator, MotionMode
from generators.registry import FACTORIES, create, factory
from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.media.source_types import SOURCE_TYPE_TAG, TRAINED_ALGORITHM
from nvfair_tools.recipe.recipe import GeneratorChoice, Recipe
from nvfair_tools.render.number_format import format_speeds


@dataclass(frozen=True)
class ChosenGenerator:
    """A generator with its settings, as a picklable value; each worker creates the generator itself.

    label: its name in folders, parts and rows. fingerprint: hash of everything that determines its pixels. options:
    keyword arguments of `generators.create`. splits: those it renders. source_type: IPTC's digital source type of its
    videos. number_format: a sentence on the format that was chosen or is the slower one here, or "". slow_format:
    whether the recipe asks for the slower one. renders_lists: whether it makes all videos of a driving clip in one run
    of a program.
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
    source_type: str
    number_format: str = ""
    slow_format: bool = False
    renders_lists: bool = False

    @property
    def uses_device(self) -> bool:
        """Whether it computes on a device of its own choice, as networks do, and not on the CPU alone."""
        return self.options.get("device", "cpu") != "cpu"

    def create(self) -> Generator:
        """Creates the generator in this process."""
        return create(self.name, **self.options)

    def check_program(self) -> str:
        """What the external program of this generator is, in words; "" for a generator that is none.

        Raises NvfairError where the program cannot be started, or does not load.
        """
        if self.family != "external":
            return ""  # its weights need not be read again
        try:
            return str(self.create().check())  # type: ignore[attr-defined]
        except GeneratorError as error:
            raise NvfairError(
                str(error), remedy="correct `settings` of this generator, or mend its environment"
            ) from error

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
            SOURCE_TYPE_TAG: self.source_type,
        }


def generator_name_problem(name: str) -> str:
    """Why no generator goes by this name, in words; "" where there is one."""
    if name in FACTORIES:
        return ""
    near = difflib.get_close_matches(name, FACTORIES, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(FACTORIES)}"
    return f"no generator is called {name!r}; {hint}"


def resolve_generators(recipe: Recipe, formats: Mapping[str, str] = MappingProxyType({})) -> list[ChosenGenerator]:
    """Resolves the recipe's generators. Each is created once, so that missing weights and wrong settings are found
    before any work is done.

    formats: {label: number format} that an earlier run has chosen where the recipe says "auto": one data set keeps to
    it, wherever it is continued. Raises NvfairError naming the generator and its key in the recipe.
    """
    return [resolve_generator(recipe, number, formats) for number in range(len(recipe.generators))]


def resolve_generator(recipe: Recipe, number: int, formats: Mapping[str, str]) -> ChosenGenerator:
    """Resolves one of the recipe's generators, see `resolve_generators`."""
    choice = recipe.generators[number]
    where = f"generators.{number} ({choice.label})"
    try:
        options = _options(recipe, choice)
        mode = MotionMode(choice.mode, choice.reference if choice.mode == "relative" else 0, choice.options)
        number_format, slow_format = _choose_format(choice, options, formats)
        generator = create(choice.name, **options)
        if check_mode := getattr(generator, "check_mode", None):
            check_mode(mode)
    except MissingPackage as error:
        raise MissingExtra(error.package, error.extra, error.why) from error
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
        source_type=choice.digital_source_type or str(getattr(generator, SOURCE_TYPE_TAG, TRAINED_ALGORITHM)),
        number_format=number_format,
        slow_format=slow_format,
        renders_lists=getattr(generator, "renders_lists", False),
    )


def chosen_formats(recipe: Recipe, generators: Iterable[ChosenGenerator]) -> dict[str, str]:
    """The number formats of the generators for which the recipe says "auto", {label: format}."""
    left_open = {choice.label for choice in recipe.generators if choice.dtype == "auto"}
    return {generator.label: generator.options["dtype"] for generator in generators if generator.label in left_open}


def _options(recipe: Recipe, choice: GeneratorChoice) -> dict[str, Any]:
    """Keyword arguments of the generator's factory but `dtype`, with `device` only where it has this parameter."""
    options = dict(choice.settings)
    if choice.weights is not None:
        path = recipe.resolve(choice.weights)
        options["weights"] = str(path) if path.exists() else choice.weights  # else a registered name
    if "device" in _factory_parameters(choice.name):
        options.setdefault("device", recipe.device)
    return options


def _choose_format(choice: GeneratorChoice, options: dict[str, Any], formats: Mapping[str, str]) -> tuple[str, bool]:
    """Puts `dtype` into the options where the generator has it; returns number_format and slow_format."""
    if "dtype" not in _factory_parameters(choice.name):
        if choice.dtype != "float32":
            raise GeneratorError(f"generator {choice.name!r} has no dtype; leave it out")
        return "", False
    if choice.dtype == "auto" and choice.label in formats:
        options["dtype"] = formats[choice.label]
        return f"{choice.label} renders in {options['dtype']}, as this data set was begun", False
    if choice.dtype == "float32":
        options["dtype"] = choice.dtype
        return "", False
    speeds = format_speeds(choice.name, options)
    options["dtype"] = speeds.faster if choice.dtype == "auto" else choice.dtype
    slower = choice.dtype == "bfloat16" and speeds.gain < 1
    if choice.dtype == "auto" or slower:
        return f"{choice.label} renders in {options['dtype']}: {speeds}", slower
    return "", False


def _factory_parameters(name: str) -> set[str]:
    if name not in FACTORIES:
        return set()
    return set(inspect.signature(factory(name)).parameters)
