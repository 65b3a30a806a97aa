"""The settings of a simulated world, as users write them in YAML; their hash names the world."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.simulate.content import EMOTIONS, Content
from nvfair_tools.simulate.randomness import digest
from nvfair_tools.simulate.reenact import FIRST_WORLD, GENERATORS, SimulatedGenerator
from nvfair_tools.simulate.signature import (
    DEFAULT_DIFFICULTY,
    IDIOM_SHARE,
    IDIOM_SPREAD,
    PARAMETERS,
    Dynamics,
)
from nvfair_tools.unique_keys import load_unique_yaml

if TYPE_CHECKING:
    from typing_extensions import Self

# A change of the simulated values changes this number too, and with it the hash of every world.
SIMULATION_VERSION = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceSettings(_Frozen):
    """A simulated collection: the number of its people by split, their texts and emotions.

    texts: number of scripts that every person performs. free: share of clips with free speech instead of a script.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    train: Annotated[int, Field(ge=0)]
    validation: Annotated[int, Field(ge=0)]
    test: Annotated[int, Field(ge=0)]
    texts: Annotated[int, Field(ge=1)] = 12
    free: Annotated[float, Field(ge=0, le=1)] = 0.0
    emotions: tuple[Literal[EMOTIONS], ...] = ("neutral",)  # type: ignore[valid-type]

    @property
    def people(self) -> int:
        return self.train + self.validation + self.test

    def split(self, number: int) -> str:
        """The split of person number 1, 2, ...; the people of a split are spread over the numbers."""
        # Multiplication by a number without common factors permutes the numbers.
        step = next(k for k in (37, 41, 43, 47) if self.people % k)
        position = (number - 1) * step % self.people
        if position < self.train:
            return "train"
        return "validation" if position < self.train + self.validation else "test"

    def content(self, identity: str, clip: int) -> Content:
        """The content of a person's clip number 0, 1, ...: the same for every person, unless it is free speech."""
        emotion = self.emotions[(clip + clip // self.texts) % len(self.emotions)]
        if int((clip + 1) * self.free) > int(clip * self.free):
            return Content(f"free {identity} {clip}", "free", emotion)
        return Content(f"{self.name} script {clip % self.texts + 1:02d}", "scripted", emotion)


# NVFAIR's numbers of people (32/4/10, 16/2/6, 63/9/19): one collection of video calls and two of acted sentences.
NVFAIR_SOURCES = (
    SourceSettings(name="sim-vc", train=32, validation=4, test=10, texts=6, free=0.5),
    SourceSettings(name="sim-rav", train=16, validation=2, test=6, texts=2, emotions=EMOTIONS),
    SourceSettings(
        name="sim-crema", train=63, validation=9, test=19, texts=12,
        emotions=("neutral", "happy", "sad", "angry", "fearful", "disgust"),
    ),
)  # fmt: skip


class ParameterSettings(_Frozen):
    """Other numbers for one of `nvfair_tools.simulate.signature.PARAMETERS`; omitted numbers stay."""

    name: Literal[tuple(p.name for p in PARAMETERS)]  # type: ignore[valid-type]
    median: float | None = None
    spread: Annotated[float, Field(ge=0)] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None


class DynamicsSettings(_Frozen):
    """The dynamics of a world's people; the fields are those of `nvfair_tools.simulate.signature.Dynamics`."""

    parameters: tuple[ParameterSettings, ...] = ()
    idiom_spread: Annotated[float, Field(ge=0)] = IDIOM_SPREAD
    idiom_share: Annotated[float, Field(gt=0, lt=1)] = IDIOM_SHARE
    idiom_power: Annotated[float, Field(ge=1, le=4)] = 1.0
    idiom_lag_s: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    tempo: Annotated[float, Field(gt=0)] = 1.0

    def dynamics(self) -> Dynamics:
        """These settings as a `Dynamics` of the simulation."""
        changes = {
            parameter.name: {k: v for k, v in parameter.model_dump(exclude={"name"}).items() if v is not None}
            for parameter in self.parameters
        }
        return Dynamics(
            tuple(replace(p, **changes.get(p.name, {})) for p in PARAMETERS),
            **self.model_dump(exclude={"parameters"}),
        )


class YamlSettings(_Frozen):
    """Settings that can be read from a YAML file."""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Reads settings from a YAML file; raises NvfairError with every problem of the file."""
        try:
            content = load_unique_yaml(Path(path).read_text(encoding="utf-8")) or {}
            if not isinstance(content, dict):
                raise NvfairError("the settings are not a mapping", where=path, expected="lines such as `seed: 1`")
            return cls(**content)
        except OSError as error:
            raise NvfairError(f"cannot be read: {error.strerror}", where=path) from error
        except yaml.YAMLError as error:
            raise NvfairError(f"not valid YAML: {error}", where=path) from error
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors()]
            raise Problems(path, problems) from error


class CohortSettings(YamlSettings):
    """The settings of a cohort that consists of landmarks alone.

    name: of the world. seed: determines all random numbers. difficulty: 0 (people differ most) to 1.
    clips: real clips of each person. cross: number of other faces that each clip drives, or "all" of its source and
    split. frames: median length of a clip at 25 fps; lengths differ by up to a fifth. noise: factor of the tracking
    noise. generators: names of `nvfair_tools.simulate.reenact.GENERATORS`. dynamics: how its people move.
    """

    name: str = "simulated"
    seed: Annotated[int, Field(ge=0)] = 1
    difficulty: Annotated[float, Field(ge=0, le=1)] = DEFAULT_DIFFICULTY
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)] = NVFAIR_SOURCES
    generators: tuple[str, ...] = FIRST_WORLD
    dynamics: DynamicsSettings = DynamicsSettings()
    clips: Annotated[int, Field(ge=1)] = 12
    cross: Annotated[int, Field(ge=0)] | Literal["all"] = 2
    frames: Annotated[int, Field(ge=10)] = 100
    noise: Annotated[float, Field(ge=0)] = 1.0

    def simulated_generators(self) -> tuple[SimulatedGenerator, ...]:
        """The generators of this world; raises NvfairError with the names of those that do not exist."""
        unknown = [name for name in self.generators if name not in GENERATORS]
        if unknown:
            raise NvfairError(
                f"unknown simulated generators {unknown}", where="generators", expected=f"some of {sorted(GENERATORS)}"
            )
        return tuple(GENERATORS[name] for name in self.generators)

    def world_hash(self) -> str:
        """The hash of everything that determines this world: settings, generators, version of the simulation."""
        content = self.model_dump(mode="json")
        if self.dynamics == DynamicsSettings():
            del content["dynamics"]  # added after the first worlds, whose hashes stay
        canonical = json.dumps(content, sort_keys=True)
        return digest(SIMULATION_VERSION, canonical, *(g.fingerprint() for g in self.simulated_generators()), size=16)


def named_world(name: str) -> CohortSettings:
    """Reads the world in `nvfair_tools/simulate/worlds/NAME.yaml`; raises NvfairError for an unknown name."""
    folder = resources.files("nvfair_tools.simulate") / "worlds"
    known = sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))
    if name not in known:
        raise NvfairError(f"world {name!r} is unknown", expected=f"one of {', '.join(known)}")
    with resources.as_file(folder / f"{name}.yaml") as path:
        return CohortSettings.read(path)
